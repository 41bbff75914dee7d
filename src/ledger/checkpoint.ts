/** The ledger's key, and signatures over where a stream stands (Ed25519, RFC 8032). */
import { createHash, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import type { Position } from './record.ts';

/** Text before what is signed, so that the signature has no meaning elsewhere. */
const context = 'narthex ledger checkpoint 1\n';

export interface CheckpointSigner {
  /** Thumbprint of the public key (RFC 7638), 43 characters of base64url. */
  readonly key: string;
  /** Signs a position of a stream.
   *  @returns 86 characters of base64url */
  sign(stream: string, position: Position): string;
}

/** @param privateKey Ed25519; it stays inside */
export function createCheckpointSigner(privateKey: KeyObject): CheckpointSigner {
  return {
    key: thumbprintOf(createPublicKey(privateKey)),
    sign: (stream, position) => sign(null, signedBytes(stream, position), privateKey).toString('base64url'),
  };
}

export interface CheckpointVerifier {
  readonly key: string;
  verifies(stream: string, position: Position, signature: string): boolean;
}

/** @param publicKey Ed25519 */
export function createCheckpointVerifier(publicKey: KeyObject): CheckpointVerifier {
  return {
    key: thumbprintOf(publicKey),
    verifies: (stream, position, signature) =>
      verify(null, signedBytes(stream, position), publicKey, Buffer.from(signature, 'base64url')),
  };
}

function signedBytes(stream: string, { n, hash }: Position): Buffer {
  return Buffer.from(`${context}${stream}\n${n}\n${hash}\n`);
}

/** Returns the JWK thumbprint (RFC 7638 §3, RFC 8037 §2) of an Ed25519 key. */
function thumbprintOf(publicKey: KeyObject): string {
  const { crv, kty, x } = publicKey.export({ format: 'jwk' });
  return createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url');
}
