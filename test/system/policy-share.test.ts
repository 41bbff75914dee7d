/** A policy for a share of the accounts: each account has one behaviour, in every session and on every replica, and before
 *  it is known the stricter of the policies holds. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTwoGatekeepers, type TwoGatekeepers } from '../support/two-gatekeepers.ts';
import { eventually } from '../support/wait.ts';

const policy = (name: string, hidden: string): string =>
  `apiVersion: narthex/v1\nkind: MetadataPolicy\nmetadata: { name: ${name} }\nspec:\n  extends: passthrough\n` +
  `  audiences: { gatekeeper: ${hidden} }\n`;

const files = {
  'usual.yaml': policy('usual', '{ presence.priority: drop }'),
  'tried.yaml': policy('tried', '{ presence.status: drop, stream.lang: { coarsen: primary } }'),
  key: 'k'.repeat(32),
};

const replica = (): Promise<TwoGatekeepers> =>
  startTwoGatekeepers({
    files,
    sections: (file) => ({
      test: { policy: { file: file('usual.yaml'), share: [{ file: file('tried.yaml'), percent: 50 }] } },
    }),
    proxy: (file) => ({ shareKeyFile: file('key') }),
  });

let one: TwoGatekeepers;
let other: TwoGatekeepers;
let sent = 0;

beforeAll(async () => {
  [one, other] = await Promise.all([replica(), replica()]);
});
afterAll(async () => {
  await one[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});

/** By which policy a new session of an account is judged. */
async function policyFor(scene: TwoGatekeepers, username: string): Promise<string> {
  const client = await scene.logIn('test', { username });
  sent += 1;
  client.socket.write(`<presence id='p${sent}'><status>s</status><priority>5</priority></presence>`);
  const [, content] = await eventually(
    () => new RegExp(`<presence id='p${sent}'>(.*?)</presence>`).exec(scene.received.test) ?? undefined,
  );
  if (content === '<status>s</status>') return 'usual';
  return content === '<priority>5</priority>' ? 'tried' : `neither: ${content}`;
}

const usernames = Array.from({ length: 4 }, (_, index) => `user${index}`);

describe('a policy for a share of the accounts', () => {
  it('is one for each account, in all its sessions and on all replicas', async () => {
    const found: string[] = [];
    for (const username of usernames) {
      const policies = [
        await policyFor(one, username),
        await policyFor(one, username.toUpperCase()),
        await policyFor(other, username),
      ];
      expect(new Set(policies).size).toBe(1);
      found.push(policies[0]!);
    }
    expect(new Set(found)).toEqual(new Set(['usual', 'tried']));
  });

  it('is counted by sessions under its name', async () => {
    const count = (): Record<string, number> =>
      Object.fromEntries(
        one.proxy.proxy.policies
          .sessions()
          .filter(({ gatekeeper }) => gatekeeper === 'test')
          .map(({ policy: name, sessions }) => [name, sessions]),
      );
    const { usual, tried } = count();
    expect(usual! + tried!).toBe(2 * usernames.length);
    expect(Math.min(usual!, tried!)).toBeGreaterThan(0);
    const client = await one.logIn('test', { username: 'user0' });
    client.socket.write('<presence/>');
    await eventually(() => count()['usual']! + count()['tried']! === 2 * usernames.length + 1);
    client.socket.destroy();
    await eventually(() => count()['usual']! + count()['tried']! === 2 * usernames.length);
  });

  it('is the stricter of both until the account is known', async () => {
    one.everything.test = '';
    for (const username of usernames) await one.logIn('test', { username, header: " xml:lang='de-AT'" });
    const headers = one.everything.test.match(/<stream:stream[^>]*>/g) ?? [];
    expect(headers).toHaveLength(2 * usernames.length);
    for (const header of headers) expect(header).toContain("xml:lang='de'");
  });

  it('is not for another gatekeeper', async () => {
    for (const username of usernames) {
      const client = await one.logIn('other', { username });
      client.socket.write(`<presence id='${username}'><status>s</status><priority>5</priority></presence>`);
      await eventually(() =>
        one.received.other.includes(
          `<presence id='${username}'><status>s</status><priority>5</priority></presence>`,
        ),
      );
    }
  });

  it('is refused as a whole when one policy of it is wrong, and what was in force stays', async () => {
    await one.folder.write('tried.yaml', 'broken');
    await one.proxy.proxy.refresh();
    expect(one.proxy.proxy.policies.scopeOf('test').state).toBe('rejected');
    const tried = usernames[0]!;
    expect(await policyFor(one, tried)).toBe(await policyFor(other, tried));
    await one.folder.write('tried.yaml', files['tried.yaml']);
    await one.proxy.proxy.refresh();
    expect(one.proxy.proxy.policies.scopeOf('test').state).toBe('loaded');
  });
});
