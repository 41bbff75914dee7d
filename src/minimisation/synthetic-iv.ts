/** AES-SIV (RFC 5297) with one associated datum: CMAC (RFC 4493) over counter mode, on ciphers that live as long as
 *  their key. Making a cipher for each value would cost more than everything else that happens to a stanza. */
import { createCipheriv, timingSafeEqual, type Cipheriv, type KeyObject } from 'node:crypto';

const blockBytes = 16;
/** Associated data whose part of the vector is remembered; more than the rules that are in use at one time. */
const rememberedMax = 1_024;

export class SyntheticIv {
  readonly #mac: Cmac;
  readonly #counter: Cipheriv;
  /** By associated data: dbl(CMAC(zero)) xor CMAC(data), which no value changes (RFC 5297 §2.4). */
  readonly #prefixes = new Map<string, Buffer>();
  readonly #zero: Buffer;

  /** @param authentication K1 and @param encryption K2, of 128, 192 or 256 bits. */
  constructor(authentication: KeyObject, encryption: KeyObject) {
    this.#mac = new Cmac(authentication);
    this.#counter = blockCipher('ecb', encryption, null);
    this.#zero = doubled(this.#mac.of(Buffer.alloc(blockBytes)));
  }

  /** Vector and ciphertext (RFC 5297 §2.6). */
  seal(associated: string, plain: Buffer): Buffer {
    const vector = this.vector(associated, plain);
    return Buffer.concat([vector, this.#crypt(vector, plain)]);
  }

  /** What was sealed with this data; `undefined` when it was not (RFC 5297 §2.7). */
  open(associated: string, sealed: Buffer): Buffer | undefined {
    if (sealed.length < blockBytes) return undefined;
    const vector = sealed.subarray(0, blockBytes);
    const plain = this.#crypt(vector, sealed.subarray(blockBytes));
    return timingSafeEqual(this.vector(associated, plain), vector) ? plain : undefined;
  }

  /** S2V (RFC 5297 §2.4). */
  vector(associated: string, plain: Buffer): Buffer {
    const prefix = this.#prefixOf(associated);
    if (plain.length >= blockBytes) {
      const last = Buffer.from(plain);
      xorInto(last, prefix, last.length - blockBytes);
      return this.#mac.of(last);
    }
    const short = filledUp(plain, blockBytes);
    xorInto(short, doubled(prefix), 0);
    return this.#mac.of(short);
  }

  #prefixOf(associated: string): Buffer {
    let prefix = this.#prefixes.get(associated);
    if (prefix === undefined) {
      prefix = Buffer.from(this.#zero);
      xorInto(prefix, this.#mac.of(Buffer.from(associated)), 0);
      // All of them rather than the oldest: sessions come and go, and each computes its own again in a moment.
      if (this.#prefixes.size === rememberedMax) this.#prefixes.clear();
      this.#prefixes.set(associated, prefix);
    }
    return prefix;
  }

  /** Counter mode is its own inverse. Two bits of the counter block are cleared (RFC 5297 §2.5). */
  #crypt(vector: Buffer, data: Buffer): Buffer {
    const blocks = Math.ceil(data.length / blockBytes);
    const counters = Buffer.allocUnsafe(blocks * blockBytes);
    const middle = vector.readUInt32BE(8) & 0x7fffffff;
    // Its highest bit is clear, so that no carry leaves these 32 bits for any length that a pseudonym may have.
    let low = vector.readUInt32BE(12) & 0x7fffffff;
    for (let at = 0; at < counters.length; at += blockBytes) {
      vector.copy(counters, at, 0, 8);
      counters.writeUInt32BE(middle, at + 8);
      counters.writeUInt32BE(low, at + 12);
      low += 1;
    }
    const out = this.#counter.update(counters);
    const stream = out.length === data.length ? out : out.subarray(0, data.length);
    xorInto(stream, data, 0);
    return stream;
  }
}

/** AES-CMAC (RFC 4493). */
class Cmac {
  readonly #chain: Cipheriv;
  readonly #whole: Buffer;
  readonly #partial: Buffer;
  /** The cipher's last block: what it would chain to. */
  #last: Buffer = Buffer.alloc(blockBytes);

  constructor(key: KeyObject) {
    this.#chain = blockCipher('cbc', key, Buffer.alloc(blockBytes));
    this.#whole = doubled(blockCipher('ecb', key, null).update(Buffer.alloc(blockBytes)));
    this.#partial = doubled(this.#whole);
  }

  of(message: Buffer): Buffer {
    const blocks = Math.max(1, Math.ceil(message.length / blockBytes));
    const chained = filledUp(message, blocks * blockBytes);
    const complete = message.length === chained.length;
    xorInto(chained, complete ? this.#whole : this.#partial, chained.length - blockBytes);
    // The chain begins anew: what the cipher adds to the first block is taken away before.
    xorInto(chained, this.#last, 0);
    const out = this.#chain.update(chained);
    this.#last = out.subarray(out.length - blockBytes);
    return this.#last;
  }
}

function blockCipher(mode: 'ecb' | 'cbc', key: KeyObject, iv: Buffer | null): Cipheriv {
  return createCipheriv(`aes-${key.symmetricKeySize! * 8}-${mode}`, key, iv).setAutoPadding(false);
}

/** A copy, up to `length` bytes with a one and zeros behind it. */
function filledUp(message: Buffer, length: number): Buffer {
  const out = Buffer.allocUnsafe(length);
  message.copy(out);
  if (message.length < length) {
    out[message.length] = 0x80;
    out.fill(0, message.length + 1);
  }
  return out;
}

function xorInto(target: Buffer, with_: Buffer, from: number): void {
  const end = Math.min(target.length - from, with_.length);
  for (let i = 0; i < end; i += 1) target[from + i] = target[from + i]! ^ with_[i]!;
}

/** Multiplication by x in GF(2^128) (RFC 4493 §2.3). */
function doubled(block: Buffer): Buffer {
  const out = Buffer.alloc(blockBytes);
  for (let i = 0; i < blockBytes; i += 1)
    out[i] = ((block[i]! << 1) | (i + 1 < blockBytes ? block[i + 1]! >> 7 : 0)) & 0xff;
  if ((block[0]! & 0x80) !== 0) out[blockBytes - 1] = out[blockBytes - 1]! ^ 0x87;
  return out;
}
