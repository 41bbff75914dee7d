import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createOwnershipVerifier, type OwnershipRules } from '../../../src/http/tokens/ownership-proof.ts';
import { heldKeys } from '../../../src/http/tokens/verification-keys.ts';
import { encode, jwks, makeKey, sign, type SigningKey } from '../support/issuer.ts';

const nowS = 1_800_000_000;
const key = makeKey('2026-11');
const rsa = makeKey('rsa', 'RS256');
const stranger = makeKey('2026-11');

const claims = {
  iss: 'https://provider.example',
  aud: 'https://gatekeeper.example/enlist',
  sub: '+49 30 901820',
  iat: nowS,
  exp: nowS + 300,
  nonce: 'n-1',
};

const rules: OwnershipRules = {
  issuer: 'https://provider.example',
  audiences: ['https://gatekeeper.example/enlist'],
  algorithms: ['ES256', 'RS256'],
  types: ['jwt'],
  keys: heldKeys(jwks(key, rsa)),
  lifetimeMaxS: 600,
  clockToleranceS: 5,
  limits: { tokenBytesMax: 2_000, jsonDepthMax: 8 },
  now: () => nowS * 1000,
  claimsAllowed: ['acr'],
  claimsUnlisted: 'refuse',
  nonceRequired: true,
};

const verify = (token: string, nonce = 'n-1', changed: Partial<OwnershipRules> = {}) =>
  createOwnershipVerifier({ ...rules, ...changed }).verify(token, nonce);

const signed = (
  changed: Record<string, unknown> = {},
  { header, by = key }: { header?: Record<string, unknown>; by?: SigningKey } = {},
): Promise<string> => sign({ key: by, claims: { ...claims, ...changed }, ...(header && { header }) });

/** A token put together by hand, signed or not. */
const raw = (header: string, payload: string, signature = 'AAAA'): string =>
  `${encode(header)}.${encode(payload)}.${signature}`;

const header = JSON.stringify({ alg: 'ES256', kid: key.kid, typ: 'JWT' });

/** HS256 keyed with the text of the public key: the classic algorithm confusion. */
function confused(): string {
  const pem = key.publicKey.export({ type: 'spki', format: 'pem' });
  const head = encode(JSON.stringify({ alg: 'HS256', kid: key.kid, typ: 'JWT' }));
  const input = `${head}.${encode(JSON.stringify(claims))}`;
  return `${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`;
}

async function tampered(): Promise<string> {
  const [head, , signature] = (await signed()).split('.');
  return `${head}.${encode(JSON.stringify({ ...claims, sub: '+49 30 110' }))}.${signature}`;
}

describe('an ownership proof', () => {
  it('that is right gives the subject, the expiry and the token', async () => {
    const token = await signed();
    const proof = await verify(token);
    expect(proof.subject.reveal()).toBe('+49 30 901820');
    expect(proof.token.reveal()).toBe(token);
    expect(proof.acceptedUntil).toBe((nowS + 305) * 1000);
    expect(proof.unlisted).toEqual([]);
  });

  it('is redacted when printed', async () => {
    expect(inspect(await verify(await signed()), { depth: 9 })).not.toContain('901820');
  });

  it.each(['ES256', 'ES384', 'EdDSA', 'PS256', 'RS256'] as const)('verifies with %s', async (algorithm) => {
    const own = makeKey('own', algorithm);
    const proof = await verify(await signed({}, { by: own }), 'n-1', {
      keys: heldKeys(jwks(own)),
      algorithms: [algorithm],
    });
    expect(proof.unlisted).toEqual([]);
  });

  it.each<[code: string, what: string, token: () => string | Promise<string>]>([
    ['ERR_TOKEN_UNSECURED', 'alg none', () => raw('{"alg":"none"}', JSON.stringify(claims), '')],
    ['ERR_TOKEN_UNSECURED', 'alg nOnE', () => raw('{"alg":"nOnE"}', JSON.stringify(claims), '')],
    ['ERR_TOKEN_ALGORITHM', 'the public key taken for a secret', confused],
    ['ERR_TOKEN_ALGORITHM', 'no algorithm', () => raw('{"kid":"2026-11"}', '{}')],
    ['ERR_TOKEN_ALGORITHM', 'an algorithm known but not allowed', () => raw('{"alg":"ES384"}', '{}')],
    [
      'ERR_TOKEN_KEY_MISMATCH',
      'RS256 with the id of an EC key',
      () => signed({}, { by: { ...rsa, kid: key.kid } }),
    ],
    ['ERR_TOKEN_KEY_UNKNOWN', 'an unknown kid', () => signed({}, { header: { kid: '2025-01' } })],
    ['ERR_TOKEN_KEY_UNKNOWN', 'no kid', () => signed({}, { header: { kid: undefined } })],
    [
      'ERR_TOKEN_KEY_UNKNOWN',
      'a kid that names a member of Object',
      () => signed({}, { header: { kid: '__proto__' } }),
    ],
    ['ERR_TOKEN_SIGNATURE', "someone else's key under the same kid", () => signed({}, { by: stranger })],
    ['ERR_TOKEN_SIGNATURE', 'a changed claim', tampered],
    ['ERR_TOKEN_CRITICAL', 'a critical header', () => raw('{"alg":"ES256","crit":["exp"]}', '{}')],
    ['ERR_TOKEN_CRITICAL', 'an unencoded payload', () => raw('{"alg":"ES256","b64":false}', '{}')],
    ['ERR_TOKEN_EMBEDDED_KEY', 'its own key', () => signed({}, { header: { jwk: { kty: 'EC' } } })],
    [
      'ERR_TOKEN_EMBEDDED_KEY',
      'a place for its key',
      () => signed({}, { header: { jku: 'https://evil.example' } }),
    ],
    ['ERR_TOKEN_TYPE', 'another type', () => signed({}, { header: { typ: 'at+jwt' } })],
    ['ERR_TOKEN_TYPE', 'no type', () => signed({}, { header: { typ: undefined } })],
    ['ERR_TOKEN_EXPIRED', 'an expiry in the past', () => signed({ iat: nowS - 100, exp: nowS - 6 })],
    ['ERR_TOKEN_NOT_YET_VALID', 'issued in the future', () => signed({ iat: nowS + 6 })],
    ['ERR_TOKEN_NOT_YET_VALID', 'not before the future', () => signed({ nbf: nowS + 6 })],
    ['ERR_TOKEN_LIFETIME', 'a life too long', () => signed({ exp: nowS + 601 })],
    ['ERR_TOKEN_AUDIENCE', 'another audience', () => signed({ aud: 'https://other.example' })],
    [
      'ERR_TOKEN_AUDIENCE',
      'others in the audience',
      () => signed({ aud: [claims.aud, 'https://other.example'] }),
    ],
    ['ERR_TOKEN_AUDIENCE', 'an empty audience', () => signed({ aud: [] })],
    ['ERR_TOKEN_AUDIENCE', 'no audience', () => signed({ aud: undefined })],
    ['ERR_TOKEN_ISSUER', 'another issuer', () => signed({ iss: 'https://provider.example/' })],
    ['ERR_TOKEN_NONCE', 'another nonce', () => signed({ nonce: 'n-2' })],
    ['ERR_TOKEN_NONCE', 'no nonce', () => signed({ nonce: undefined })],
    ['ERR_TOKEN_NONCE', 'a nonce that is no text', () => signed({ nonce: 1 })],
    ['ERR_TOKEN_CLAIM_MISSING', 'no subject', () => signed({ sub: undefined })],
    ['ERR_TOKEN_CLAIM_MISSING', 'no expiry', () => signed({ exp: undefined })],
    ['ERR_TOKEN_CLAIM_MISSING', 'an expiry that is no number', () => signed({ exp: '9999999999' })],
    ['ERR_TOKEN_TOO_LARGE', 'more bytes than allowed', () => signed({ acr: 'x'.repeat(2_000) })],
    ['ERR_TOKEN_DUPLICATE', 'a claim twice', () => raw(header, '{"sub":"a","sub":"b"}')],
    ['ERR_TOKEN_DUPLICATE', 'a header member twice', () => raw('{"alg":"ES256","alg":"none"}', '{}')],
    ['ERR_TOKEN_MALFORMED', 'two parts', () => 'AAAA.AAAA'],
    ['ERR_TOKEN_MALFORMED', 'five parts', () => 'AAAA.AAAA.AAAA.AAAA.AAAA'],
    ['ERR_TOKEN_MALFORMED', 'padding', async () => `${await signed()}=`],
    ['ERR_TOKEN_MALFORMED', 'a payload that is no object', () => raw(header, '[]')],
    [
      'ERR_TOKEN_CLAIM_UNLISTED',
      'claims beyond those allowed',
      () => signed({ email: 'juliet@capulet.example' }),
    ],
  ])('is refused with %s for %s', async (code, _, token) => {
    await expect(verify(await token())).rejects.toMatchObject({ name: 'HttpProblem', code });
  });

  it('accepts clocks that differ by the allowed seconds', async () => {
    await expect(verify(await signed({ iat: nowS + 5 }))).resolves.toBeDefined();
    await expect(verify(await signed({ iat: nowS - 100, exp: nowS - 4 }))).resolves.toBeDefined();
  });

  it('with further claims is reported where the policy allows them, by registered names only', async () => {
    const token = await signed({ acr: '1', email: 'juliet@capulet.example', capulet_tomb: 3 });
    const { unlisted } = await verify(token, 'n-1', { claimsUnlisted: 'flag' });
    expect(unlisted).toEqual(['email', 'other']);
  });

  it('gives the allowed claims that can be compared, and no other', async () => {
    const long = 'a'.repeat(257);
    const token = await signed({
      acr: 'gold',
      level: 3,
      beta: false,
      fits: 'é'.repeat(256),
      long,
      roles: ['pro'],
      address: { country: 'de' },
      nothing: null,
      email: 'juliet@capulet.example',
    });
    const claimsAllowed = ['acr', 'level', 'beta', 'fits', 'long', 'roles', 'address', 'nothing', 'toString'];
    const { claims: given } = await verify(token, 'n-1', { claimsAllowed, claimsUnlisted: 'flag' });
    expect([...given].map(([name, value]) => [name, value.reveal()])).toEqual([
      ['acr', 'gold'],
      ['level', 3],
      ['beta', false],
      ['fits', 'é'.repeat(256)],
    ]);
    expect(inspect(given)).not.toMatch(/gold|3|false|é/);
  });
});
