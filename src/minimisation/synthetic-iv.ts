/** AES-SIV (RFC 5297) with one associated datum: CMAC (RFC 4493) over counter mode, on ciphers that live as long as
 *  their key. Making a cipher for each value would cost more than everything else that happens to a stanza. What is
 *  left are two calls of a cipher for a value, and beside those a call of anything else would be felt: blocks are
 *  written byte by byte, into buffers that the ciphers know already. */
import { createCipheriv, timingSafeEqual, type Cipheriv, type KeyObject } from 'node:crypto';

const blockBytes = 16;

/** Associated data as they go into each vector: dbl(CMAC(zero)) xor CMAC(data) (RFC 5297 §2.4). */
export type AssociatedData = Buffer & { readonly [associated]: true };
declare const associated: unique symbol;

export class SyntheticIv {
  readonly #mac: Cmac;
  readonly #counter: Cipheriv;
  readonly #counters = new Blocks();
  readonly #zero: Buffer;

  /** @param authentication K1 and @param encryption K2, of 128, 192 or 256 bits. */
  constructor(authentication: KeyObject, encryption: KeyObject) {
    this.#mac = new Cmac(authentication);
    this.#counter = blockCipher('ecb', encryption, null);
    this.#zero = doubled(this.#mac.of(Buffer.alloc(blockBytes)));
  }

  /** What no value changes, computed once for all that go with the same data. */
  associate(data: string): AssociatedData {
    const prefix = this.#mac.of(Buffer.from(data));
    xorInto(prefix, 0, this.#zero);
    return prefix as AssociatedData;
  }

  /** Vector and ciphertext (RFC 5297 §2.6) of the first `length` bytes. */
  seal(data: AssociatedData, plain: Buffer, length = plain.length): Buffer {
    const sealed = Buffer.allocUnsafe(blockBytes + length);
    this.#vectorInto(sealed, data, plain, length);
    this.#crypt(sealed, plain, sealed, blockBytes, length);
    return sealed;
  }

  /** What was sealed with these data; `undefined` when it was not (RFC 5297 §2.7). */
  open(data: AssociatedData, sealed: Buffer): Buffer | undefined {
    if (sealed.length < blockBytes) return undefined;
    const plain = Buffer.allocUnsafe(sealed.length - blockBytes);
    this.#crypt(sealed, sealed.subarray(blockBytes), plain, 0, plain.length);
    return timingSafeEqual(this.vector(data, plain), sealed.subarray(0, blockBytes)) ? plain : undefined;
  }

  /** S2V (RFC 5297 §2.4). */
  vector(data: AssociatedData, plain: Buffer): Buffer {
    const vector = Buffer.allocUnsafe(blockBytes);
    this.#vectorInto(vector, data, plain, plain.length);
    return vector;
  }

  #vectorInto(target: Buffer, data: AssociatedData, plain: Buffer, length: number): void {
    const isShort = length < blockBytes;
    const message = this.#mac.input(isShort ? blockBytes : length);
    for (let i = 0; i < length; i += 1) message[i] = plain[i]!;
    if (isShort) fillUp(message, length);
    xorInto(message, isShort ? 0 : length - blockBytes, isShort ? doubled(data) : data);
    this.#mac.into(target, message, isShort ? blockBytes : length);
  }

  /** Counter mode, which is its own inverse (RFC 5297 §2.5). Two bits of the first counter block are cleared; with its
   *  highest bit clear, no carry leaves the last 32 bits for any length that a pseudonym may have.
   *  @param vector begins with it */
  #crypt(vector: Buffer, from: Buffer, to: Buffer, at: number, length: number): void {
    const counters = this.#counters.of(length);
    let low = vector.readUInt32BE(12) & 0x7fffffff;
    for (let block = 0; block < counters.length; block += blockBytes) {
      for (let i = 0; i < 12; i += 1) counters[block + i] = vector[i]!;
      counters[block + 8] = counters[block + 8]! & 0x7f;
      counters[block + 12] = low >>> 24;
      counters[block + 13] = low >>> 16;
      counters[block + 14] = low >>> 8;
      counters[block + 15] = low;
      low += 1;
    }
    const stream = this.#counter.update(counters);
    for (let i = 0; i < length; i += 1) to[at + i] = from[i]! ^ stream[i]!;
  }
}

/** AES-CMAC (RFC 4493). */
class Cmac {
  readonly #chain: Cipheriv;
  readonly #inputs = new Blocks();
  readonly #whole: Buffer;
  readonly #partial: Buffer;
  /** What the cipher gave last: it chains to the last block of it. */
  #output: Buffer = Buffer.alloc(blockBytes);

  constructor(key: KeyObject) {
    this.#chain = blockCipher('cbc', key, Buffer.alloc(blockBytes));
    this.#whole = doubled(blockCipher('ecb', key, null).update(Buffer.alloc(blockBytes)));
    this.#partial = doubled(this.#whole);
  }

  of(message: Buffer): Buffer {
    const input = this.input(message.length);
    message.copy(input);
    const code = Buffer.alloc(blockBytes);
    this.into(code, input, message.length);
    return code;
  }

  /** Where the next message of this many bytes has to be. */
  input(length: number): Buffer {
    return this.#inputs.of(Math.max(1, length));
  }

  /** Writes the code of the message in `input`, which is spent. */
  into(target: Buffer, input: Buffer, length: number): void {
    const last = input.length - blockBytes;
    if (length < input.length) fillUp(input, length);
    xorInto(input, last, length < input.length ? this.#partial : this.#whole);
    // The chain begins anew: what the cipher adds to the first block is taken away before.
    const before = this.#output;
    const end = before.length - blockBytes;
    for (let i = 0; i < blockBytes; i += 1) input[i] = input[i]! ^ before[end + i]!;
    const output = this.#chain.update(input);
    for (let i = 0; i < blockBytes; i += 1) target[i] = output[last + i]!;
    this.#output = output;
  }
}

/** Buffers of whole blocks, one of each length: a cipher takes a quarter longer when it has to meet a new one. */
class Blocks {
  readonly #byCount = new Map<number, Buffer>();

  /** The shortest that has room for so many bytes. Holds whatever it held. */
  of(bytes: number): Buffer {
    const count = Math.ceil(bytes / blockBytes);
    let blocks = this.#byCount.get(count);
    if (blocks === undefined) this.#byCount.set(count, (blocks = Buffer.alloc(count * blockBytes)));
    return blocks;
  }
}

function blockCipher(mode: 'ecb' | 'cbc', key: KeyObject, iv: Buffer | null): Cipheriv {
  return createCipheriv(`aes-${key.symmetricKeySize! * 8}-${mode}`, key, iv).setAutoPadding(false);
}

/** Puts a one and zeros behind the first `length` bytes. */
function fillUp(blocks: Buffer, length: number): void {
  blocks[length] = 0x80;
  blocks.fill(0, length + 1);
}

function xorInto(target: Buffer, at: number, block: Buffer): void {
  for (let i = 0; i < blockBytes; i += 1) target[at + i] = target[at + i]! ^ block[i]!;
}

/** Multiplication by x in GF(2^128) (RFC 4493 §2.3). */
function doubled(block: Buffer): Buffer {
  const out = Buffer.alloc(blockBytes);
  for (let i = 0; i < blockBytes; i += 1)
    out[i] = ((block[i]! << 1) | (i + 1 < blockBytes ? block[i + 1]! >> 7 : 0)) & 0xff;
  if ((block[0]! & 0x80) !== 0) out[blockBytes - 1] = out[blockBytes - 1]! ^ 0x87;
  return out;
}
