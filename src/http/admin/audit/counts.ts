/** The counts of one gatekeeper by audience and field, from the rows of the exposure document. */
import type { Audience } from '../../../stanza/direction.ts';
import type { ExposureRow } from '../exposure.ts';
import type { AuditView } from './view.ts';

/** What was counted of one field for one audience. */
export interface CellCount {
  readonly count: number;
  readonly bytes: number;
  readonly sessionsAtLeast: number;
  readonly sessionsAtMost: number;
  /** Decisions in the current interval. */
  readonly recent: number;
  /** Decisions by kind of treatment, the most frequent first. */
  readonly treatments: readonly (readonly [kind: string, count: number])[];
}

const nothing: CellCount = {
  count: 0,
  bytes: 0,
  sessionsAtLeast: 0,
  sessionsAtMost: 0,
  recent: 0,
  treatments: [],
};

/** Returns the rows of the gatekeeper of the page: those of the policies in force, whether they are enforced or not, and
 *  those of the policy in the shadow. */
export function rowsOf({ exposure, gatekeeper }: AuditView): {
  readonly inForce: readonly ExposureRow[];
  readonly shadow: readonly ExposureRow[];
} {
  const { shadow } = exposure.inForce.find((each) => each.gatekeeper === gatekeeper)!;
  const own = exposure.rows.filter((row) => row.gatekeeper === gatekeeper);
  const isShadow = ({ mode, policy }: ExposureRow): boolean => mode === 'shadow' && policy === shadow?.name;
  return { inForce: own.filter((row) => !isShadow(row)), shadow: own.filter(isShadow) };
}

export class CellCounts {
  readonly #rows = new Map<string, ExposureRow[]>();

  /** @param rows those that are counted */
  constructor(rows: readonly ExposureRow[]) {
    for (const row of rows) {
      const key = `${row.audience} ${row.field}`;
      const known = this.#rows.get(key);
      if (known === undefined) this.#rows.set(key, [row]);
      else known.push(row);
    }
  }

  of(audience: Audience, field: string): CellCount {
    const rows = this.#rows.get(`${audience} ${field}`);
    return rows === undefined ? nothing : sumOf(rows);
  }
}

function sumOf(rows: readonly ExposureRow[]): CellCount {
  const treatments = new Map<string, number>();
  let cell = nothing;
  for (const { treatment, sinceStart, interval } of rows) {
    treatments.set(treatment, (treatments.get(treatment) ?? 0) + sinceStart.count);
    cell = {
      ...cell,
      count: cell.count + sinceStart.count,
      bytes: cell.bytes + sinceStart.bytes,
      // A session may be in several rows.
      sessionsAtLeast: Math.max(cell.sessionsAtLeast, sinceStart.sessionsAtLeast),
      sessionsAtMost: cell.sessionsAtMost + sinceStart.sessionsAtMost,
      recent: cell.recent + interval.count,
    };
  }
  const sorted = [...treatments].toSorted(([, left], [, right]) => right - left);
  return { ...cell, treatments: sorted };
}
