// Structural indexing with WebAssembly SIMD: the AssemblyScript source of simd.wasm.ts (`npm run build:wasm`).
// It answers exactly as portable.ts does; test/stream/structure.test.ts holds the two against each other.
// Memory: 64 KiB of input at 0 (padded to whole blocks), positions from OUTPUT on, and RESULTS: what a call returns besides,
// which costs less to read than a call to return it.

export const OUTPUT: i32 = 0x10000 + 64;
export const RESULTS: i32 = OUTPUT + 0x10000 * 4;

let invalidAt: i32 = -1;

export function outputOffset(): i32 {
  return OUTPUT;
}

export function resultsOffset(): i32 {
  return RESULTS;
}

function nextUtf8State(state: i32, byte: i32): i32 {
  switch (state) {
    case 0:
      if (byte < 0x80) return 0;
      if (byte < 0xc2) return -1;
      if (byte < 0xe0) return 1;
      if (byte < 0xf0) {
        if (byte == 0xe0) return 4;
        if (byte == 0xed) return 5;
        return byte == 0xef ? 8 : 2;
      }
      if (byte == 0xf0) return 6;
      if (byte == 0xf4) return 7;
      return byte < 0xf4 ? 3 : -1;
    case 1:
      return (byte & 0xc0) == 0x80 ? 0 : -1;
    case 2:
      return (byte & 0xc0) == 0x80 ? 1 : -1;
    case 3:
      return (byte & 0xc0) == 0x80 ? 2 : -1;
    case 4:
      return byte >= 0xa0 && byte <= 0xbf ? 1 : -1;
    case 5:
      return byte >= 0x80 && byte <= 0x9f ? 1 : -1;
    case 6:
      return byte >= 0x90 && byte <= 0xbf ? 2 : -1;
    case 7:
      return byte >= 0x80 && byte <= 0x8f ? 2 : -1;
    case 8:
      if (byte == 0xbf) return 9;
      return byte >= 0x80 && byte <= 0xbf ? 1 : -1;
    default:
      return byte >= 0x80 && byte <= 0xbd ? 0 : -1;
  }
}

/** Indexes `length` bytes at 0; returns how many positions were written to OUTPUT. Results: where it is invalid, or -1; the
 *  UTF-8 state after it. */
export function index(length: i32, state: i32): i32 {
  let out: i32 = OUTPUT;
  let utf8: i32 = state;
  invalidAt = -1;
  const amp = i8x16.splat(0x27); // `&` and `'` once the lowest bit is set
  const angle = i8x16.splat(0x3e); // `<` and `>` once bit 1 is set
  const quote = i8x16.splat(0x22);
  const one = i8x16.splat(1);
  const two = i8x16.splat(2);
  const space = i8x16.splat(0x20);
  for (let base: i32 = 0; base < length; base += 16) {
    const block = v128.load(base);
    const hits = v128.or(
      v128.or(i8x16.eq(v128.or(block, one), amp), i8x16.eq(v128.or(block, two), angle)),
      v128.or(i8x16.eq(block, quote), i8x16.lt_u(block, space)),
    );
    let mask: i32 = i8x16.bitmask(hits);
    const rest: i32 = length - base;
    if (rest < 16) mask &= (1 << rest) - 1;
    if ((i8x16.bitmask(block) | utf8) != 0) {
      const limit: i32 = min(rest, 16);
      for (let i: i32 = 0; i < limit; i++) {
        utf8 = nextUtf8State(utf8, <i32>load<u8>(base + i));
        if (utf8 < 0) {
          invalidAt = base + i;
          mask &= (1 << i) - 1;
          break;
        }
      }
    }
    while (mask != 0) {
      store<i32>(out, base + ctz(mask));
      out += 4;
      mask &= mask - 1;
    }
    if (invalidAt >= 0) break;
  }
  store<i32>(RESULTS, invalidAt);
  store<i32>(RESULTS, utf8, 4);
  return (out - OUTPUT) >> 2;
}
