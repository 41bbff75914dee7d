/** Every figure of an assessment, computed from the rows and exceptions of the report, which are in it too. */
import { fieldClasses, type FieldClass } from '../../policy/catalogue-schema.ts';
import { treatmentNames, type TreatmentName } from '../../minimisation/treatment.ts';
import { isChanged, isSeen, isWithheld } from '../appearance.ts';
import type { Appearance, ExposureReport, ExposureRow } from '../exposure.ts';

export type Category = ExposureRow['category'];

export const categories: readonly Category[] = [
  'identity',
  'social-graph',
  'activity',
  'timing',
  'location',
  'device',
  'content-hint',
  'secret',
];

/** How many fields reach the gatekeeper, and how. */
export interface CategoryFigures {
  readonly sees: number;
  readonly changed: number;
  readonly withheld: number;
  readonly reachable: number;
}

/** The names under which statements refer to them. */
export interface AssessmentFigures {
  readonly fields: number;
  readonly categories: number;
  readonly gatekeeperReachable: number;
  readonly gatekeeperSees: number;
  readonly gatekeeperSeesChanged: number;
  readonly gatekeeperWithheld: number;
  /** Fields that nothing carries to the gatekeeper. */
  readonly gatekeeperUnreached: number;
  /** Fields that it sees as they are, and that no policy can change. */
  readonly gatekeeperUnalterable: number;
  readonly providerSees: number;
  readonly operatorSees: number;
  readonly clientSees: number;
  readonly clientWithheld: number;
  /** Fields with a reason of the policy's author for at least one audience. */
  readonly reasonsGiven: number;
  /** Fields that reach the gatekeeper, and for which the policy's author gives a reason. */
  readonly seenWithReason: number;
  readonly fingerprintsAtGatekeeper: number;
  readonly exceptions: number;
  readonly exceptionsExpired: number;
  readonly byCategory: Readonly<Record<Category, CategoryFigures>>;
  /** Fields by what is done to them for the gatekeeper, `keep` left out. */
  readonly levers: Readonly<Partial<Record<TreatmentName, number>>>;
  /** Fields that reach the gatekeeper, by class of the catalogue. */
  readonly seenByClass: Readonly<Partial<Record<FieldClass, number>>>;
}

/** @param fingerprintsAtGatekeeper from the report on fingerprints */
export function figuresOf(
  { rows, exceptions }: Pick<ExposureReport, 'rows' | 'exceptions'>,
  fingerprintsAtGatekeeper: number,
): AssessmentFigures {
  const count = (test: (row: ExposureRow) => boolean): number => rows.filter(test).length;
  return {
    fields: rows.length,
    categories: categories.length,
    gatekeeperReachable: count((row) => shown(row) !== 'absent'),
    gatekeeperSees: count((row) => shown(row) === 'keep'),
    gatekeeperSeesChanged: count((row) => isChanged(shown(row))),
    gatekeeperWithheld: count((row) => isWithheld(shown(row))),
    gatekeeperUnreached: count((row) => shown(row) === 'absent'),
    gatekeeperUnalterable: count(isUnalterable),
    providerSees: count(({ audiences }) => isSeen(audiences.provider.treatment)),
    operatorSees: count(({ audiences }) => isSeen(audiences.operator.treatment)),
    clientSees: count(({ audiences }) => isSeen(audiences.client.treatment)),
    clientWithheld: count(({ audiences }) => isWithheld(audiences.client.treatment)),
    reasonsGiven: count(({ audiences }) => Object.values(audiences).some(({ why }) => why !== '')),
    seenWithReason: count((row) => isSeen(shown(row)) && row.audiences.gatekeeper.why !== ''),
    fingerprintsAtGatekeeper,
    exceptions: exceptions.length,
    exceptionsExpired: exceptions.filter(({ expired }) => expired).length,
    byCategory: Object.fromEntries(
      categories.map((category) => [
        category,
        figuresOfCategory(rows.filter((row) => row.category === category)),
      ]),
    ) as Record<Category, CategoryFigures>,
    levers: countBy(
      treatmentNames.filter((name) => name !== 'keep'),
      (name) => count((row) => shown(row) === name),
    ),
    seenByClass: countBy(fieldClasses, (name) =>
      count((row) => isSeen(shown(row)) && row.classes.includes(name)),
    ),
  };
}

function shown({ audiences }: ExposureRow): Appearance['treatment'] {
  return audiences.gatekeeper.treatment;
}

/** Whether the gatekeeper sees a field that no treatment but `keep` is permitted for. */
export function isUnalterable({ audiences, permits }: ExposureRow): boolean {
  return audiences.gatekeeper.treatment === 'keep' && permits.every((name) => name === 'keep');
}

function figuresOfCategory(rows: readonly ExposureRow[]): CategoryFigures {
  const treatments = rows.map(shown);
  return {
    sees: treatments.filter((treatment) => treatment === 'keep').length,
    changed: treatments.filter(isChanged).length,
    withheld: treatments.filter(isWithheld).length,
    reachable: treatments.filter((treatment) => treatment !== 'absent').length,
  };
}

/** Counts by name; those with none are left out. */
function countBy<Name extends string>(
  names: readonly Name[],
  count: (name: Name) => number,
): Partial<Record<Name, number>> {
  return Object.fromEntries(
    names.map((name) => [name, count(name)] as const).filter(([, number]) => number > 0),
  ) as Partial<Record<Name, number>>;
}
