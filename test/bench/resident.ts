import { setTimeout as sleep } from 'node:timers/promises';
import type { Contender } from './contenders.ts';
import type { Memory } from '../support/memory-drift.ts';

/** For what sessions leave to do when they have come or gone. */
const settleMs = 1_500;

/** Returns the memory of a contender that has nothing to do, once nothing is left to collect.
 *  @throws TypeError for a program without V8 */
export async function memoryAtRest(contender: Contender): Promise<Memory> {
  await sleep(settleMs);
  const memory = await contender.memory();
  if (memory === undefined) throw new TypeError(`${contender.name} has no heap of V8`);
  return memory;
}
