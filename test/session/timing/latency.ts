/** How long a device takes to answer: log-normal, as published measurements of messengers are. */
import type { Random } from '../../support/random.ts';

/** Two states of a device that an observer wants to tell apart, by the median of its answers in milliseconds. */
export interface States {
  readonly name: string;
  readonly fastMs: number;
  readonly slowMs: number;
}

export const farApart: States = { name: '350 against 1,100 ms', fastMs: 350, slowMs: 1_100 };
export const closeBy: States = { name: '300 against 350 ms', fastMs: 300, slowMs: 350 };

/** Standard deviation of the logarithm. One answer of 350 ms is distinguished from one of 1,100 ms in 98 of 100 cases. */
export const sigma = 0.25;

/** @returns the milliseconds of one answer */
export function latencyOf(medianMs: number, random: Random): number {
  return medianMs * Math.exp(sigma * normal(random));
}

/** Box and Muller. */
function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log((random.below(2 ** 32 - 1) + 1) / 2 ** 32));
  return radius * Math.cos((2 * Math.PI * random.below(2 ** 32 - 1)) / 2 ** 32);
}
