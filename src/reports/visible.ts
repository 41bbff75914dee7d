/** What one audience can see in any of several reports: of each field the most visible appearance. */
import { treatmentNames } from '../minimisation/treatment.ts';
import type { Audience } from '../stanza/direction.ts';
import { isSeen, isWithheld } from './appearance.ts';
import type { Appearance, ExposureReport, ExposureRow } from './exposure.ts';

export interface VisibleField {
  readonly row: ExposureRow;
  readonly appearance: Appearance;
}

export interface Visible {
  /** As they are. */
  readonly whole: readonly VisibleField[];
  readonly changed: readonly VisibleField[];
  /** They could reach the audience, and nothing of them does. */
  readonly withheld: readonly VisibleField[];
  /** Whether each of the policies is enforced. Otherwise what a policy changes or withholds is counted as whole. */
  readonly isEnforced: boolean;
}

/** @param reports on the same catalogue, at least one */
export function visibleTo(reports: readonly ExposureReport[], audience: Audience = 'gatekeeper'): Visible {
  const [first] = reports;
  const fields = first!.rows.map((row, index) => ({
    row,
    appearance: reports
      .map((report) => effective(report, report.rows[index]!.audiences[audience]))
      .reduce((most, each) => (rank(each) < rank(most) ? each : most)),
  }));
  const reached = fields.filter(({ appearance }) => appearance.treatment !== 'absent');
  return {
    whole: reached.filter(({ appearance }) => appearance.treatment === 'keep'),
    changed: reached.filter(
      ({ appearance }) => isSeen(appearance.treatment) && appearance.treatment !== 'keep',
    ),
    withheld: reached.filter(({ appearance }) => isWithheld(appearance.treatment)),
    isEnforced: reports.every(({ mode }) => mode === 'enforce'),
  };
}

/** A policy in shadow changes nothing. */
function effective({ mode }: ExposureReport, appearance: Appearance): Appearance {
  if (mode === 'enforce' || appearance.decidedBy !== 'policy') return appearance;
  return { ...appearance, treatment: 'keep', words: 'keep: the policy is in shadow' };
}

/** Most visible first. */
function rank({ treatment }: Appearance): number {
  return treatment === 'absent' ? treatmentNames.length : treatmentNames.indexOf(treatment);
}
