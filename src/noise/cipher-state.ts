/** The CipherState of the Noise Protocol Framework (revision 34, §5.1): one key, and a counter that is its nonce. */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import type { Cipher } from './cipher.ts';
import { NoiseError } from './error.ts';

/** Bytes of a tag, which authenticates a ciphertext. */
export const tagLength = 16;

/** First counter that is never used. The framework reserves 2^64 - 1. The chat channel writes 32 bits, so it
 *  reserves the last value of those. */
export const counterEnd = 2 ** 32 - 1;

/** An encrypted message in the two parts that `node:crypto` returns, to be written one after the other. */
export interface SealedMessage {
  readonly ciphertext: Buffer;
  /** 16 bytes. */
  readonly tag: Buffer;
}

/** The key of one direction. A counter is used once: after a failure the state refuses everything. */
export class CipherState {
  readonly #cipher: Cipher;
  readonly #key: KeyObject;
  readonly #nonce = Buffer.alloc(12);
  #counter: number;

  /** @param key 32 bytes, copied: the caller may overwrite them
   *  @param counter the first to use */
  constructor(cipher: Cipher, key: Uint8Array, counter = 0) {
    this.#cipher = cipher;
    this.#key = createSecretKey(key);
    this.#counter = counter;
  }

  /** Encrypts and authenticates a message together with associated data.
   *  @throws NoiseError ERR_NOISE_EXHAUSTED when no counter is left */
  seal(plaintext: Uint8Array, associated?: Uint8Array): SealedMessage {
    this.#takeNonce();
    const cipher = createCipheriv(this.#cipher.algorithm as 'aes-256-gcm', this.#key, this.#nonce, {
      authTagLength: tagLength,
    });
    if (associated !== undefined) cipher.setAAD(associated);
    const ciphertext = cipher.update(plaintext);
    cipher.final();
    return { ciphertext, tag: cipher.getAuthTag() };
  }

  /** Returns the plaintext of a ciphertext followed by its tag.
   *  @throws NoiseError ERR_NOISE_AUTHENTICATION, ERR_NOISE_LENGTH, ERR_NOISE_EXHAUSTED */
  open(sealed: Uint8Array, associated?: Uint8Array): Buffer {
    const end = sealed.length - tagLength;
    if (end < 0) throw this.#spent('ERR_NOISE_LENGTH');
    this.#takeNonce();
    const decipher = createDecipheriv(this.#cipher.algorithm as 'aes-256-gcm', this.#key, this.#nonce, {
      authTagLength: tagLength,
    });
    if (associated !== undefined) decipher.setAAD(associated);
    decipher.setAuthTag(sealed.subarray(end));
    const plaintext = decipher.update(sealed.subarray(0, end));
    try {
      decipher.final();
    } catch (error) {
      plaintext.fill(0);
      throw this.#spent('ERR_NOISE_AUTHENTICATION', error);
    }
    return plaintext;
  }

  #takeNonce(): void {
    if (this.#counter >= counterEnd) throw new NoiseError('ERR_NOISE_EXHAUSTED');
    this.#cipher.writeNonce(this.#nonce, this.#counter);
    this.#counter += 1;
  }

  #spent(code: 'ERR_NOISE_AUTHENTICATION' | 'ERR_NOISE_LENGTH', cause?: unknown): NoiseError {
    this.#counter = counterEnd;
    return new NoiseError(code, cause);
  }
}
