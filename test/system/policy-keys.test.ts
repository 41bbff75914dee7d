/** Secrets of pseudonyms, as files, change while a session lasts; another replica with the same files knows them too. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { logInRaw, type RawClient } from '../support/raw-client.ts';
import { startRawGatekeeper, type RawGatekeeper } from '../support/raw-gatekeeper.ts';
import { eventually } from '../support/wait.ts';

const authority = createDevelopmentAuthority();
const pair = authority.issue(['localhost', '127.0.0.1']);
const bind = (resource: string): string =>
  `<iq type='set' id='bind-1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>${resource}</resource></bind></iq>`;
const bound = (resource: string, id: string): string =>
  `<iq type='result' id='${id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>a@localhost/${resource}</jid></bind></iq>`;
const ping = (id: string, from = ''): string =>
  `<iq type='get' id='${id}' to='localhost'${from}><ping xmlns='urn:xmpp:ping'/></iq>`;

/** What the gatekeeper has received of the session under test. */
let received = '';
let gatekeeper: RawGatekeeper;
let folder: string;
let current: string;
let previous: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'narthex-keys-'));
  current = join(folder, 'current');
  previous = join(folder, 'previous');
  gatekeeper = await startRawGatekeeper(pair.certificate, pair.key, (socket) => {
    received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
  });
});

afterAll(async () => {
  gatekeeper.close();
  await rm(folder, { recursive: true });
});

const start = (keyFiles: readonly string[]): Promise<TestProxy> =>
  startTestProxy({
    domain: 'localhost',
    gatekeeper: { port: gatekeeper.port, tls: 'direct' },
    certificate: pair.certificate,
    key: pair.key,
    ca: authority.certificate,
    policy: 'balanced',
    keyFiles,
  });

const until = <T>(look: () => T | undefined | false): Promise<T> =>
  eventually(look, undefined, () => `the gatekeeper heard ${received.slice(-400)}`);

const match = (pattern: RegExp): string | undefined => pattern.exec(received)?.[1];
const idOf = (payload: string): string | undefined =>
  match(new RegExp(`<iq[^>]* id='([^']+)'[^>]*>${payload}`));

/** Binds and is answered. @returns what the gatekeeper knows the resource as. */
async function bindAs(client: RawClient, resource: string): Promise<string> {
  client.socket.write(bind(resource));
  const hidden = await until(() => match(/<resource>([^<]+)<\/resource>/));
  gatekeeper.connections.at(-1)!.write(bound(hidden, idOf('<bind')!));
  await client.until(`a@localhost/${resource}</jid>`);
  expect(client.received()).toContain("id='bind-1'");
  received = '';
  return hidden;
}

describe('secrets of pseudonyms', () => {
  it('are replaced under a session: answers to earlier stanzas are mapped back, nothing is pseudonymised twice', async () => {
    const [first, second] = [randomBytes(32), randomBytes(32)];
    await writeFile(current, first);
    await writeFile(previous, first);
    const proxy = await start([current, previous]);
    try {
      const client = await logInRaw(proxy.direct, authority.certificate);
      const upstream = gatekeeper.connections.at(-1)!;
      const resource = await bindAs(client, 'laptop');
      client.socket.write(ping('ping-1'));
      const before = await until(() => idOf('<ping'));
      received = '';

      await writeFile(current, second);
      await until(() => proxy.policy.length > 1);
      expect(proxy.policy).toEqual(['loaded balanced', 'reloaded balanced']);

      // The same identifier has another name from now on, and the old name still belongs to it.
      client.socket.write(ping('ping-1', " from='a@localhost/laptop'"));
      const after = await until(() => idOf('<ping'));
      expect(after).not.toBe(before);
      expect(received).toContain(`from='a@localhost/${resource}'`);
      upstream.write(`<iq type='result' id='${before}' to='a@localhost/${resource}'></iq>`);
      await client.until("<iq type='result' id='ping-1' to='a@localhost/laptop'></iq>");
      upstream.write(`<iq type='result' id='${after}' to='a@localhost/${resource}'/>`);
      await client.until("<iq type='result' id='ping-1' to='a@localhost/laptop'/>");
      client.socket.destroy();

      // Another replica that has the files: a resource of the old secret comes back by its name, and is not hidden again.
      const replica = await start([current, previous]);
      try {
        const elsewhere = await logInRaw(replica.direct, authority.certificate);
        const renamed = await bindAs(elsewhere, 'laptop');
        expect(renamed).not.toBe(resource);
        elsewhere.socket.destroy();
        const third = await logInRaw(replica.direct, authority.certificate);
        third.socket.write(bind(resource));
        await until(() => received.includes(`<resource>${resource}</resource>`));
        gatekeeper.connections.at(-1)!.write(bound(resource, idOf('<bind')!));
        await third.until('<jid>a@localhost/laptop</jid>');
        third.socket.destroy();
      } finally {
        await replica.close();
      }
    } finally {
      await proxy.close();
    }
  });

  it('that are too short or missing change nothing, and are reported once', async () => {
    const secret = randomBytes(32);
    await writeFile(current, secret);
    await writeFile(previous, secret);
    const proxy = await start([current, previous]);
    try {
      const client = await logInRaw(proxy.direct, authority.certificate);
      const resource = await bindAs(client, 'laptop');
      await writeFile(current, 'short');
      await until(() => proxy.policy.length > 1);
      expect(proxy.policy).toEqual(['loaded balanced', 'rejected 1']);
      client.socket.write(ping('ping-2', " from='a@localhost/laptop'"));
      await until(() => received.includes(`from='a@localhost/${resource}'`));
      client.socket.destroy();
    } finally {
      await proxy.close();
    }
  });
});
