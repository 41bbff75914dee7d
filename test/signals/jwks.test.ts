import { createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseJwks, refreshingKeys } from '../../src/signals/jwks.ts';
import { SigningKeys } from '../../src/signals/keys.ts';
import { seededKey, seededPem } from './key-pair.ts';

const jwk = (kid: string, seed = 1): Record<string, unknown> => ({
  ...createPublicKey(seededKey(seed)).export({ format: 'jwk' }),
  kid,
});

describe('a JWKS', () => {
  it('of signing keys holds them all', async () => {
    const signing = await SigningKeys.parse([{ name: 'spring.pem', pem: seededPem(1) }]);
    const keys = parseJwks(JSON.parse(JSON.stringify(signing.jwks())))!;
    expect(keys.get('spring')!.equals(createPublicKey(seededKey(1)))).toBe(true);
  });

  it.each<[string, unknown]>([
    ['for encryption', { ...jwk('k'), use: 'enc' }],
    ['for another algorithm', { ...jwk('k'), alg: 'HS256' }],
    ['symmetric', { kty: 'oct', k: 'c2VjcmV0', kid: 'k' }],
    ['on another curve', { ...jwk('k'), crv: 'X25519' }],
    ['without an id', { ...jwk('k'), kid: undefined }],
    ['of another length', { ...jwk('k'), x: 'AAAA' }],
    ['that is no object', 'key'],
  ])('passes over a key %s', (_, key) => {
    expect([...parseJwks({ keys: [key, jwk('good')] })!.keys()]).toEqual(['good']);
  });

  it('does not let a second key take over an id', () => {
    const keys = parseJwks({ keys: [jwk('k', 1), jwk('k', 2)] })!;
    expect(keys.get('k')!.equals(createPublicKey(seededKey(1)))).toBe(true);
  });

  it.each([undefined, null, [], {}, { keys: {} }, 'keys'])('is not %j', (value) => {
    expect(parseJwks(value)).toBeUndefined();
  });
});

/** An issuer with a set of ids, and how often it was asked. */
function issuer(...ids: string[]) {
  const state = { ids, asked: 0, down: false, now: 0 };
  const source = refreshingKeys({
    load: async () => {
      state.asked += 1;
      await Promise.resolve();
      if (state.down) throw new Error('down');
      return { keys: state.ids.map((id) => jwk(id)) };
    },
    clock: () => state.now,
  });
  return { state, has: async (kid: string) => (await source.find(kid)) !== undefined };
}

describe('keys that follow a rotation', () => {
  it('fetch an unknown id at once, and a known one not again', async () => {
    const { state, has } = issuer('spring');
    expect(await has('spring')).toBe(true);
    expect(await has('spring')).toBe(true);
    expect(state.asked).toBe(1);
    state.ids = ['spring', 'summer'];
    state.now += 6_000;
    expect(await has('summer')).toBe(true);
    expect(state.asked).toBe(2);
  });

  it('share one fetch', async () => {
    const { state, has } = issuer('spring');
    expect(await Promise.all([has('spring'), has('spring'), has('summer')])).toEqual([true, true, false]);
    expect(state.asked).toBe(1);
  });

  it('fetch for invented ids no more often than every 5 seconds', async () => {
    const { state, has } = issuer('spring');
    for (let attempt = 0; attempt < 100; attempt += 1) expect(await has(`invented-${attempt}`)).toBe(false);
    expect(state.asked).toBe(1);
  });

  it('forget removed keys after 10 minutes', async () => {
    const { state, has } = issuer('spring');
    await has('spring');
    state.ids = ['summer'];
    state.now += 600_000;
    expect(await has('spring')).toBe(true);
    state.now += 1;
    expect(await has('spring')).toBe(false);
  });

  it('keep their keys while the issuer is down', async () => {
    const { state, has } = issuer('spring');
    await has('spring');
    state.down = true;
    state.now += 700_000;
    expect(await has('spring')).toBe(true);
    expect(await has('summer')).toBe(false);
    expect(state.asked).toBe(2);
  });
});
