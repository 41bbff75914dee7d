/** The SymmetricState of the Noise Protocol Framework (revision 34, §5.2), with SHA-256: the handshake hash, the
 *  chaining key, and the key in use. */
import { hash, hkdfSync } from 'node:crypto';
import type { Cipher } from './cipher.ts';
import { CipherState } from './cipher-state.ts';

/** Bytes of a hash (HASHLEN). */
const hashLength = 32;
const nothing = Buffer.alloc(0);

export class SymmetricState {
  readonly #cipher: Cipher;
  #chainingKey: Buffer;
  #hash: Buffer;
  #key: CipherState | undefined;

  /** @param protocolName ASCII; up to 32 bytes are padded with zeros, longer ones are hashed */
  constructor(cipher: Cipher, protocolName: string) {
    this.#cipher = cipher;
    const name = Buffer.from(protocolName, 'latin1');
    this.#hash = name.length > hashLength ? sha256(name) : Buffer.concat([name], hashLength);
    this.#chainingKey = Buffer.from(this.#hash);
  }

  /** The hash of everything mixed in so far, 32 bytes. */
  get handshakeHash(): Buffer {
    return Buffer.from(this.#hash);
  }

  get hasKey(): boolean {
    return this.#key !== undefined;
  }

  mixHash(data: Uint8Array): void {
    this.#hash = sha256(Buffer.concat([this.#hash, data]));
  }

  /** Mixes key material in, and overwrites it. */
  mixKey(material: Buffer): void {
    const [chainingKey, key] = this.#derive(material);
    material.fill(0);
    this.#chainingKey.fill(0);
    this.#chainingKey = chainingKey;
    this.#key = new CipherState(this.#cipher, key);
    key.fill(0);
  }

  /** Returns the ciphertext with its tag, or the plaintext while there is no key.
   *  @throws NoiseError ERR_NOISE_EXHAUSTED */
  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const sent = this.#key === undefined ? plaintext : joined(this.#key.seal(plaintext, this.#hash));
    this.mixHash(sent);
    return sent;
  }

  /** Returns the plaintext, which equals the input while there is no key.
   *  @throws NoiseError */
  decryptAndHash(received: Uint8Array): Uint8Array {
    const plaintext = this.#key === undefined ? received : this.#key.open(received, this.#hash);
    this.mixHash(received);
    return plaintext;
  }

  /** Returns the two transport keys, the initiator's sending key first, and overwrites the chaining key. */
  split(): [CipherState, CipherState] {
    const [first, second] = this.#derive(nothing);
    const states: [CipherState, CipherState] = [
      new CipherState(this.#cipher, first),
      new CipherState(this.#cipher, second),
    ];
    for (const secret of [first, second, this.#chainingKey]) secret.fill(0);
    this.#key = undefined;
    return states;
  }

  /** Returns two keys by the HKDF of §4.3: RFC 5869 with the chaining key as salt and without info. */
  #derive(material: Uint8Array): [Buffer, Buffer] {
    const derived = hkdfSync('sha256', material, this.#chainingKey, nothing, 2 * hashLength);
    return [Buffer.from(derived, 0, hashLength), Buffer.from(derived, hashLength, hashLength)];
  }
}

function sha256(data: Uint8Array): Buffer {
  return hash('sha256', data, 'buffer');
}

function joined({ ciphertext, tag }: { ciphertext: Buffer; tag: Buffer }): Buffer {
  return Buffer.concat([ciphertext, tag]);
}
