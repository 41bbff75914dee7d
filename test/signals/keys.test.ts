import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { KeyError, readSigningKeys, SigningKeys } from '../../src/signals/keys.ts';
import { seededKey, seededPem } from './key-pair.ts';

const june = Date.UTC(2026, 5, 1) / 1000;

const rotation = [
  { name: 'spring.pem', pem: seededPem(1) },
  { name: 'summer@20260601T000000Z.pem', pem: seededPem(2) },
];

async function refusal(...files: { name: string; pem: string }[]): Promise<unknown> {
  return SigningKeys.parse(files).catch((error: unknown) => error);
}

describe('signing keys', () => {
  it('rotate at the time in a file’s name', async () => {
    const keys = await SigningKeys.parse(rotation);
    expect(keys.active(june - 1)).toEqual({ kid: 'spring', notBefore: 0 });
    expect(keys.active(june)).toEqual({ kid: 'summer', notBefore: june });
    expect(keys.active(june + 1e9).kid).toBe('summer');
  });

  it('sign with the active key', async () => {
    const keys = await SigningKeys.parse(rotation);
    for (const [now, kid, seed] of [
      [june - 1, 'spring', 1],
      [june, 'summer', 2],
    ] as const) {
      const [header = '', payload, signature = ''] = keys.sign('cGF5bG9hZA', now).split('.');
      expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toMatchObject({ alg: 'EdDSA', kid });
      expect(payload).toBe('cGF5bG9hZA');
      const signed = Buffer.from(`${header}.${payload}`);
      const key = createPublicKey(seededKey(seed));
      expect(verify(null, signed, key, Buffer.from(signature, 'base64url'))).toBe(true);
    }
  });

  it('are published, all of them, before they sign', async () => {
    const { keys } = (await SigningKeys.parse(rotation)).jwks();
    expect(keys.map(({ kid }) => kid)).toEqual(['summer', 'spring']);
    for (const key of keys)
      expect(Object.keys(key).toSorted()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
    expect(keys[1]).toMatchObject({ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig' });
  });

  it('never show their private halves', async () => {
    const keys = await SigningKeys.parse(rotation);
    const seen = [
      inspect(keys, { depth: 9, showHidden: true }),
      JSON.stringify(keys),
      JSON.stringify(keys.jwks()),
    ];
    const secret = seededKey(1).export({ format: 'jwk' }).d!;
    for (const text of seen) expect(text).not.toContain(secret);
    const methods = Object.getOwnPropertyNames(SigningKeys.prototype);
    expect(methods.toSorted()).toEqual(['active', 'constructor', 'jwks', 'sign', 'starts']);
    expect(Object.values(keys)).toEqual([]);
  });

  it('require one whose start has come', async () => {
    const keys = await SigningKeys.parse(rotation.slice(1));
    expect(() => keys.active(june - 1)).toThrow(KeyError);
    expect(() => keys.sign('cGF5bG9hZA', june - 1)).toThrow('ERR_KEY_NONE');
  });

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const publicPem = createPublicKey(seededKey(1)).export({ format: 'pem', type: 'spki' }) as string;
  it.each([
    ['ERR_KEY_NONE', -1, []],
    ['ERR_KEY_NAME', 0, [{ name: 'a key.pem', pem: seededPem(1) }]],
    ['ERR_KEY_NAME', 0, [{ name: 'a@20260601.pem', pem: seededPem(1) }]],
    ['ERR_KEY_NAME', 0, [{ name: 'a@20260231T000000Z.pem', pem: seededPem(1) }]],
    ['ERR_KEY_NAME', 0, [{ name: 'a@20260201T250000Z.pem', pem: seededPem(1) }]],
    ['ERR_KEY_TYPE', 1, [rotation[0]!, { name: 'b@20260601T000000Z.pem', pem: 'nonsense' }]],
    ['ERR_KEY_TYPE', 0, [{ name: 'a.pem', pem: publicPem }]],
    ['ERR_KEY_TYPE', 0, [{ name: 'a.pem', pem: rsa.export({ format: 'pem', type: 'pkcs8' }) as string }]],
    ['ERR_KEY_DUPLICATE', 1, [rotation[0]!, { name: 'spring@20260601T000000Z.pem', pem: seededPem(3) }]],
    ['ERR_KEY_DUPLICATE', 1, [rotation[0]!, { name: 'autumn.pem', pem: seededPem(3) }]],
  ])('are refused with %s at file %i', async (code, index, files) => {
    expect(await refusal(...files)).toMatchObject({ code, index });
  });

  it('are read from a directory, other files aside', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'narthex-keys-'));
    try {
      for (const { name, pem } of rotation) await writeFile(join(directory, name), pem);
      await writeFile(join(directory, 'README'), 'not a key');
      expect((await readSigningKeys(directory)).jwks()).toEqual((await SigningKeys.parse(rotation)).jwks());
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
