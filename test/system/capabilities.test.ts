/** Capability profiles that change on disk while sessions run. */
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verificationHash } from '../../src/capabilities/entity-capabilities.ts';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { infoOf } from '../capabilities/disco-xml.ts';
import { profileText } from '../capabilities/shipped.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { logInRaw, type RawClient } from '../support/raw-client.ts';
import { startRawGatekeeper, type RawGatekeeper } from '../support/raw-gatekeeper.ts';

const authority = createDevelopmentAuthority();
const pair = authority.issue(['localhost', '127.0.0.1']);
const contentKinds = new URL('../../policies/content-kinds.yaml', import.meta.url).pathname;
const readvertiseJitterMs = 1_000;
const clients = 40;

const narrow = profileText('receives: { text: true }');
const wide = profileText('receives: { text: true, reaction: true }');

let folder: string;
let gatekeeper: RawGatekeeper;
/** What the gatekeeper has received, by session. */
const received: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'narthex-capabilities-'));
  gatekeeper = await startRawGatekeeper(pair.certificate, pair.key, (socket) => {
    const index = received.push('') - 1;
    socket.on('data', (chunk: Buffer) => (received[index] += chunk.toString()));
  });
});
afterAll(async () => {
  gatekeeper.close();
  await rm(folder, { recursive: true });
});

interface Stage {
  readonly proxy: TestProxy;
  readonly sessions: readonly RawClient[];
  readonly reloads: string[];
}

/** A proxy with this profile file, and clients of it that have sent their presence. */
async function withClients(file: string, use: (stage: Stage) => Promise<void>): Promise<void> {
  const reloads: string[] = [];
  const proxy = await startTestProxy({
    domain: 'localhost',
    gatekeeper: { port: gatekeeper.port, tls: 'direct' },
    certificate: pair.certificate,
    key: pair.key,
    ca: authority.certificate,
    capabilities: { contentKinds, profiles: [file], readvertiseJitterMs },
    capabilitiesObserver: { reloaded: ({ kind }) => reloads.push(kind) },
  });
  received.length = 0;
  const sessions: RawClient[] = [];
  try {
    for (let count = 0; count < clients; count += 1)
      sessions.push(await logInRaw(proxy.direct, authority.certificate));
    for (const { socket } of sessions) socket.write('<presence><show>away</show></presence>');
    await expect.poll(() => versOf(1)).toHaveLength(clients);
    await use({ proxy, sessions, reloads });
  } finally {
    for (const { socket } of sessions) socket.destroy();
    await proxy.close();
  }
}

/** The `ver` of the nth presence of each session that has sent so many. */
function versOf(nth: number): string[] {
  return received.flatMap((bytes) => {
    const presence = [...bytes.matchAll(/<presence>.*?<\/presence>/g)][nth - 1]?.[0];
    return presence === undefined ? [] : [/ ver='([^']*)'/.exec(presence)![1]!];
  });
}

/** Every session advertises the new profile once, spread over the jitter, with everything else of its presence. */
async function readvertised({ sessions, proxy, reloads }: Stage): Promise<void> {
  const [old] = versOf(1);
  await expect.poll(() => reloads, { timeout: 5_000 }).toEqual(['reloaded']);
  const seen: number[] = [];
  await expect
    .poll(() => seen.push(versOf(2).length) && seen.at(-1), {
      timeout: 5 * readvertiseJitterMs,
      interval: 10,
    })
    .toBe(clients);
  // Not one moment on the wire.
  expect(new Set(seen).size).toBeGreaterThan(5);
  const versions = new Set(versOf(2));
  expect(versions.size).toBe(1);
  const [current] = versions;
  expect(current).not.toBe(old);
  expect(received.every((bytes) => bytes.split('<show>away</show>').length === 3)).toBe(true);
  expect(versOf(3)).toEqual([]);
  expect(proxy.closed).toEqual([]);
  // A contact that asks by the old presence or the new one gets what verifies.
  for (const [index, ver] of [old!, current!].entries()) expect(await answerTo(index, ver)).toBe(ver);
  expect(sessions.every(({ socket }) => !socket.destroyed)).toBe(true);
}

/** The hash of what the gatekeeper learns by a node, in the session of this number. */
async function answerTo(session: number, ver: string): Promise<string> {
  const query = `<query xmlns='http://jabber.org/protocol/disco#info' node='https://caps.example/test#${ver}'/>`;
  const connection = gatekeeper.connections.at(session - clients)!;
  connection.write(`<iq xmlns='jabber:client' type='get' id='ask' from='a@b/c'>${query}</iq>`);
  await expect.poll(() => received[session]).toContain("id='ask'");
  const answer = /<iq [^>]*id='ask'[^>]*>(<query.*?<\/query>)/.exec(received[session]!)![1]!;
  return verificationHash(infoOf(answer));
}

describe('a profile that changes while sessions run', () => {
  it('is advertised by every session, from a plain file', async () => {
    const file = join(folder, 'plain.yaml');
    await writeFile(file, narrow);
    await withClients(file, async (stage) => {
      await writeFile(file, wide);
      await readvertised(stage);
    });
  });

  it('is advertised by every session, from a mounted volume where a symbolic link is swapped', async () => {
    const volume = join(folder, 'volume');
    const version = async (name: string, text: string): Promise<void> => {
      await mkdir(join(volume, name), { recursive: true });
      await writeFile(join(volume, name, 'profile.yaml'), text);
      await symlink(name, join(volume, '..data_tmp'));
      await rename(join(volume, '..data_tmp'), join(volume, '..data'));
    };
    await version('..1', narrow);
    await symlink(join('..data', 'profile.yaml'), join(volume, 'profile.yaml'));
    await withClients(join(volume, 'profile.yaml'), async (stage) => {
      await version('..2', wide);
      await readvertised(stage);
    });
  });

  it('and is broken changes nothing, and is loud', async () => {
    const file = join(folder, 'broken.yaml');
    await writeFile(file, narrow);
    await withClients(file, async ({ reloads, proxy }) => {
      await writeFile(file, wide.replace('receives:', 'recieves:'));
      await expect.poll(() => reloads, { timeout: 5_000 }).toEqual(['rejected']);
      await new Promise((resolve) => setTimeout(resolve, readvertiseJitterMs));
      expect(versOf(2)).toEqual([]);
      expect(proxy.closed).toEqual([]);
    });
  });
});

describe('a profile with a condition on a claim that no session can have', () => {
  const claimed = profileText('name: gold', 'match: { claim: { plan: gold } }');
  const start = (profiles: readonly string[]): Promise<TestProxy> =>
    startTestProxy({
      domain: 'localhost',
      gatekeeper: { port: gatekeeper.port, tls: 'direct' },
      certificate: pair.certificate,
      key: pair.key,
      ca: authority.certificate,
      capabilities: { contentKinds, profiles },
      capabilitiesObserver: { reloaded: ({ kind }) => reloads.push(kind) },
    });
  const reloads: string[] = [];

  it('keeps the proxy from starting, and one that runs from taking it over', async () => {
    const [fallback, gold] = [join(folder, 'default.yaml'), join(folder, 'gold.yaml')];
    await writeFile(fallback, profileText('name: default'));
    await writeFile(gold, claimed);
    await expect(start([fallback, gold])).rejects.toMatchObject({
      code: 'ERR_CAPABILITIES_INVALID',
      message: expect.stringContaining('7:10: ERR_PROFILE_CLAIM no session has claims') as unknown,
    });
    await writeFile(gold, claimed.replace('claim: { plan: gold }', 'domain: other.example'));
    const proxy = await start([fallback, gold]);
    try {
      await writeFile(gold, claimed);
      await proxy.proxy.refresh();
      expect(reloads).toEqual(['rejected']);
    } finally {
      await proxy.close();
    }
  });
});
