/** Keyed permutations of small sets: a token for a short value that no other value of the set has. A Feistel network
 *  over the next even number of bits, walked until it is back in the set (Black and Rogaway 2002, cycle walking). */

/** Returns 32 bits that depend on the key and on `text`. */
export type Keyed = (text: string) => number;

const rounds = 8;

/** Returns the image of `value` in a permutation of the whole numbers below `size`.
 *  @param value at least 0 and less than `size`
 *  @param label another permutation for each */
export function permuted(keyed: Keyed, label: string, value: bigint, size: bigint): bigint {
  if (size < 2n) return value;
  const half = BigInt(Math.ceil((size - 1n).toString(2).length / 2));
  let image = value;
  do image = feistel(keyed, `${label} ${size}`, image, half);
  while (image >= size);
  return image;
}

function feistel(keyed: Keyed, label: string, value: bigint, half: bigint): bigint {
  const mask = (1n << half) - 1n;
  let left = value >> half;
  let right = value & mask;
  for (let round = 0; round < rounds; round += 1) {
    const mixed = left ^ wide(keyed, `${label} ${round} ${right}`, half);
    left = right;
    right = mixed & mask;
  }
  return (left << half) | right;
}

/** Returns at least `bits` bits. */
function wide(keyed: Keyed, text: string, bits: bigint): bigint {
  let value = 0n;
  for (let done = 0n; done < bits; done += 32n) value = (value << 32n) | BigInt(keyed(`${text} ${done}`));
  return value;
}
