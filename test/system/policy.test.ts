import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { logInRaw } from '../support/raw-client.ts';
import { startRawGatekeeper, type RawGatekeeper } from '../support/raw-gatekeeper.ts';
import { eventually } from '../support/wait.ts';

const authority = createDevelopmentAuthority();
const pair = authority.issue(['localhost', '127.0.0.1']);

/** What the gatekeeper has received of the session under test. */
let received = '';
let gatekeeper: RawGatekeeper;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'narthex-policy-'));
  gatekeeper = await startRawGatekeeper(pair.certificate, pair.key, (socket) => {
    received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
  });
});

afterAll(async () => {
  gatekeeper.close();
  await rm(folder, { recursive: true });
});

const policy = (status: 'keep' | 'drop', name = 'ours'): string => `apiVersion: narthex/v1
kind: MetadataPolicy
metadata: { name: ${name}, owner: security@third.example }
spec:
  extends: passthrough
  audiences:
    gatekeeper:
      presence.status: ${status}
`;

const start = (file: string, shadow?: string): Promise<TestProxy> =>
  startTestProxy({
    domain: 'localhost',
    gatekeeper: { port: gatekeeper.port, tls: 'direct' },
    certificate: pair.certificate,
    key: pair.key,
    ca: authority.certificate,
    policy: file,
    ...(shadow === undefined ? {} : { shadow }),
  });

/** Sends presences, a number in each, while `change` happens; tells what of their status arrived. */
async function underTraffic(
  proxy: TestProxy,
  change: () => Promise<void>,
  done: () => boolean,
): Promise<number> {
  const client = await logInRaw(proxy.direct, authority.certificate);
  let sent = 0;
  const send = (): void => {
    sent += 1;
    client.socket.write(`<presence id='p${sent}'><status>s${sent}</status></presence>`);
  };
  send();
  await change();
  await eventually(() => {
    send();
    return done();
  });
  await eventually(() => received.includes(`id='p${sent}'`));
  // Not one was lost, and all of them came in order, in the one session there is.
  expect([...received.matchAll(/id='p([0-9]+)'/g)].map(([, number]) => Number(number))).toEqual(
    Array.from({ length: sent }, (_, index) => index + 1),
  );
  expect(client.socket.destroyed).toBe(false);
  client.socket.destroy();
  return sent;
}

const lastHasNoStatus = (): boolean => /<presence id='p[0-9]+'><\/presence>$/.test(received);

describe('a policy that changes while sessions run', () => {
  it('is taken over between two stanzas, from a plain folder', async () => {
    const file = join(folder, 'plain.yaml');
    await writeFile(file, policy('keep'));
    const proxy = await start(file);
    try {
      await underTraffic(proxy, () => writeFile(file, policy('drop')), lastHasNoStatus);
      expect(received).toContain('<status>s1</status>');
      expect(proxy.policy).toEqual(['loaded ours', 'reloaded ours']);
    } finally {
      await proxy.close();
    }
  });

  it('is taken over from a mounted volume, where a symbolic link is swapped', async () => {
    const volume = join(folder, 'volume');
    const version = async (name: string, text: string): Promise<void> => {
      await mkdir(join(volume, name), { recursive: true });
      await writeFile(join(volume, name, 'policy.yaml'), text);
      await symlink(name, join(volume, '..data_tmp'));
      await rename(join(volume, '..data_tmp'), join(volume, '..data'));
    };
    await version('..1', policy('keep'));
    await symlink(join('..data', 'policy.yaml'), join(volume, 'policy.yaml'));
    const proxy = await start(join(volume, 'policy.yaml'));
    try {
      await underTraffic(proxy, () => version('..2', policy('drop')), lastHasNoStatus);
      expect(proxy.policy).toEqual(['loaded ours', 'reloaded ours']);
    } finally {
      await proxy.close();
    }
  });

  it('changes nothing when it has errors, and is reported once', async () => {
    const file = join(folder, 'broken.yaml');
    await writeFile(file, policy('drop'));
    const proxy = await start(file);
    try {
      await underTraffic(
        proxy,
        () => writeFile(file, 'apiVersion: narthex/v1\nkind: MetadataPolicy\nspec: {'),
        () => proxy.policy.length > 1,
      );
      expect(proxy.policy).toEqual(['loaded ours', 'rejected 1']);
      expect(received).not.toContain('<status>');
      await writeFile(file, policy('keep'));
      await eventually(() => proxy.policy.length > 2);
      expect(proxy.policy[2]).toBe('reloaded ours');
    } finally {
      await proxy.close();
    }
  });
});

describe('a shadow policy', () => {
  it('is counted next to the one in force, by names only, and changes nothing', async () => {
    const shadow = join(folder, 'shadow.yaml');
    await writeFile(shadow, policy('drop', 'stricter'));
    const proxy = await start('passthrough', shadow);
    try {
      const client = await logInRaw(proxy.direct, authority.certificate);
      client.socket.write("<presence id='p1'><status>canary</status></presence>");
      await eventually(() => received.includes('</presence>'));
      expect(received).toBe("<presence id='p1'><status>canary</status></presence>");
      const status = proxy.decisions.totals().filter(({ field }) => field === 'presence.status');
      expect(status).toMatchObject([
        {
          gatekeeper: 'test',
          audience: 'gatekeeper',
          mode: 'shadow',
          field: 'presence.status',
          treatment: 'drop',
          namespace: undefined,
          policy: 'stricter',
          count: 1,
          interval: { count: 1, sessions: 1 },
        },
        {
          gatekeeper: 'test',
          audience: 'gatekeeper',
          mode: 'enforced',
          field: 'presence.status',
          treatment: 'keep',
          namespace: undefined,
          policy: 'passthrough',
          count: 1,
          interval: { count: 1, sessions: 1 },
        },
      ]);
      expect(JSON.stringify(proxy.decisions.totals())).not.toContain('canary');
      client.socket.destroy();
    } finally {
      await proxy.close();
    }
  });
});
