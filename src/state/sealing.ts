/** Names and values of records as the server of a shared store sees them. A name is a MAC, so that it does not reveal what the
 *  record is about. A value is padded and sealed, and opens only under its own name, kind and version.
 *
 *  Keys are derived from a secret that all replicas have (HKDF, RFC 5869). Each value has an AES-256-GCM key of its own,
 *  derived from 16 random bytes: a random nonce of 12 bytes alone would serve for 2^32 values of one key (NIST SP 800-38D
 *  §8.3), which ten thousand sessions write in five days. */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { stateKinds, type StateKind } from './kinds.ts';

/** Version of the form of names and values. */
const version = 1;

const saltBytes = 16;
const nonceBytes = 12;
const tagBytes = 16;
const headBytes = 1 + saltBytes + nonceBytes;
/** The value's own length, before it and the padding. */
const lengthBytes = 4;

/** Fewest bytes of a secret. */
export const stateSecretBytesMin = 32;

/** The name of a record at the server: 32 bytes. */
export type SealedName = Buffer;

export class RecordSeal {
  readonly #nameKey: Buffer;
  readonly #valueKey: Buffer;

  /** @throws RangeError for a secret below `stateSecretBytesMin` */
  constructor(secret: Uint8Array) {
    if (secret.length < stateSecretBytesMin) throw new RangeError('the secret of shared state is too short');
    this.#nameKey = derive(secret, 'narthex state 1 name');
    this.#valueKey = derive(secret, 'narthex state 1 value');
  }

  nameOf(kind: StateKind, name: string): SealedName {
    return createHmac('sha256', this.#nameKey).update(`${kind}\0${name}`).digest();
  }

  /** Returns a sealed value: version (1) | salt (16) | nonce (12) | ciphertext | tag (16). */
  seal(kind: StateKind, name: SealedName, value: Uint8Array): Buffer {
    const head = Buffer.concat([Uint8Array.of(version), randomBytes(saltBytes + nonceBytes)]);
    const bound = boundTo(kind, name);
    const cipher = createCipheriv('aes-256-gcm', this.#keyOf(head, bound), head.subarray(1 + saltBytes), {
      authTagLength: tagBytes,
    }).setAAD(bound);
    return Buffer.concat([head, cipher.update(padded(kind, value)), cipher.final(), cipher.getAuthTag()]);
  }

  /** Opens a value.
   *  @returns undefined for one that was sealed otherwise: changed, of another record, key, kind or version */
  open(kind: StateKind, name: SealedName, sealed: Uint8Array): Uint8Array | undefined {
    if (sealed.length < headBytes + lengthBytes + tagBytes || sealed[0] !== version) return undefined;
    const head = sealed.subarray(0, headBytes);
    const bound = boundTo(kind, name);
    const decipher = createDecipheriv('aes-256-gcm', this.#keyOf(head, bound), head.subarray(1 + saltBytes), {
      authTagLength: tagBytes,
    })
      .setAAD(bound)
      .setAuthTag(sealed.subarray(-tagBytes));
    try {
      return unpadded(
        Buffer.concat([decipher.update(sealed.subarray(headBytes, -tagBytes)), decipher.final()]),
      );
    } catch {
      return undefined;
    }
  }

  #keyOf(head: Uint8Array, bound: Uint8Array): Buffer {
    const salt = head.subarray(1, 1 + saltBytes);
    return createHmac('sha256', this.#valueKey).update(salt).update(bound).digest();
  }
}

/** Bytes of a sealed value of this many bytes. */
export function sealedBytes(kind: StateKind, valueBytes: number): number {
  return headBytes + paddedBytes(kind, valueBytes) + tagBytes;
}

function derive(secret: Uint8Array, use: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', use, 32));
}

/** What a value is bound to: version, kind and name. */
function boundTo(kind: StateKind, name: SealedName): Buffer {
  return Buffer.concat([Buffer.from(`${version}\0${kind}\0`), name]);
}

function paddedBytes(kind: StateKind, valueBytes: number): number {
  const { paddedToBytes } = stateKinds[kind];
  return Math.ceil((lengthBytes + valueBytes) / paddedToBytes) * paddedToBytes;
}

function padded(kind: StateKind, value: Uint8Array): Buffer {
  const text = Buffer.alloc(paddedBytes(kind, value.length));
  text.writeUInt32BE(value.length);
  text.set(value, lengthBytes);
  return text;
}

function unpadded(text: Buffer): Uint8Array | undefined {
  const length = text.readUInt32BE();
  return lengthBytes + length > text.length ? undefined : text.subarray(lengthBytes, lengthBytes + length);
}
