/** Verifies XEdDSA (libsignal's variant): a signature by a Curve25519 key, verified as an Ed25519 signature.
 *
 *  The signer's key is a Montgomery u-coordinate; Ed25519 needs the Edwards y-coordinate and the sign of x. The sign
 *  is the top bit of the signature. */
import { createPublicKey, verify } from 'node:crypto';

/** The field prime 2^255 - 19. */
const p = 2n ** 255n - 19n;
/** The order of the group's base point. */
const order = 2n ** 252n + 27742317777372353535851937790883648493n;

const ed25519SpkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');
const signBit = 0x80;

/** Returns whether `signature` (64 bytes) is one of `message` by the Curve25519 key `publicKey` (32 bytes).
 *  Non-canonical keys and signatures are refused. */
export function verifyXeddsa(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  const sign = signature[63]! & signBit;
  const edwards = edwardsKey(littleEndian(publicKey), sign);
  if (edwards === undefined) return false;
  const plain = Buffer.from(signature);
  plain[63]! &= ~signBit;
  if (littleEndian(plain.subarray(32)) >= order) return false;
  const der = Buffer.concat([ed25519SpkiPrefix, edwards]);
  try {
    return verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), plain);
  } catch {
    // OpenSSL refuses coordinates that are not on the curve.
    return false;
  }
}

/** Returns y = (u - 1) / (u + 1) with the sign of x, in 32 bytes; undefined for a u that is out of range or has no
 *  y. */
function edwardsKey(u: bigint, sign: number): Buffer | undefined {
  if (u >= p || u === p - 1n) return undefined;
  const y = mod((u - 1n) * inverse(u + 1n));
  const bytes = Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse();
  bytes[31]! |= sign;
  return bytes;
}

/** Returns the inverse modulo p by Euclid's algorithm. Its input is public, so its time may depend on the value. */
function inverse(value: bigint): bigint {
  let [a, b] = [mod(value), p];
  let [x, y] = [1n, 0n];
  while (a > 1n) {
    const quotient = a / b;
    [a, b] = [b, a % b];
    [x, y] = [y, x - quotient * y];
  }
  return mod(x);
}

function mod(value: bigint): bigint {
  const rest = value % p;
  return rest < 0n ? rest + p : rest;
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}
