import { sliceBytesMax, type Structure } from './structure.ts';

/** Structural bytes other than control characters. */
const structuralBytes = ['<', '>', '&', "'", '"'].map((character) => character.charCodeAt(0));

/** States of the UTF-8 automaton (RFC 3629 §4; U+FFFE and U+FFFF are refused, as in XML 1.0 §2.2). Row n of
 *  `continuation` has the lowest and highest byte that may follow state n, and the state after it. */
export const utf8State = {
  boundary: 0,
  oneMore: 1,
  twoMore: 2,
  threeMore: 3,
  afterE0: 4,
  afterED: 5,
  afterF0: 6,
  afterF4: 7,
  afterEF: 8,
  afterEFBF: 9,
  invalid: -1,
} as const;

const continuation: readonly (readonly [from: number, to: number, next: number])[] = [
  [0x00, 0x7f, utf8State.boundary],
  [0x80, 0xbf, utf8State.boundary],
  [0x80, 0xbf, utf8State.oneMore],
  [0x80, 0xbf, utf8State.twoMore],
  [0xa0, 0xbf, utf8State.oneMore],
  [0x80, 0x9f, utf8State.oneMore],
  [0x90, 0xbf, utf8State.twoMore],
  [0x80, 0x8f, utf8State.twoMore],
  [0x80, 0xbf, utf8State.oneMore],
  [0x80, 0xbd, utf8State.boundary],
];

/** Returns the state after one more byte. */
export function nextUtf8State(state: number, byte: number): number {
  if (state !== utf8State.boundary) {
    const [from, to, next] = continuation[state]!;
    if (byte < from || byte > to) return utf8State.invalid;
    return state === utf8State.afterEF && byte === 0xbf ? utf8State.afterEFBF : next;
  }
  if (byte < 0x80) return utf8State.boundary;
  if (byte < 0xc2) return utf8State.invalid;
  if (byte < 0xe0) return utf8State.oneMore;
  if (byte < 0xf0) {
    if (byte === 0xe0) return utf8State.afterE0;
    if (byte === 0xed) return utf8State.afterED;
    return byte === 0xef ? utf8State.afterEF : utf8State.twoMore;
  }
  if (byte === 0xf0) return utf8State.afterF0;
  if (byte === 0xf4) return utf8State.afterF4;
  return byte < 0xf4 ? utf8State.threeMore : utf8State.invalid;
}

/** The reference implementation: a loop over every byte. */
export class PortableStructure implements Structure {
  readonly positions: Int32Array;
  invalidAt = -1;
  utf8State = 0;
  readonly #structural = new Uint8Array(256);

  /** @param positions array to write to; given by an implementation that shares its own */
  constructor(positions: Int32Array = new Int32Array(sliceBytesMax)) {
    this.positions = positions;
    this.#structural.fill(1, 0, 0x20);
    for (const byte of structuralBytes) this.#structural[byte] = 1;
  }

  /** It keeps no copy. */
  forget(): void {}

  index(bytes: Uint8Array, start: number, end: number, state: number): number {
    const { positions } = this;
    const structural = this.#structural;
    let utf8 = state;
    let count = 0;
    this.invalidAt = -1;
    for (let i = start; i < end; i += 1) {
      const byte = bytes[i]!;
      if (byte >= 0x80 || utf8 !== 0) {
        utf8 = nextUtf8State(utf8, byte);
        if (utf8 < 0) {
          this.invalidAt = i - start;
          break;
        }
      } else if (structural[byte] === 1) {
        positions[count] = i - start;
        count += 1;
      }
    }
    this.utf8State = utf8;
    return count;
  }
}
