/** Waits of a canary run. */
import { setTimeout as sleep } from 'node:timers/promises';
import { longestWaitMs } from '../../canaries/expectation.ts';
import type { Policy } from '../../policy/policy.ts';
import { sessionsEnded } from './admin.ts';

/** Bound of one wait for an answer, in milliseconds. */
export const answerMs = 20_000;
/** Longest wait for stanzas that the policy holds back, in milliseconds. */
const heldMs = 15_000;

/** Returns how long to wait for stanzas that a policy holds back, in milliseconds. */
export function holdingMs(policy: Policy): number {
  return Math.min(longestWaitMs(policy), heldMs);
}

/** Waits until the stanzas that a policy holds back have left, and until the proxy has no session.
 *  @param admin `http://host:port` of the admin port
 *  @param endMs the longest wait for the end of the sessions */
export async function everythingLeft(policy: Policy, admin: string, endMs: number): Promise<void> {
  await sleep(holdingMs(policy));
  await sessionsEnded(admin, endMs);
}
