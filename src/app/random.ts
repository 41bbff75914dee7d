/** Random numbers for delays and choices that a peer must not foresee. */
import { randomInt } from 'node:crypto';

/** A number in [0, 1) that a peer cannot predict. */
export function unpredictable(): number {
  return randomInt(2 ** 47) / 2 ** 47;
}
