import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encode, jwks, makeKey, sign } from '../support/issuer.ts';
import {
  document,
  issuer,
  ownershipToken,
  providerKey,
  startServed,
  type ServedProxy,
} from '../support/served.ts';
import { httpVersions, type Got } from '../support/versions.ts';

const nowS = Math.floor(Date.now() / 1000);
const claims = {
  iss: issuer,
  aud: 'https://gatekeeper.example',
  sub: 'juliet@provider.example',
  iat: nowS,
  exp: nowS + 300,
  nonce: 'n-1',
};
const raw = (header: object, payload: string, signature = 'AAAA'): string =>
  `${encode(JSON.stringify(header))}.${encode(payload)}.${signature}`;

/** Signed with the public key as if it were a secret. */
function confused(): string {
  const signed = `${encode('{"alg":"HS256","typ":"JWT","kid":"2026-11"}')}.${encode(JSON.stringify(claims))}`;
  const secret = providerKey.publicKey.export({ type: 'spki', format: 'pem' });
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

const enlist = (served: ServedProxy, token: string, headers: Record<string, string> = {}): Promise<Got> =>
  served.ask('/enlistments', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'ownership-nonce': 'n-1',
      'idempotency-key': crypto.randomUUID(),
      ...headers,
    },
    body: { gatekeeper: 'test' },
  });

describe.each(httpVersions)('ownership tokens at the served port over %s', (version) => {
  let served: ServedProxy;

  beforeAll(async () => {
    served = await startServed({ version, provider: { claims: { unlisted: 'refuse' } } });
  });
  afterAll(() => served.close());

  it.each<[code: string, what: string, token: () => string | Promise<string>]>([
    ['ERR_TOKEN_UNSECURED', 'alg none', () => raw({ alg: 'none', typ: 'JWT' }, JSON.stringify(claims), '')],
    ['ERR_TOKEN_ALGORITHM', 'the public key taken for a secret', confused],
    ['ERR_TOKEN_KEY_UNKNOWN', 'a wrong kid', () => sign({ key: { ...providerKey, kid: 'other' }, claims })],
    ['ERR_TOKEN_SIGNATURE', "another's key", () => sign({ key: makeKey(providerKey.kid), claims })],
    ['ERR_TOKEN_EXPIRED', 'its end', () => ownershipToken({ iat: nowS - 100, exp: nowS - 50 })],
    ['ERR_TOKEN_NOT_YET_VALID', 'its beginning', () => ownershipToken({ iat: nowS + 100, exp: nowS + 200 })],
    ['ERR_TOKEN_AUDIENCE', 'a wrong audience', () => ownershipToken({ aud: 'https://other.example' })],
    ['ERR_TOKEN_TOO_LARGE', 'its size', () => ownershipToken({ acr: 'x'.repeat(9_000) })],
    ['ERR_TOKEN_DUPLICATE', 'a claim twice', () => raw({ alg: 'ES256' }, '{"sub":"a","sub":"b"}')],
    ['ERR_TOKEN_NONCE', 'another nonce', () => ownershipToken({ nonce: 'n-2' })],
    ['ERR_TOKEN_CLAIM_UNLISTED', 'claims beyond those allowed', () => ownershipToken({ email: 'a@b.example' })],
  ])('are refused with %s for %s, and go no further', async (code, _, token) => {
    const answer = await enlist(served, await token());
    expect(answer.json()['code']).toBe(code);
    expect(answer.status).toBe(code === 'ERR_TOKEN_CLAIM_UNLISTED' ? 403 : 401);
    expect(served.gatekeeper.received).toEqual([]);
    expect(served.events).toContainEqual(expect.objectContaining({ event: 'answered', code }));
    expect(JSON.stringify(served.events)).not.toMatch(/juliet|b\.example/);
  }); // prettier-ignore
});

describe('keys of the provider', () => {
  it('serve while its server is down or talks nonsense, until their bound', async () => {
    const served = await startServed({
      limits: { documentFreshMs: 0, documentCooldownMs: 0, documentStaleMs: 1_500, documentTimeoutMs: 200 },
    });
    const status = async (): Promise<number> =>
      (
        await enlist(
          served,
          await ownershipToken({ nonce: 'n-1', jti: crypto.randomUUID(), sub: crypto.randomUUID() }),
        )
      ).status;
    expect(await status()).toBe(201);
    served.provider.answer = () => ({ status: 500 });
    expect(await status()).toBe(201);
    served.provider.answer = () => ({ ...document, body: '<html>' });
    expect(await status()).toBe(201);
    served.provider.answer = () => ({ ...document, body: JSON.stringify(jwks()) });
    expect(await status()).toBe(201);
    served.provider.answer = () => ({ ...document, delayMs: 1_000 });
    expect(await status()).toBe(201);
    await sleep(1_500);
    const answer = await enlist(served, await ownershipToken());
    expect([answer.status, answer.json()['code']]).toEqual([503, 'ERR_KEYS_UNAVAILABLE']);
    served.provider.answer = () => document;
    expect(await status()).toBe(201);
    await served.close();
  });

  it('are served to the gatekeeper, with nothing private in them', async () => {
    const served = await startServed();
    const answer = await served.ask('/.well-known/jwks.json');
    const { keys } = answer.json() as { keys: Record<string, unknown>[] };
    expect(keys.map(({ kid, use }) => [kid, use])).toEqual([['2026-11', 'sig']]);
    expect(keys[0]).not.toHaveProperty('d');
    expect(answer.headers['cache-control']).toBe('public, max-age=300');
    await served.close();
  });
});

describe.each(httpVersions)('an enlistment over %s', (version) => {
  it('that is repeated is one, and a nonce serves once', async () => {
    const served = await startServed({ version });
    const token = await ownershipToken();
    const again = { 'idempotency-key': crypto.randomUUID() };
    const answers = [await enlist(served, token, again), await enlist(served, token, again)];
    expect(answers.map(({ status, body }) => [status, body])[1]).toEqual([201, answers[0]!.body]);
    expect(served.gatekeeper.received).toHaveLength(1);
    expect((await enlist(served, token)).json()['code']).toBe('ERR_TOKEN_REPLAYED');
    const { id } = answers[0]!.json() as { id: string };
    const withdrawn = await served.ask(`/enlistments/${id}`, {
      method: 'DELETE',
      headers: {
        authorization: `Bearer ${await ownershipToken({ nonce: 'n-2' })}`,
        'ownership-nonce': 'n-2',
      },
    });
    expect(withdrawn.status).toBe(204);
    expect(served.gatekeeper.received.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /enlistments',
      'DELETE /enlistments/u%2F42',
    ]);
    await served.close();
  });
});
