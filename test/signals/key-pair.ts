import { createPrivateKey, type KeyObject } from 'node:crypto';

/** PKCS #8 around a raw Ed25519 seed (RFC 8410 §7). */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

/** An Ed25519 key that is the same in every run: for tests and examples only. */
export function seededKey(seed: number): KeyObject {
  const raw = Buffer.alloc(32, seed);
  return createPrivateKey({ key: Buffer.concat([pkcs8Prefix, raw]), format: 'der', type: 'pkcs8' });
}

export function seededPem(seed: number): string {
  return seededKey(seed).export({ format: 'pem', type: 'pkcs8' }) as string;
}
