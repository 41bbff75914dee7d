/** The published attack on automatic answers: an observer sends probes, measures each answer, and decides which state a
 *  device is in. One row for each answer and policy. */
import type { Policy } from '../../../src/policy/policy.ts';
import { accuracyOf, type Sample } from './classifier.ts';
import { Device, type Waits } from './device.ts';
import type { States } from './latency.ts';
import type { Probe } from './probes.ts';

export interface AttackOptions {
  readonly policy: string | Policy;
  readonly probe: Probe;
  readonly states: States;
  /** Decisions that are judged. */
  readonly decisions: number;
  /** Others that are learned from; by default as many. */
  readonly learned?: number;
  /** Numbers of probes for one decision; the largest is what is sent. */
  readonly probes: readonly number[];
  readonly seed: number;
}

export interface AttackResult {
  /** Share of right decisions, in the order of `probes`; 0.5 is chance. */
  readonly accuracies: readonly number[];
  /** Share of probes that were answered at all. */
  readonly answered: number;
  readonly waits: Waits;
}

export function attack(options: AttackOptions): AttackResult {
  const { policy, probe, states, decisions, probes, seed } = options;
  const device = new Device(policy, probe, seed);
  const most = Math.max(...probes);
  let answered = 0;
  const sample = (index: number): Sample => {
    const isSlow = index % 2 === 1;
    const observation = device.observe(most, isSlow ? states.slowMs : states.fastMs);
    answered += observation.filter((time) => time !== undefined).length;
    return { observation, isSlow };
  };
  const samples = (length: number): Sample[] => Array.from({ length }, (_, index) => sample(index));
  const learned = samples(options.learned ?? decisions);
  const judged = samples(decisions);
  device.end();
  return {
    accuracies: probes.map((count) => accuracyOf(learned, judged, count)),
    answered: answered / ((learned.length + judged.length) * most),
    waits: device.waits,
  };
}

/** @returns 0 for nothing */
export function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? 0;
}
