/** Random numbers that a peer cannot predict, for delays and choices. */
import { randomInt } from 'node:crypto';

/** Returns a random number in [0, 1) that a peer cannot predict. */
export function unpredictable(): number {
  return randomInt(2 ** 47) / 2 ** 47;
}
