/** The section `state`: what is refused, and what is warned of. */
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { ConfigError, formatProblem } from '../../src/config/problem.ts';
import { passwordOf, storeAddress } from '../../src/config/sections/state.ts';
import { verifyFiles } from '../../src/config/verify.ts';
import { configWarnings } from '../../src/config/warnings.ts';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { createAuthority } from '../support/certificates.ts';
import { folderWith, minimal } from './folder.ts';

const secret = 'k'.repeat(32);

async function folderFor(text: string, files: Record<string, string> = {}): Promise<string> {
  const { cert, key } = createAuthority().issue({ dns: ['chat.example'] });
  return folderWith({
    'tls.crt': cert,
    'tls.key': key,
    'state.key': secret,
    password: 'p\n',
    'narthex.yaml': text,
    ...files,
  });
}

const section = (redis: string, more = ''): string =>
  `${minimal}state:\n  keyFiles: [state.key]\n${more}  redis: { ${redis} }\n`;

/** The problems of a configuration; none when it loads. */
async function problems(text: string): Promise<string[]> {
  try {
    await loadConfig({ folder: await folderFor(text), environment: {} });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(formatProblem);
    throw error;
  }
}

describe('the URL of a store', () => {
  it.each([
    [
      'rediss://valkey.example',
      { isEncrypted: true, host: 'valkey.example', port: 6_379, database: 0, isLocal: false },
    ],
    ['rediss://valkey.example:7000/3', { port: 7_000, database: 3 }],
    ['rediss://[2001:db8::1]:7000/', { host: '2001:db8::1', port: 7_000, database: 0 }],
    ['redis://localhost', { isEncrypted: false, host: 'localhost', isLocal: true }],
    ['redis://127.0.0.9:1', { isLocal: true }],
    ['redis://[::1]:1', { host: '::1', isLocal: true }],
  ])('%s is taken', async (url, address) => {
    expect(await problems(section(`url: '${url}'`))).toEqual([]);
    expect(storeAddress(url)).toMatchObject(address);
  });

  it.each([
    'https://valkey.example',
    'rediss://valkey.example/a',
    'rediss://valkey.example/0/1',
    'rediss://valkey.example?db=1',
    'rediss://valkey.example#x',
    'rediss://',
    'rediss:///0',
    'rediss://valkey_1',
    'rediss://127.1',
    'valkey.example:6379',
  ])('%s is refused', async (url) => {
    const found = await problems(section(`url: '${url}'`));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^narthex\.yaml:\d+:\d+: error ERR_CONFIG_VALUE: `state\.redis\.url`/);
  });

  it('with a user or a password is refused, and the password is not repeated', async () => {
    for (const url of ['rediss://narthex:hunter2@valkey.example', 'rediss://:hunter2@valkey.example']) {
      const found = await problems(section(`url: '${url}'`));
      expect(found).toHaveLength(1);
      expect(found[0]).toContain('without user, password');
      expect(found.join('\n')).not.toContain('hunter2');
    }
  });

  it('in clear text is refused to another machine, unless that is stated', async () => {
    const found = await problems(section('url: redis://valkey.example'));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(
      'ERR_CONFIG_STATE_CLEAR_TEXT: `state.redis.url` is not encrypted, and its server is not on this machine',
    );
    expect(await problems(section('url: redis://valkey.example, clearText: true'))).toEqual([]);
    // Looks like this machine, and is not.
    for (const host of ['localhost.example', '127.0.0.1.example', '128.0.0.1'])
      expect(await problems(section(`url: redis://${host}`))).toHaveLength(1);
  });
});

describe('the section `state`', () => {
  it('needs a key file and a server', async () => {
    expect(await problems(`${minimal}state: { keyFiles: [state.key] }\n`)).toHaveLength(1);
    expect(await problems(`${minimal}state: { redis: { url: 'rediss://a' } }\n`)).toHaveLength(1);
    expect(await problems(`${minimal}state: { keyFiles: [], redis: { url: 'rediss://a' } }\n`)).toHaveLength(
      1,
    );
  });

  it('names files that can be read', async () => {
    const found = await problems(section('url: rediss://a, passwordFile: nowhere, caFile: nowhere'));
    expect(found.map((line) => String(/`(state[^`]+)`/.exec(line)?.[1])).toSorted()).toEqual([
      'state.redis.caFile',
      'state.redis.passwordFile',
    ]);
  });

  it('has no half of a pair, no user without a password, and no TLS for clear text', async () => {
    for (const [redis, message] of [
      ['url: rediss://a, clientCertFile: tls.crt', '`clientKeyFile` is missing in `state.redis`'],
      ['url: rediss://a, username: narthex', '`state.redis.username` needs `passwordFile`'],
      ['url: redis://localhost, caFile: tls.crt', '`state.redis.caFile` is for TLS'],
    ] as const) {
      const found = await problems(section(redis));
      expect([redis, found.length]).toEqual([redis, 1]);
      expect(found[0]).toContain(message);
    }
  });
});

describe('check', () => {
  async function verified(
    text: string,
    files: Record<string, string> = {},
    openToAll?: string,
  ): Promise<string[]> {
    const folder = await folderFor(text, files);
    if (openToAll !== undefined) await chmod(join(folder, openToAll), 0o644);
    const loaded = await loadConfig({ folder, environment: {} });
    const found = [...(await verifyFiles(loaded, Date.now())).problems, ...configWarnings(loaded)];
    return found.map((problem) => formatProblem(problem).replaceAll(`${folder}/`, ''));
  }

  const good = section('url: rediss://a, username: narthex, passwordFile: password');

  it('has nothing to say of good files', async () => {
    expect(await verified(good)).toEqual([]);
  });

  it('refuses a short secret, a password of several lines, and files that every user may open', async () => {
    expect((await verified(good, { 'state.key': 'short' }))[0]).toContain('state.key has 5 bytes');
    expect((await verified(good, { password: 'a\nb\n' }))[0]).toContain('password does not hold a password');
    expect((await verified(good, { password: '' }))[0]).toContain('password does not hold a password');
    for (const file of ['state.key', 'password'])
      expect((await verified(good, {}, file))[0]).toContain(`${file} holds a secret that every user`);
  });

  it('verifies the certificates for the way to the store', async () => {
    const mutual = section('url: rediss://a, caFile: ca, clientCertFile: tls.crt, clientKeyFile: other.key');
    const { cert } = createAuthority();
    const { key } = createAuthority().issue({});
    const found = await verified(mutual, { ca: cert, 'other.key': key });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain('ERR_CONFIG_KEY_MISMATCH');
    expect(await verified(mutual, { ca: 'x', 'other.key': key })).toHaveLength(2);
  });

  it('warns of several replicas without state, and says what that means for what they serve', async () => {
    const replicas = `${minimal}policy: { keyFiles: [state.key] }\nreplicas: 2\n`;
    const found = await verified(replicas);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(
      /^narthex\.yaml:\d+:\d+: warning ERR_CONFIG_STATE_MISSING: 2 replicas have no `state`: a stream is resumed only at its own replica$/m,
    );
    expect(await verified(`${good}policy: { keyFiles: [state.key] }\nreplicas: 2\n`)).toEqual([]);
    expect(await verified(`${minimal}replicas: 1\n`)).toEqual([]);
  });
});

describe('the password of a file', () => {
  it.each([
    ['word', 'word'],
    ['word\n', 'word'],
    ['word\r\n', 'word'],
    [' two words \n', ' two words '],
    [' ', ' '],
    ['', undefined],
    ['\n', undefined],
    ['one\ntwo', undefined],
    ['a\0', undefined],
    ['a'.repeat(513), undefined],
  ])('of %j is %j', (text, password) => {
    expect(passwordOf(text)).toBe(password);
  });
});
