/** What one audience can see in any of several reports: of each field the most visible appearance. */
import { treatmentNames } from '../minimisation/treatment.ts';
import type { Audience } from '../stanza/direction.ts';
import { inEffect, isChanged, isWithheld } from './appearance.ts';
import type { Appearance, ExposureReport, ExposureRow } from './exposure.ts';

export interface VisibleField {
  readonly row: ExposureRow;
  readonly appearance: Appearance;
}

export interface Visible {
  /** Fields that reach the audience as they are. */
  readonly whole: readonly VisibleField[];
  /** Fields that reach it in another form. */
  readonly changed: readonly VisibleField[];
  /** Fields that could reach the audience, and of which nothing does. */
  readonly withheld: readonly VisibleField[];
  /** Whether each of the policies is enforced. Otherwise what a policy changes or withholds is counted as whole. */
  readonly isEnforced: boolean;
}

/** Returns what an audience is shown by any of the reports.
 *  @param reports on the same catalogue, at least one */
export function visibleTo(reports: readonly ExposureReport[], audience: Audience = 'gatekeeper'): Visible {
  const fields = reports[0]!.rows.map((row, index) => ({
    row,
    appearance: reports
      .map((report) => inEffect(report.mode, report.rows[index]!.audiences[audience]))
      .reduce((most, each) => (rank(each) < rank(most) ? each : most)),
  }));
  const reached = fields.filter(({ appearance }) => appearance.treatment !== 'absent');
  return {
    whole: reached.filter(({ appearance }) => appearance.treatment === 'keep'),
    changed: reached.filter(({ appearance }) => isChanged(appearance.treatment)),
    withheld: reached.filter(({ appearance }) => isWithheld(appearance.treatment)),
    isEnforced: reports.every(({ mode }) => mode === 'enforce'),
  };
}

/** Returns the place of an appearance among all, from 0 for the most visible. */
function rank({ treatment }: Appearance): number {
  return treatment === 'absent' ? treatmentNames.length : treatmentNames.indexOf(treatment);
}
