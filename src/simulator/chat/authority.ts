/** The simulated gatekeeper's certificates: a root whose key clients are configured with, an intermediate, and
 *  leaves for static keys. Keys are Ed25519 keys; their Curve25519 images are published. */
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { packFields } from './fields.ts';

/** Deviations from a valid chain, for tests of its verification. */
export interface ChainOverrides {
  readonly leafKey?: Uint8Array;
  readonly leafIssuer?: number;
  readonly intermediateIssuer?: number;
  /** Seconds since 1970. */
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly leafSigner?: SigningKey;
  readonly intermediateSigner?: SigningKey;
  readonly leave?: 'leaf' | 'intermediate';
}

/** A key that signs certificates. */
export interface SigningKey {
  readonly privateKey: KeyObject;
  /** Curve25519 public key, 32 bytes. */
  readonly publicKey: Buffer;
  /** Sign of the Edwards point's x, which a signature carries. */
  readonly sign: number;
}

const prime = 2n ** 255n - 19n;
const rootSerial = 0;
const intermediateSerial = 4711;
const leafSerial = 12;

/** Makes an Ed25519 key and the Curve25519 image of its public key: u = (1 + y) / (1 - y). */
export function newSigningKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url');
  const signBit = raw[31]! & 0x80;
  raw[31]! &= 0x7f;
  const y = BigInt(`0x${raw.reverse().toString('hex')}`);
  const u = ((1n + y) * power(1n - y + prime, prime - 2n)) % prime;
  const image = Buffer.from(u.toString(16).padStart(64, '0'), 'hex').reverse();
  return { privateKey, publicKey: image, sign: signBit };
}

export class ChatAuthority {
  readonly #root = newSigningKey();
  readonly #intermediate = newSigningKey();

  /** The root's key and serial number, for the configuration of clients. */
  get root(): { readonly key: Buffer; readonly serial: number } {
    return { key: this.#root.publicKey, serial: rootSerial };
  }

  /** Returns the chain of a server's static key, valid from an hour before `now` (milliseconds since 1970) for a
   *  day. */
  chain(staticKey: Uint8Array, now: number, overrides: ChainOverrides = {}): Buffer {
    const { notBefore = Math.floor(now / 1000) - 3600, notAfter = Math.floor(now / 1000) + 86_400 } =
      overrides;
    const intermediate = certificate(overrides.intermediateSigner ?? this.#root, {
      serial: intermediateSerial,
      issuer: overrides.intermediateIssuer ?? rootSerial,
      key: this.#intermediate.publicKey,
      notBefore,
      notAfter,
    });
    const leaf = certificate(overrides.leafSigner ?? this.#intermediate, {
      serial: leafSerial,
      issuer: overrides.leafIssuer ?? intermediateSerial,
      key: overrides.leafKey ?? staticKey,
      notBefore,
      notAfter,
    });
    return packFields(
      ...(overrides.leave === 'leaf' ? [] : [[1, leaf] as const]),
      ...(overrides.leave === 'intermediate' ? [] : [[2, intermediate] as const]),
    );
  }
}

interface CertificateDetails {
  readonly serial: number;
  readonly issuer: number;
  readonly key: Uint8Array;
  readonly notBefore: number;
  readonly notAfter: number;
}

function certificate(
  signer: SigningKey,
  { serial, issuer, key, notBefore, notAfter }: CertificateDetails,
): Buffer {
  const details = packFields([1, serial], [2, issuer], [3, key], [4, notBefore], [5, notAfter]);
  const signature = sign(null, details, signer.privateKey);
  signature[63]! |= signer.sign;
  return packFields([1, details], [2, signature]);
}

function power(base: bigint, exponent: bigint): bigint {
  let [result, square, rest] = [1n, base % prime, exponent];
  while (rest > 0n) {
    if (rest & 1n) result = (result * square) % prime;
    square = (square * square) % prime;
    rest >>= 1n;
  }
  return result;
}
