/** Someone who signs tokens: the provider (ownership proofs) or a gatekeeper (its calls). */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import type { JsonObject } from '../../../src/http/strict-json.ts';
import type { SignatureAlgorithm } from '../../../src/http/tokens/verification-keys.ts';

export interface SigningKey {
  readonly kid: string;
  readonly algorithm: SignatureAlgorithm;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly jwk: JsonObject;
}

const generate: Readonly<Record<SignatureAlgorithm, () => { publicKey: KeyObject; privateKey: KeyObject }>> =
  {
    ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    EdDSA: () => generateKeyPairSync('ed25519'),
    PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  };

export function makeKey(kid: string, algorithm: SignatureAlgorithm = 'ES256'): SigningKey {
  const { publicKey, privateKey } = generate[algorithm]();
  const jwk = { ...(publicKey.export({ format: 'jwk' }) as JsonObject), kid, alg: algorithm, use: 'sig' };
  return { kid, algorithm, privateKey, publicKey, jwk };
}

export const jwks = (...keys: readonly SigningKey[]): JsonObject => ({ keys: keys.map(({ jwk }) => jwk) });

export interface TokenParts {
  readonly key: SigningKey;
  readonly header?: Record<string, unknown>;
  readonly claims: Record<string, unknown>;
}

export function sign({ key, header = {}, claims }: TokenParts): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: key.algorithm, kid: key.kid, typ: 'JWT', ...header })
    .sign(key.privateKey);
}

/** A token part from text of any kind, well-formed or not. */
export const encode = (text: string): string => Buffer.from(text).toString('base64url');
