/** Files that change under `serve`: each is taken over, or rejected with its place in the log, in `/readyz` and in the
 *  answer of `/api/reload` alike; none ends the process. */
import { generateKeyPairSync } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAuthority } from '../support/certificates.ts';
import { serveProcess, type ServeProcess } from '../support/serve-process.ts';

const house = (audiences: string, rest = ''): string =>
  `apiVersion: narthex/v1\nkind: MetadataPolicy\nmetadata: { name: house }\nspec:\n  extends: strict\n${rest}${audiences}`;
const sound = house('  audiences: {}\n');

const signingKey = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();

let serve: ServeProcess;
let admin: string;
const authority = createAuthority();
const catalogueText =
  'apiVersion: narthex/v1\nkind: MetadataCatalogue\nmetadata: { name: ours }\nnamespaces: {}\nfields: {}\n';

const files: Record<string, string> = {
  'policy.yaml': sound,
  'signing/spring.pem': signingKey(),
  'catalogue.yaml': catalogueText,
};

const file = (name: string): string => join(serve.folder, name);

interface State {
  readonly state: string;
  readonly problems: readonly Record<string, unknown>[];
}

async function reload(): Promise<Record<string, State>> {
  const response = await fetch(`${admin}/api/reload`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, State>;
}

/** What the three places say of one part after a change. */
async function everywhere(part: string): Promise<readonly (State | Record<string, unknown>)[]> {
  const answered = (await reload())[part]!;
  const ready = (await (await fetch(`${admin}/readyz`)).json()) as { files: Record<string, State> };
  const logged = serve.log.filter(({ event }) => event === 'reload.rejected').at(-1);
  return [answered, ready.files[part]!, logged ?? {}];
}

async function expectRejected(part: string, problem: Record<string, unknown>): Promise<void> {
  const [answered, ready, logged] = await everywhere(part);
  const rejected = { state: 'rejected', problems: [problem] };
  expect(answered).toMatchObject(rejected);
  expect(ready).toEqual(answered);
  expect(logged).toMatchObject({ level: 'error', event: 'reload.rejected', part, ...problem });
  expect((answered as State).problems[0]!['remedy']).not.toBe('');
  expect(serve.child.exitCode).toBe(null);
}

beforeAll(async () => {
  serve = await serveProcess({
    config: {
      policy: { file: 'policy.yaml', catalogue: ['catalogue.yaml'] },
      signals: { issuer: 'https://narthex.example', keysFolder: 'signing' },
    },
    files,
  });
  admin = `http://127.0.0.1:${serve.adminPort}`;
});
afterAll(async () => {
  expect(await serve.stop()).toBe(0);
});
beforeEach(async () => {
  for (const [name, text] of Object.entries(files)) await writeFile(file(name), text);
  expect(Object.values(await reload()).map(({ state }) => state)).not.toContain('rejected');
});

describe('a rejected policy', () => {
  it.each([
    [
      'an unknown key of an exception',
      house(
        '',
        "  exceptions: [{ when: { gatekeeper: g }, audiences: { gatekeeper: {} }, why: w, 'approved-by': a, expires: 2030-01-01, extra: 1 }]\n",
      ),
      { code: 'ERR_POLICY_SCHEMA', line: 6, column: 121 },
    ],
    [
      'an unknown key of `when`',
      house(
        '',
        "  exceptions: [{ when: { gatekeper: g }, audiences: {}, why: w, 'approved-by': a, expires: 2030-01-01 }]\n",
      ),
      { code: 'ERR_POLICY_SCHEMA', line: 6, column: 26, remedy: 'Did you mean gatekeeper?' },
    ],
    [
      'an unknown audience of an exception',
      house(
        '',
        "  exceptions: [{ when: { gatekeeper: g }, audiences: { gatekeper: {} }, why: w, 'approved-by': a, expires: 2030-01-01 }]\n",
      ),
      { code: 'ERR_POLICY_SCHEMA', line: 6, column: 56, remedy: 'Did you mean gatekeeper?' },
    ],
    ['no YAML', `${sound}\t- x: [`, { code: 'ERR_POLICY_YAML', line: 7, column: 1 }],
    ['no UTF-8', Buffer.concat([Buffer.from(sound), Buffer.from([0x23, 0xff])]), { code: 'ERR_POLICY_FILE', line: 7, column: 2 }],
    ['a name too long for a label', sound.replace('house', 'h'.repeat(64)), { code: 'ERR_POLICY_SCHEMA', line: 3, column: 19 }],
  ])('%s: place, code and remedy in three places', async (_, text, problem) => {
    await writeFile(file('policy.yaml'), text);
    await expectRejected('policy', { file: file('policy.yaml'), ...problem });
  }); // prettier-ignore

  it('ends as soon as the file is as before', async () => {
    await writeFile(file('policy.yaml'), 'broken');
    expect((await reload())['policy']!.state).toBe('rejected');
    await writeFile(file('policy.yaml'), sound);
    expect((await reload())['policy']).toEqual({ state: 'loaded', problems: [], omitted: 0 });
  });
});

describe('other rejected files', () => {
  it('a certificate of another key, a broken one, none', async () => {
    const other = authority.issue({ dns: ['proxy.example'] });
    const before = serve.pair;
    await writeFile(file('tls.crt'), other.cert);
    await expectRejected('certificates', { code: 'ERR_CERTIFICATE_KEY_MISMATCH', file: file('tls.key'), line: 1 });
    await writeFile(file('tls.crt'), `note\n${before.cert.replace(/MII/, 'MIX')}`);
    await expectRejected('certificates', { code: 'ERR_CERTIFICATE_INVALID', file: file('tls.crt'), line: 2 });
    await rm(file('tls.crt'));
    await expectRejected('certificates', { code: 'ERR_CERTIFICATE_UNREADABLE', file: file('tls.crt') });
    await writeFile(file('tls.crt'), before.cert);
  }); // prettier-ignore

  it('a signing key of another kind, by its own file', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await writeFile(
      file('signing/summer@20300101T000000Z.pem'),
      privateKey.export({ format: 'pem', type: 'pkcs8' }),
    );
    await expectRejected('signing-keys', {
      code: 'ERR_SIGNING_KEYS_INVALID',
      file: file('signing/summer@20300101T000000Z.pem'),
    });
    await rm(file('signing/summer@20300101T000000Z.pem'));
  });

  it('a catalogue that the next start would refuse', async () => {
    await writeFile(file('catalogue.yaml'), catalogueText.replace('namespaces', 'namspaces'));
    await expectRejected('catalogue', { code: 'ERR_CATALOGUE', file: file('catalogue.yaml'), line: 4, column: 1 });
  }); // prettier-ignore

  it('a configuration that the next start would refuse', async () => {
    const { config } = serve;
    await writeFile(file('narthex.yaml'), config.replace('"listeners"', '"listners"'));
    await expectRejected('configuration', { code: 'ERR_CONFIG_UNKNOWN_KEY', file: file('narthex.yaml'), line: 1 });
    await writeFile(file('narthex.yaml'), config);
  }); // prettier-ignore
});

describe('files that take effect at the next start', () => {
  it('a changed catalogue and configuration are restart-required, and loaded when they are as before', async () => {
    const { config } = serve;
    await writeFile(file('catalogue.yaml'), `${catalogueText}# more\n`);
    await writeFile(file('narthex.yaml'), `${config}\n`);
    expect(await reload()).toMatchObject({
      catalogue: { state: 'restart-required', problems: [] },
      configuration: { state: 'restart-required' },
      obligations: { state: 'loaded' },
      policy: { state: 'loaded' },
    });
    const logged = serve.log.filter(({ event }) => event === 'reload.restart-required').map(({ part }) => part);
    expect(new Set(logged)).toEqual(new Set(['catalogue', 'configuration']));
    await writeFile(file('narthex.yaml'), config);
    await writeFile(file('catalogue.yaml'), catalogueText);
    expect(await reload()).toMatchObject({ catalogue: { state: 'loaded' }, configuration: { state: 'loaded' } });
  }); // prettier-ignore
});

describe('SIGHUP', () => {
  it('reads the files again, and the process continues', async () => {
    const before = serve.log.length;
    await writeFile(`${file('policy.yaml')}.new`, house('  audiences: {}\n', '  unlisted: keep\n'));
    await rename(`${file('policy.yaml')}.new`, file('policy.yaml'));
    serve.child.kill('SIGHUP');
    await expect
      .poll(() => serve.log.slice(before).map(({ event }) => event), { timeout: 5_000 })
      .toEqual(expect.arrayContaining(['reload.requested', 'policy.loaded']));
    const requested = serve.log.slice(before).find(({ event }) => event === 'reload.requested');
    expect(requested).toMatchObject({ level: 'info', by: 'signal' });
    expect(serve.child.exitCode).toBe(null);
    expect((await fetch(`${admin}/readyz`)).status).toBe(200);
  });
});

describe('a policy in shadow mode', () => {
  it('is shouted: log, readiness, metric, API', async () => {
    await writeFile(file('policy.yaml'), house('  audiences: {}\n', '  mode: shadow\n'));
    await reload();
    expect(serve.log.find(({ event }) => event === 'policy.not-enforced')).toMatchObject({ level: 'warn', policy: 'house' });
    expect(await (await fetch(`${admin}/readyz`)).json()).toMatchObject({ policy: { name: 'house', mode: 'shadow' } });
    expect(await (await fetch(`${admin}/metrics`)).text()).toContain('\nnarthex_policy_enforced{gatekeeper="test"} 0\n');
    expect(await (await fetch(`${admin}/api/policy`)).json()).toMatchObject({ enforced: { mode: 'shadow' } });
  }); // prettier-ignore

  it('is over when the file says enforce', async () => {
    await writeFile(file('policy.yaml'), house('  audiences: {}\n', '  mode: shadow\n'));
    await reload();
    await writeFile(file('policy.yaml'), sound);
    await reload();
    expect(await (await fetch(`${admin}/metrics`)).text()).toContain(
      '\nnarthex_policy_enforced{gatekeeper="test"} 1\n',
    );
  });
});
