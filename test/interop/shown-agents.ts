/** What a server with the test module `shown_authentications` is shown of @xmpp/client (../peers/javascript/sasl2.mjs). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { PeerServer } from '../peers/server.ts';

/** `<user-agent/>` of an authentication (XEP-0388 §2.2.1). */
interface UserAgent {
  readonly id: string;
  readonly software: string;
  readonly device: string;
}

const own: UserAgent = {
  id: 'd4565fa7-4d72-4749-b3d3-740edbf87770',
  software: 'Chirper 4.2',
  device: 'Phone of Juliet',
};

/** Returns those of every authentication so far. */
export function shownAgents({ folder }: PeerServer): UserAgent[] {
  const log = readFileSync(join(folder, 'output.log'), 'utf8').replaceAll('"', "'");
  const form =
    /was shown <authenticate .*<user-agent [^>]*id='([^']*)'.*<software[^>]*>(.*)<\/software><device[^>]*>(.*)<\/device>/g;
  return [...log.matchAll(form)].map(([, id, software, device]) => ({
    id: id!,
    software: software!,
    device: device!,
  }));
}

/** Checks the agents of some authentications of one client under a shipped policy. */
export function expectAgents(agents: readonly UserAgent[], policy: string): void {
  // One installation has one identifier, or its tokens would not be its own.
  expect(new Set(agents.map((agent) => JSON.stringify(agent))).size).toBe(1);
  const [agent] = agents;
  if (policy === 'passthrough') expect(agent).toEqual(own);
  else {
    expect(agent).toMatchObject({ software: 'Narthex', device: 'Device' });
    expect(agent!.id).toMatch(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(agent!.id).not.toBe(own.id);
  }
}
