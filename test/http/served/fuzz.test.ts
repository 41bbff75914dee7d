/** Generated requests, generated tokens that are signed nevertheless, and parties that answer anything: every request gets
 *  an answer that was meant, and nothing fails in an unforeseen way. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { httpCodes } from '../../../src/observability/http-words.ts';
import { Random } from '../../support/random.ts';
import { makeKey, sign, jwks } from '../support/issuer.ts';
import type { Answer } from '../support/party.ts';
import {
  document,
  issuer,
  ownershipToken,
  publicUrl,
  startServed,
  type ServedProxy,
} from '../support/served.ts';
import { httpVersions, type HttpVersion } from '../support/versions.ts';

/** More of them: `NARTHEX_FUZZ=100000`. */
const requests = Math.min(100_000, Number(process.env['NARTHEX_FUZZ'] ?? 400));

const gatekeeperKey = makeKey('g1', 'EdDSA');
let random: Random;

/** Values that are seldom where they stand. */
const values: readonly unknown[] = [
  'text', '', ' ', 'ü\u{1F339}', '\0', '\ud800', 'a'.repeat(3_000), '../..', '%2e%2e', 'juliet@provider.example',
  'https://gatekeeper.example', 'https://proxy.example:8443/push/test', issuer, 'test', 'n-1', 0, -1, 1.5, 1e308, 2 ** 53, true, false,
  null, [], [[]], ['text'], {}, { a: { b: [] } }, { ['__proto__']: 'x' }, [null, 1, 'x'],
]; // prettier-ignore
const memberNames = ['gatekeeper', 'id', 'recipient', 'sender', 'body', 'count', 'status', '__proto__', 'constructor', 'toString', '', 'ü', 'iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'nonce', 'jti']; // prettier-ignore

function generatedObject(...wanted: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const members = wanted.filter(() => !random.once(16));
  for (let more = random.once(3) ? random.below(3) : 0; more > 0; more -= 1)
    members.push([random.pick(memberNames), random.pick(values)]);
  return Object.fromEntries(
    members.map(([name, value]) => [name, random.once(12) ? random.pick(values) : value]),
  );
}

/** JSON, or what a mistake makes of it. */
function generatedText(value: unknown): string {
  const text = JSON.stringify(value);
  switch (random.below(24)) {
    case 0:
      return text.slice(0, random.below(text.length + 1));
    case 1:
      return text.replace(/\{/, '{"a":1,"a":2,');
    case 2:
      return random.pick(['', 'null', '[]', '"x"', '1e999', '{"a":1e999}', '['.repeat(40), '\ufeff{}', '{"\\ud800":1}']); // prettier-ignore
    default:
      return text;
  }
}

const nowS = (): number => Math.floor(Date.now() / 1_000);

async function generatedToken(path: string, nonce: string): Promise<string> {
  if (random.once(12)) return random.pick(['', 'x', 'a.b.c', '....', 'e30'.repeat(900), 'e30.e30.', 'eyJhbGciOiJub25lIn0.e30.']); // prettier-ignore
  const iat = nowS();
  if (!path.startsWith('/push'))
    return ownershipToken(random.once(4) ? generatedObject(['nonce', nonce]) : { nonce });
  const claims = generatedObject(['iss', 'gk'], ['sub', 'gk'], ['aud', `${publicUrl}/push/test`], ['iat', iat], ['exp', iat + 60]); // prettier-ignore
  return sign({ key: gatekeeperKey, claims });
}

const headerValues = ['', 'x', 'application/json', 'application/json; charset=utf-16', 'text/plain', '"a"', 'W/"a"', 'bytes=0-', 'bytes=-1', 'bytes=9-1', 'bytes=0-0,2-2', '*', 'n-1', 'a'.repeat(2_000), '\u00e9', '0', '-1', '99999999999999999999', 'gzip', 'close']; // prettier-ignore
const headerNames = ['content-type', 'ownership-nonce', 'idempotency-key', 'range', 'if-range', 'if-none-match', 'accept', 'accept-encoding', 'authorization', 'cookie', 'x-forwarded-for', 'expect', 'connection', 'te', 'content-encoding']; // prettier-ignore

function generatedHeaders(usual: Record<string, string>, version: HttpVersion): Record<string, string> {
  const headers = { ...usual };
  for (let more = random.once(2) ? random.below(3) : 0; more > 0; more -= 1)
    headers[random.pick(headerNames)] = random.pick(headerValues);
  // Node's client would wait for the server to agree.
  delete headers['expect'];
  // And it sends no fields of a connection over HTTP/2.
  if (version === 'HTTP/2') for (const name of ['connection', 'te']) delete headers[name];
  return headers;
}

const paths = ['/enlistments', '/enlistments', '/enlistments', '/push/test', '/push/test', '/enlistments/u%2F42', '/enlistments/%00', '/enlistments/..%2f..', '/push/test', '/push/other', '/push/%ff', '/media/x', `/media/${'A'.repeat(300)}`, '/media/%20', '/.well-known/jwks.json', '/.well-known/host-meta', '/', '//', '/*', '/?a=b', '/enlistments?x=1', `/${'a'.repeat(4_000)}`]; // prettier-ignore

function generatedAnswer(): Answer {
  const status = random.pick([200, 200, 201, 201, 202, 204, 301, 304, 307, 400, 401, 403, 404, 409, 413, 429, 500, 502, 503]); // prettier-ignore
  const headers: Record<string, string> = {};
  for (let more = random.below(4); more > 0; more -= 1)
    headers[random.pick(['content-type', 'location', 'retry-after', 'etag', 'set-cookie', 'cache-control', 'x'])] = random.pick(['', 'application/json', 'application/problem+json', 'https://elsewhere.example/', '/enlistments/u/42', '5', '-5', 'x', '"e"', 'no-store']); // prettier-ignore
  const body = status === 204 || status === 304 ? '' : generatedText(generatedObject(['id', 'u/42'], ['status', 'active'])); // prettier-ignore
  return { status, headers, body };
}

describe.each(httpVersions)('requests over %s', (version) => {
  let served: ServedProxy;
  beforeAll(async () => {
    served = await startServed({
      version,
      gatekeeper: (party) => ({ push: { issuer: 'gk', jwksUri: new URL('/jwks', party.url).href } }),
      provider: { media: { hosts: ['https://media.provider.example'] } },
      limits: { pushTimeoutMs: 500, enlistmentTimeoutMs: 500 },
    });
    served.provider.answer = ({ path }) => (path === '/jwks' ? document : generatedAnswer());
    served.gatekeeper.answer = ({ path }) =>
      path === '/jwks' ? { ...document, body: JSON.stringify(jwks(gatekeeperKey)) } : generatedAnswer();
  });
  afterAll(() => served.close());

  it('every one is answered as it was meant to be', async () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= requests; seed += 1) {
      random = new Random(seed);
      const path = random.pick(paths);
      const method = random.once(6) ? random.pick(['GET', 'HEAD', 'PUT', 'OPTIONS', 'DELETE', 'PATCH']) : /^\/(?:enlistments|push)(?:$|\/t)/.test(path) ? 'POST' : path.startsWith('/enlist') ? 'DELETE' : 'GET'; // prettier-ignore
      const nonce = `n${seed}`;
      const authorization = `Bearer ${await generatedToken(path, nonce)}`;
      const usual = { authorization, 'content-type': 'application/json', 'ownership-nonce': nonce, 'idempotency-key': `k${seed}-0123456789abcdef` }; // prettier-ignore
      const body = method === 'POST' || random.once(10) ? generatedText(generatedObject(...(path.startsWith('/push') ? ([['id', `p${seed}`], ['recipient', 'device']] as const) : ([['gatekeeper', 'test']] as const)))) : undefined; // prettier-ignore
      const { status, body: text } = await served.ask(path, {
        method,
        headers: generatedHeaders(usual, version),
        rawBody: body,
      });
      const code = /"code":"(\w+)"/.exec(text)?.[1];
      seen.add(`${status} ${code ?? ''}`);
      expect({ seed, status, code }).toEqual({ seed, status, code: status < 400 || method === 'HEAD' ? code : expect.stringMatching(/^ERR_/) }); // prettier-ignore
      if (code !== undefined) expect(httpCodes).toContain(code);
      expect({ seed, code }).not.toEqual({ seed, code: 'ERR_INTERNAL' });
    }
    expect(served.events.filter(({ event }) => event === 'failed')).toEqual([]);
    // It went deep enough to say something.
    expect(seen.size).toBeGreaterThan(15);
  }, 3_600_000);
});
