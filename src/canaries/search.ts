/** Finds many short texts in many bytes, in one pass. The place of a text is looked up by a hash of its first four
 *  bytes, so that the time does not grow with the number of texts. */
import type { Form } from './forms.ts';

/** A form of a canary was found. */
export interface Hit {
  /** Index of the canary. */
  readonly canary: number;
  /** Name of the form. */
  readonly form: string;
  /** Offset of its first byte. */
  readonly at: number;
}

interface Needle {
  readonly canary: number;
  readonly form: Form;
  /** Small letters in place of capitals. */
  readonly folded: Uint8Array;
}

const indexBits = 20;
const prefixBytes = 4;

/** Small letters in place of capitals, per byte. */
const fold = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte,
);

/** A set of canaries to look for. */
export class Search {
  readonly #occupied = new Uint8Array(1 << indexBits);
  readonly #needles = new Map<number, Needle[]>();
  /** Bytes of the longest form. Pieces of a stream that are searched one by one overlap by one less. */
  readonly longest: number;

  /** @param canaries the forms of each canary */
  constructor(canaries: readonly (readonly Form[])[]) {
    let longest = 0;
    canaries.forEach((forms, canary) => {
      for (const form of forms) {
        const folded = form.bytes.map((byte) => fold[byte]!);
        const key = hashAt(folded, 0);
        this.#occupied[key] = 1;
        this.#needles.set(key, [...(this.#needles.get(key) ?? []), { canary, form, folded }]);
        longest = Math.max(longest, folded.length);
      }
    });
    this.longest = longest;
  }

  /** Calls `found` for each occurrence, in the order of the bytes. */
  each(bytes: Uint8Array, found: (hit: Hit) => void): void {
    const occupied = this.#occupied;
    for (let at = 0; at + prefixBytes <= bytes.length; at += 1) {
      const key = hashAt(bytes, at);
      if (occupied[key] === 0) continue;
      for (const needle of this.#needles.get(key) ?? [])
        if (matches(bytes, at, needle)) found({ canary: needle.canary, form: needle.form.name, at });
    }
  }
}

function hashAt(bytes: Uint8Array, at: number): number {
  const word =
    fold[bytes[at]!]! |
    (fold[bytes[at + 1]!]! << 8) |
    (fold[bytes[at + 2]!]! << 16) |
    (fold[bytes[at + 3]!]! << 24);
  return Math.imul(word, 0x9e3779b1) >>> (32 - indexBits);
}

function matches(bytes: Uint8Array, at: number, { form, folded }: Needle): boolean {
  const { length } = folded;
  if (at + length > bytes.length) return false;
  const wanted = form.anyCase ? folded : form.bytes;
  for (let index = 0; index < length; index += 1) {
    const byte = bytes[at + index]!;
    if ((form.anyCase ? fold[byte]! : byte) !== wanted[index]) return false;
  }
  return !form.isNumber || !(isDigit(bytes[at - 1]) || isDigit(bytes[at + length]));
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}
