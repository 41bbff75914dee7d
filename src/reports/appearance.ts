/** What a treatment leaves of a value. */
import type { Appearance, ExposureReport } from './exposure.ts';

type Shown = Appearance['treatment'];

/** Whether a value could reach the audience, and nothing of it does. */
export function isWithheld(treatment: Shown): boolean {
  return ['drop', 'refuse', 'replace', 'answer'].includes(treatment);
}

/** Whether something of a value reaches the audience. */
export function isSeen(treatment: Shown): boolean {
  return treatment !== 'absent' && !isWithheld(treatment);
}

/** Whether a value reaches the audience in another form. */
export function isChanged(treatment: Shown): boolean {
  return isSeen(treatment) && treatment !== 'keep';
}

/** Returns the appearance that is in effect: a policy in shadow changes nothing, whatever its rules say. */
export function inEffect(mode: ExposureReport['mode'], appearance: Appearance): Appearance {
  if (mode === 'enforce' || appearance.decidedBy !== 'policy') return appearance;
  return { ...appearance, treatment: 'keep', words: 'keep: the policy is in shadow' };
}
