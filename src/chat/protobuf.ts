/** The part of Protocol Buffers that the handshake uses (protobuf.dev, "Encoding"): reads fields of a message
 *  strictly, and writes them. */
import { ownCopy } from '../stanza/own-bytes.ts';
import { ChatError } from './error.ts';

/** Wire types of fields. Groups (3, 4) are refused. */
export const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

export type FieldType = 'number' | 'bytes';

/** Values of the known fields by number, without absent ones. */
export interface Fields {
  readonly numbers: ReadonlyMap<number, bigint>;
  readonly bytes: ReadonlyMap<number, Buffer>;
}

/** Parses a message. Unknown fields are skipped.
 *  @param known the fields of interest; one that occurs twice, or with another wire type, is refused
 *  @throws ChatError with `code` */
export function readFields(
  message: Uint8Array,
  known: Readonly<Record<number, FieldType>>,
  code: 'ERR_CHAT_HANDSHAKE_MESSAGE' | 'ERR_CHAT_CERTIFICATE_FORMAT',
): Fields {
  const cursor = new Cursor(message, code);
  const numbers = new Map<number, bigint>();
  const bytes = new Map<number, Buffer>();
  while (!cursor.atEnd) {
    const key = cursor.varint();
    const field = Number(key >> 3n);
    const type = Number(key & 7n);
    const expected = known[field];
    if (field === 0 || field > 536_870_911 || numbers.has(field) || bytes.has(field))
      throw new ChatError(code);
    if (expected === undefined) cursor.skip(type);
    else if (expected === 'number' && type === wireType.varint) numbers.set(field, cursor.varint());
    else if (expected === 'bytes' && type === wireType.bytes) bytes.set(field, cursor.lengthPrefixed());
    else throw new ChatError(code);
  }
  return { numbers, bytes };
}

class Cursor {
  readonly #bytes: Buffer;
  readonly #code: 'ERR_CHAT_HANDSHAKE_MESSAGE' | 'ERR_CHAT_CERTIFICATE_FORMAT';
  #at = 0;

  constructor(bytes: Uint8Array, code: 'ERR_CHAT_HANDSHAKE_MESSAGE' | 'ERR_CHAT_CERTIFICATE_FORMAT') {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#code = code;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Reads an unsigned number of up to 64 bits.
   *  @throws ChatError */
  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw new ChatError(this.#code);
      this.#at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (value >= 1n << 64n) throw new ChatError(this.#code);
        return value;
      }
    }
    throw new ChatError(this.#code);
  }

  lengthPrefixed(): Buffer {
    const length = this.varint();
    if (length > BigInt(this.#bytes.length - this.#at)) throw new ChatError(this.#code);
    return this.#take(Number(length));
  }

  skip(type: number): void {
    if (type === wireType.varint) this.varint();
    else if (type === wireType.bytes) this.lengthPrefixed();
    else if (type === wireType.fixed64) this.#take(8);
    else if (type === wireType.fixed32) this.#take(4);
    else throw new ChatError(this.#code);
  }

  #take(length: number): Buffer {
    if (length > this.#bytes.length - this.#at) throw new ChatError(this.#code);
    return this.#bytes.subarray(this.#at, (this.#at += length));
  }
}

/** A field to write: its number and its value. */
export type Field = readonly [number: number, value: number | bigint | boolean | Uint8Array];

/** Writes a message of these fields, in this order. Booleans and numbers (not negative) are varints. */
export function writeFields(fields: Iterable<Field>): Buffer {
  const parts: Uint8Array[] = [];
  for (const [field, value] of fields) {
    const bytes = value instanceof Uint8Array;
    parts.push(varint(BigInt(field * 8 + (bytes ? wireType.bytes : wireType.varint))));
    if (bytes) parts.push(varint(BigInt(value.length)), value);
    else parts.push(varint(BigInt(value)));
  }
  return ownCopy(...parts);
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
