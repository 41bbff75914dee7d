/** Generated forms and notifications in the published shapes, with generated tokens that are signed nevertheless, and a
 *  gatekeeper that answers anything: every request gets an answer that was meant. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { httpCodes } from '../../../src/observability/http-words.ts';
import { Random } from '../../support/random.ts';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary.ts';
import { jwks, makeKey, sign } from '../support/issuer.ts';
import type { Answer } from '../support/party.ts';
import {
  document,
  issuer,
  ownershipToken,
  publicUrl,
  startServed,
  type ServedProxy,
} from '../support/served.ts';
import { httpVersions } from '../support/versions.ts';

/** More of them: `NARTHEX_FUZZ=100000`. */
const requests = Math.min(100_000, Number(process.env['NARTHEX_FUZZ'] ?? 300));

const gatekeeperKey = makeKey('g1', 'RS256');
let random: Random;

const sizes = { e_keytype: 1, e_regid: 4, e_ident: 32, e_skey_id: 3, e_skey_val: 32, e_skey_sig: 64 };
const texts = ['', 'x', 'test', 'a=b', '%00', '+', 'AAAA', 'ü', '\0', 'a'.repeat(5_000), '..', '&', '7-1@interop']; // prettier-ignore
const values: readonly unknown[] = [...texts, 0, -1, 2 ** 53, true, null, [], ['test'], {}, '\ud800'];

const nowS = (): number => Math.floor(Date.now() / 1_000);

function generatedForm(token: string): string {
  const fields: [string, string][] = [
    ['gatekeeper', random.once(10) ? random.pick(texts) : 'test'],
    ...Object.entries(sizes).map(([name, size]): [string, string] => [
      name,
      Buffer.alloc(random.once(12) ? random.below(70) : size, random.below(256)).toString('base64url'),
    ]),
    ['token', token],
  ];
  const kept = fields.filter(() => !random.once(40));
  if (random.once(8))
    kept.push([random.pick(['authkey', 'version', 'token', '__proto__', '']), random.pick(texts)]);
  return kept.map(([name, value]) => `${name}=${value}`).join(random.once(40) ? '&&' : '&');
}

function generatedAnswer(): Answer {
  const status = random.pick([200, 200, 200, 200, 201, 204, 301, 400, 401, 403, 404, 429, 500, 503]);
  const body = {
    status: random.pick(['ok', 'ok', 'ok', 'fail', 'OK', 1]),
    login: random.once(3) ? random.pick(values) : '7-390100000001@interop',
    reason: random.pick(['bad_integrator', 'juliet', undefined, 1]),
  };
  return { status, body: status === 204 ? '' : random.once(8) ? random.pick(texts) : JSON.stringify(body) };
}

describe.each(httpVersions)('requests in the published shapes over %s', (version) => {
  let served: ServedProxy;
  let folder: TemporaryFolder;
  beforeAll(async () => {
    folder = await temporaryFolder();
    const secret = await folder.write('accounts', 's'.repeat(32));
    const chat = {
      rootKey: 'ab'.repeat(32),
      accountSecretFiles: [secret],
      integrator: 7,
      platform: 14,
      appVersion: [2, 3000],
    };
    served = await startServed({
      version,
      gatekeeper: (party) => ({
        protocol: 'chat-channel',
        connect: { address: '127.0.0.1:9' },
        channelBinding: undefined,
        caFile: undefined,
        chat,
        enlistment: { url: new URL('/3p/interop_reg', party.url).href },
        push: { issuer: 'gk', jwksUri: new URL('/jwks', party.url).href },
      }),
      limits: { pushTimeoutMs: 500, enlistmentTimeoutMs: 500 },
    });
    served.provider.answer = ({ path }) =>
      path === '/jwks' ? document : { status: random.pick([200, 204, 410, 500]) };
    served.gatekeeper.answer = ({ path }) =>
      path === '/jwks' ? { ...document, body: JSON.stringify(jwks(gatekeeperKey)) } : generatedAnswer();
  });
  afterAll(async () => {
    await served.close();
    await folder[Symbol.asyncDispose]();
  });

  const enlisting = async (seed: number): Promise<[string, Record<string, string>, string]> => {
    const claims = random.once(8)
      ? { [random.pick(['sub', 'aud', 'iat', 'nonce'])]: random.pick(values) }
      : {};
    const token = random.once(12)
      ? random.pick(texts)
      : await ownershipToken({ nonce: `n${seed}`, ...claims });
    const type = random.once(20) ? 'application/json' : 'application/x-www-form-urlencoded';
    return ['/enlistments', { 'content-type': type }, generatedForm(token)];
  };
  const pushing = async (seed: number): Promise<[string, Record<string, string>, string]> => {
    const iat = nowS();
    const usual = {
      iss: 'gk',
      aud: publicUrl,
      iat,
      exp: iat + 3_600,
      ...(random.once(2) && { jti: `j${seed % 7}` }),
    };
    const claims = random.once(6)
      ? { [random.pick(Object.keys(usual))]: random.pick([...values, issuer]) }
      : {};
    const token = random.once(12) ? random.pick(['', 'x', 'a.b.c', 'e30.e30.']) : await sign({ key: gatekeeperKey, claims: { ...usual, ...claims } }); // prettier-ignore
    const body = random.once(6)
      ? { to: random.pick(values), ...(random.once(2) && { id: 1 }) }
      : { to: 'juliet' };
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    return ['/push', headers, JSON.stringify(body)];
  };

  it('every one is answered as it was meant to be', async () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= requests; seed += 1) {
      random = new Random(seed);
      const [path, headers, body] = await (random.once(2) ? enlisting(seed) : pushing(seed));
      const { status, body: text } = await served.ask(path, { method: 'POST', headers, rawBody: body });
      const code = /"code":"(\w+)"/.exec(text)?.[1];
      seen.add(`${path} ${status} ${code ?? ''}`);
      if (status === 200 && path === '/push') expect(text).toBe('');
      if (status === 200 && path === '/enlistments')
        expect(text).toMatch(/^\{"status":"ok","login":"7-(1|390100000001)@interop"\}$/);
      if (status !== 200) expect(httpCodes).toContain(code);
      expect({ seed, code }).not.toEqual({ seed, code: 'ERR_INTERNAL' });
      expect(text).not.toContain('juliet');
    }
    expect(served.events.filter(({ event }) => event === 'failed')).toEqual([]);
    // It went deep enough to say something.
    expect(seen.size).toBeGreaterThan(15);
    expect([...seen]).toEqual(expect.arrayContaining(['/push 200 ', '/enlistments 200 ']));
  }, 3_600_000);
});
