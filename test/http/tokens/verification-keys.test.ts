import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createExchange } from '../../../src/http/calls/exchange.ts';
import { defaultHttpLimits } from '../../../src/http/limits.ts';
import { readKeySet, remoteKeys, type RemoteKeys } from '../../../src/http/tokens/verification-keys.ts';
import type { JsonObject } from '../../../src/http/strict-json.ts';
import { jwks, makeKey, type SigningKey } from '../support/issuer.ts';
import { startParty, type Answer, type Party } from '../support/party.ts';

const first = makeKey('first');
const second = makeKey('second');
const limits = {
  ...defaultHttpLimits,
  documentFreshMs: 1_000,
  documentStaleMs: 10_000,
  documentCooldownMs: 100,
  documentTimeoutMs: 1_000,
};
const serving = (...keys: readonly SigningKey[]): Answer => ({
  status: 200,
  body: JSON.stringify(jwks(...keys)),
});

describe('keys at a URL', () => {
  let party: Party;
  let keys: RemoteKeys;
  let now = 0;
  const { exchange, close } = createExchange();

  beforeEach(async () => {
    now = 1_000_000;
    party = await startParty(() => serving(first));
    keys = remoteKeys({ url: new URL('/jwks', party.url), exchange, limits, now: () => now });
  });
  afterEach(async () => {
    close();
    await party.close();
  });

  it('are fetched once while fresh, for any number of callers', async () => {
    await Promise.all(Array.from({ length: 50 }, () => keys.find('first')));
    now += 999;
    expect(await keys.find('first')).toBeDefined();
    expect(party.received).toHaveLength(1);
  });

  it('are fetched again when a new key id turns up, but not before the cool-down', async () => {
    await keys.find('first');
    party.answer = () => serving(first, second);
    expect(await keys.find('second')).toBeUndefined();
    now += 100;
    expect(await keys.find('second')).toBeDefined();
    for (let kid = 0; kid < 100; kid += 1) await keys.find(`guess ${kid}`);
    expect(party.received).toHaveLength(2);
  });

  it('no longer verify once withdrawn', async () => {
    await keys.find('first');
    party.answer = () => serving(second);
    now += 1_000;
    expect(await keys.find('first')).toBeUndefined();
  });

  it.each<[string, () => Answer]>([
    ['says 500', () => ({ status: 500, body: '{}' })],
    ['says 404', () => ({ status: 404 })],
    ['redirects', () => ({ status: 302, headers: { location: 'http://127.0.0.1:1/' } })],
    ['is slow', () => ({ ...serving(second), delayMs: 2_000 })],
    ['sends garbage', () => ({ status: 200, body: '<html>' })],
    ['sends a set without keys', () => ({ status: 200, body: '{"keys":[]}' })],
    ['sends a member twice', () => ({ status: 200, body: '{"keys":[],"keys":[]}' })],
    ['sends one id twice', () => serving(second, second)],
    ['sends too much', () => ({ status: 200, body: ' '.repeat(70_000) + JSON.stringify(jwks(second)) })],
    ['sends too many keys', () => serving(...Array.from({ length: 33 }, () => second))],
  ])('serve old until their bound when the server %s', async (_, answer) => {
    await keys.find('first');
    party.answer = answer;
    now += 9_999;
    expect(await keys.find('first')).toBeDefined();
    expect((await keys.all()).stale).toBe(true);
    now += 1;
    await expect(keys.find('first')).rejects.toMatchObject({ code: 'ERR_KEYS_UNAVAILABLE', retryAfterS: 1 });
    party.answer = () => serving(second);
    now += 100;
    expect(await keys.find('second')).toBeDefined();
  });

  it('serve old while the server is down', async () => {
    await keys.find('first');
    await party.close();
    now += 5_000;
    expect(await keys.find('first')).toBeDefined();
  });

  it('cannot be had when the server never answered', async () => {
    party.answer = () => ({ status: 503 });
    await expect(keys.find('first')).rejects.toMatchObject({ code: 'ERR_KEYS_UNAVAILABLE', status: 503 });
  });

  it('are fetched without identifying the user', async () => {
    await keys.find('first');
    expect(Object.keys(party.received[0]!.headers).sort()).toEqual(['accept', 'connection', 'host']);
  });
});

const read = (...keys: JsonObject[]) => readKeySet({ keys }, 8);

describe('a key set', () => {
  const shortRsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });

  it('is published again without private members', () => {
    const secret = makeKey('leaked').privateKey.export({ format: 'jwk' }) as JsonObject;
    const key = read({ ...secret, kid: 'leaked' })?.get('leaked');
    expect(secret['d']).toBeTypeOf('string');
    expect(Object.keys(key!.jwk).sort()).toEqual(['crv', 'kid', 'kty', 'x', 'y']);
  });

  it.each<[string, JsonObject]>([
    ['a secret', { kty: 'oct', k: 'AAAA', kid: 'x' }],
    ['a key for encryption', { ...first.jwk, use: 'enc' }],
    ['an attestation key of the proxy', { ...first.jwk, use: 'attestation' }],
    ['a key that may not verify', { ...first.jwk, key_ops: ['sign'] }],
    ['a key without an id', { ...first.jwk, kid: '' }],
    ['a point off the curve', { ...first.jwk, x: 'AAAA' }],
    ['a short RSA key', { ...(shortRsa as JsonObject), kid: 'x' }],
    ['an EC key labelled RS256', { ...first.jwk, alg: 'RS256' }],
  ])('leaves out %s', (_, jwk) => {
    expect(read({ ...jwk })).toBeUndefined();
    expect([...read({ ...jwk }, second.jwk)!.keys()]).toEqual(['second']);
  });
});
