/** X25519 keys (RFC 7748) for `node:crypto`: from raw bytes to KeyObjects. */
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { NoiseError } from './error.ts';

/** Bytes of a public key, a private key and a shared secret (DHLEN). */
export const keyLength = 32;

/** DER encoding before the raw key (RFC 8410). */
const spkiPrefix = Buffer.from('302a300506032b656e032100', 'hex');
const pkcs8Prefix = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** A key pair in both forms: importing a raw key costs more than using it. */
export interface KeyPair {
  readonly privateKey: KeyObject;
  /** 32 raw bytes. */
  readonly publicKey: Buffer;
}

/** Generates a key pair. */
export function generateKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  return { privateKey, publicKey: rawPublicKey(publicKey) };
}

/** Imports a raw private key.
 *  @throws RangeError when it does not have 32 bytes */
export function importPrivateKey(raw: Uint8Array): KeyPair {
  if (raw.length !== keyLength) throw new RangeError(`an X25519 private key has ${keyLength} bytes`);
  const der = Buffer.concat([pkcs8Prefix, raw]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  return { privateKey, publicKey: rawPublicKey(createPublicKey(privateKey)) };
}

/** Imports a raw public key of a peer. @throws NoiseError ERR_NOISE_PUBLIC_KEY */
export function importPublicKey(raw: Uint8Array): KeyObject {
  if (raw.length !== keyLength) throw new NoiseError('ERR_NOISE_PUBLIC_KEY');
  return createPublicKey({ key: Buffer.concat([spkiPrefix, raw]), format: 'der', type: 'spki' });
}

/** Computes the shared secret of a private and a public key.
 *  @throws NoiseError ERR_NOISE_PUBLIC_KEY when the public key is of low order, and the secret would be all zeros
 *  (RFC 7748 §6.1) */
export function sharedSecret(privateKey: KeyObject, publicKey: KeyObject): Buffer {
  try {
    return diffieHellman({ privateKey, publicKey });
  } catch (error) {
    throw new NoiseError('ERR_NOISE_PUBLIC_KEY', error);
  }
}

function rawPublicKey(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(spkiPrefix.length);
}
