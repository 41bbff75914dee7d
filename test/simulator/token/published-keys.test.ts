import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answer, type HttpAnswer } from '../../../src/simulator/http/message.ts';
import { createTokenIssuer, type TokenIssuer } from '../../../src/simulator/token/issuer.ts';
import {
  createOwnershipCheck,
  type TokenCheck,
  type TokenFault,
} from '../../../src/simulator/token/ownership-check.ts';
import { followPublishedKeys, type PublishedKeys } from '../../../src/simulator/token/published-keys.ts';
import { startHttps } from '../support/https.ts';

const issuerName = 'https://provider.example';
const audience = 'gatekeeper.example';
const attestationKey = { kty: 'OKP', crv: 'Ed25519', kid: 'a1', use: 'attestation' };
const x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo';

describe('ownership tokens, checked with published keys', () => {
  let issuer: TokenIssuer;
  let documents: Record<string, HttpAnswer>;
  let server: Awaited<ReturnType<typeof startHttps>>;
  let keys: PublishedKeys;
  let now: number;

  const publish = (extra: readonly object[] = []): void => {
    documents = {
      '/.well-known/openid-configuration': answer(200, {
        issuer: issuerName,
        jwks_uri: `${server.url}/keys`,
      }),
      '/keys': answer(200, { keys: [...issuer.jwks().keys, ...extra] }),
    };
  };

  const follow = (everyMs = 60_000): PublishedKeys =>
    followPublishedKeys({ url: server.url, issuer: issuerName, caller: server.caller, everyMs });

  beforeEach(async () => {
    now = Date.parse('2026-11-25T12:00:00Z');
    issuer = await createTokenIssuer(issuerName, { now: () => now });
    server = await startHttps(({ target }) => documents[target] ?? answer(404));
    publish();
    keys = follow();
    await keys.fetch();
  });
  afterEach(async () => {
    keys.close();
    await server.close();
  });

  const check = (token: string): Promise<TokenCheck> =>
    createOwnershipCheck({ keys, issuer: issuerName, audience, now: () => now }).check(token);
  const sign = (more: object = {}): Promise<string> =>
    issuer.sign({ subject: 'juliet@capulet.example', audience, ...more });

  it('are trusted, with their issuer', async () => {
    const { keys: published } = issuer.jwks();
    expect(await check(await sign())).toEqual({
      kind: 'valid',
      subject: 'juliet@capulet.example',
      kid: published[0]!.kid,
    });
  });

  const forged: [string, () => Promise<string>, TokenFault][] = [
    ['for another gatekeeper', async () => sign({ audience: 'other.example' }), 'claims'],
    [
      'of another issuer with the same key',
      async () => {
        const [header, payload, signature] = (await sign()).split('.');
        const claims = { ...JSON.parse(Buffer.from(payload!, 'base64url').toString()), iss: 'https://other' };
        return [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
      },
      'signature',
    ],
    [
      'of someone whose keys are not published',
      async () => {
        const other = await createTokenIssuer(issuerName, { now: () => now });
        return other.sign({ subject: 'juliet@capulet.example', audience });
      },
      'unknown-key',
    ],
    ['that are no tokens', async () => 'eyJhbGciOiJub25lIn0.e30.', 'malformed'],
    ['longer than any token', async () => 'a'.repeat(8_193), 'malformed'],
    ['without a user', async () => sign({ subject: '' }), 'claims'],
  ];

  it.each(forged)('are refused: %s', async (_, make, fault) => {
    expect(await check(await make())).toEqual({ kind: 'refused', fault });
  });

  it('expire', async () => {
    const token = await sign({ lifetimeS: 60 });
    now += 66_000;
    expect(await check(token)).toEqual({ kind: 'refused', fault: 'expired' });
  });

  it('follow a rotation at the next fetch, and old ones count until they expire', async () => {
    const before = await sign();
    await issuer.rotate();
    const after = await sign();
    expect(await check(after)).toEqual({ kind: 'refused', fault: 'unknown-key' });
    publish();
    await keys.fetch();
    expect([(await check(before)).kind, (await check(after)).kind]).toEqual(['valid', 'valid']);
  });

  it('are not signed by a key that is for attestations', async () => {
    documents['/keys'] = answer(200, {
      keys: issuer.jwks().keys.map((jwk) => ({ ...jwk, use: 'attestation' })),
    });
    await keys.fetch();
    expect(await check(await sign())).toEqual({ kind: 'refused', fault: 'unknown-key' });
  });

  it('are fetched regularly', async () => {
    const following = follow(20);
    while (following.fetches < 2) await sleep(10);
    following.close();
    expect(server.exchanges.map(({ request }) => request.target)).toContain('/keys');
  });

  it.each([
    ['metadata of another issuer', { issuer: 'https://other', jwks_uri: 'https://127.0.0.1/' }],
    ['metadata without keys', { issuer: issuerName }],
  ])('keep the keys of before: %s', async (_, metadata) => {
    documents['/.well-known/openid-configuration'] = answer(200, metadata);
    await expect(keys.fetch()).rejects.toThrow('no usable metadata');
    expect((await check(await sign())).kind).toBe('valid');
  });

  it('find attestation keys apart from the others', async () => {
    publish([{ ...attestationKey, x }]);
    await keys.fetch();
    expect(keys.attestationKey('a1')?.asymmetricKeyType).toBe('ed25519');
    expect(keys.attestationKey(String(issuer.jwks().keys[0]!.kid))).toBeUndefined();
  });
});
