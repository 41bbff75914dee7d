/** Hashes of values. Two values have the same one once in 2^53, so values themselves are not kept. */

const odd1 = 0x85ebca6b;
const odd2 = 0xc2b2ae35;

/** Returns a hash of a text: a whole number below 2^53. */
export function hashOf(text: string): number {
  let high = 0x2c1b3c6d;
  let low = 0x297a2d39;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    high = Math.imul(high ^ unit, odd1);
    high ^= high >>> 15;
    low = Math.imul(low ^ unit, odd2);
    low ^= low >>> 13;
  }
  return joined(high ^ text.length, low);
}

/** Returns a hash of two hashes, in this order. */
export function combined(first: number, second: number): number {
  const high = Math.imul(highOf(first) ^ Math.imul(highOf(second), odd1), odd2) ^ lowOf(second);
  const low = Math.imul(lowOf(first) ^ Math.imul(lowOf(second), odd2), odd1) ^ highOf(second);
  return joined(high, low);
}

/** Returns the high and low 32 bits of a hash. */
export function highOf(hash: number): number {
  return Math.floor(hash / 0x1_0000_0000) | 0;
}

export function lowOf(hash: number): number {
  return hash | 0;
}

function joined(high: number, low: number): number {
  const first = mixed(high);
  const second = mixed(low ^ first);
  return hashFrom(first, second);
}

/** Returns the hash with these high and low 32 bits, without the eleven highest. */
export function hashFrom(high: number, low: number): number {
  return (high & 0x1f_ffff) * 0x1_0000_0000 + (low >>> 0);
}

/** Returns 32 bits of which each depends on each of the input (the finaliser of MurmurHash3). */
export function mixed(bits: number): number {
  let mixing = bits ^ (bits >>> 16);
  mixing = Math.imul(mixing, odd1);
  mixing ^= mixing >>> 13;
  mixing = Math.imul(mixing, odd2);
  return mixing ^ (mixing >>> 16);
}
