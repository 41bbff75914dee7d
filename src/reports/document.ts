/** A report as a document: facts, sections and tables, before it is rendered in one of the formats. */
import type { Audience } from '../stanza/direction.ts';
import { audienceNames } from '../policy/schema.ts';
import type { Appearance, ExposureReport, ExposureRow } from './exposure.ts';
import type { FingerprintReport } from './fingerprints.ts';

export interface ReportTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Shares of a whole, in the order in which they are drawn. Parts of none keep the colours of the others. */
export interface ReportBar {
  readonly label: string;
  readonly parts: readonly { readonly name: string; readonly count: number }[];
}

export interface ReportSection {
  readonly title: string;
  /** Of the heading; 2 by default. */
  readonly level?: 2 | 3;
  readonly text?: string;
  readonly bars?: readonly ReportBar[];
  readonly table?: ReportTable;
}

export interface ReportDocument {
  readonly title: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** A sentence that has to be seen first; undefined without one. */
  readonly alarm: string | undefined;
  readonly sections: readonly ReportSection[];
}

export function exposureDocument(report: ExposureReport): ReportDocument {
  const isCounted = report.rows.some((row) => row.audiences.gatekeeper.counted !== undefined);
  return {
    title: 'Exposure of metadata by field and audience',
    facts: factsOf(report),
    alarm: alarmOf(report),
    sections: [
      { title: 'Fields by treatment', bars: audienceNames.map((audience) => treatmentsOf(report, audience)) },
      {
        title: 'Matrix',
        table: {
          columns: ['field', 'reveals', ...audienceNames],
          rows: report.rows.map(({ field, reveals, audiences }) => [
            field,
            reveals,
            ...audienceNames.map((audience) => audiences[audience].words),
          ]),
        },
      },
      {
        title: 'Sources',
        text: `A field that no rule names is treated as unlisted elements are: ${report.unlisted}.`,
        table: {
          columns: [
            'field',
            'reveals',
            'audience',
            'appears as',
            'why',
            'source',
            ...(isCounted ? ['counted'] : []),
          ],
          rows: report.rows.flatMap((row) =>
            audienceNames.map((audience) => cellsOf(row, audience, isCounted)),
          ),
        },
      },
      ...(report.exceptions.length === 0 ? [] : [exceptionSection(report)]),
    ],
  };
}

export function fingerprintDocument(report: FingerprintReport): ReportDocument {
  const isCounted = report.remaining.some(({ counted }) => counted !== undefined);
  return {
    title: 'Fingerprints that remain',
    facts: [...factsOf(report), ['fields that remain', String(report.remaining.length)]],
    alarm: alarmOf(report),
    sections: [
      {
        title: 'Fields that name software, device or place',
        table: {
          columns: [
            'audience',
            'field',
            'reveals',
            'appears as',
            'source',
            ...(isCounted ? ['counted'] : []),
          ],
          rows: report.remaining.map(({ audience, field, reveals, words, source, counted = 0 }) => [
            audience,
            field,
            reveals,
            words,
            source,
            ...(isCounted ? [String(counted)] : []),
          ]),
        },
      },
      {
        title: 'Contradictions',
        text: report.contradictions.length === 0 ? 'None.' : 'One field gives away what the other withholds.',
        table: {
          columns: ['audience', 'withheld', 'given', 'because'],
          rows: report.contradictions.map(({ audience, withheld, given, because }) => [
            audience,
            withheld,
            given,
            because,
          ]),
        },
      },
    ],
  };
}

function factsOf({
  policy,
  digest,
  mode,
  counts,
}: Pick<ExposureReport, 'policy' | 'digest' | 'mode' | 'counts'>): [string, string][] {
  return [
    ['policy', policy],
    ['digest', digest],
    ['mode', mode],
    ...(counts === null ? [] : [['counts', counts] satisfies [string, string]]),
  ];
}

function alarmOf({ mode }: Pick<ExposureReport, 'mode'>): string | undefined {
  return mode === 'shadow' ? 'This policy is in shadow: it withholds nothing.' : undefined;
}

function treatmentsOf({ rows }: ExposureReport, audience: Audience): ReportBar {
  const counts = new Map<Appearance['treatment'], number>();
  for (const { audiences } of rows) {
    const { treatment } = audiences[audience];
    counts.set(treatment, (counts.get(treatment) ?? 0) + 1);
  }
  const parts = [...counts].map(([name, count]) => ({ name, count }));
  return { label: audience, parts: parts.toSorted((left, right) => right.count - left.count) };
}

function cellsOf(
  { field, reveals, audiences }: ExposureRow,
  audience: Audience,
  isCounted: boolean,
): string[] {
  const { words, why, source, counted = 0 } = audiences[audience];
  return [field, reveals, audience, words, why, source, ...(isCounted ? [String(counted)] : [])];
}

function exceptionSection({ exceptions }: ExposureReport): ReportSection {
  return {
    title: 'Exceptions',
    table: {
      columns: ['when', 'audience', 'field', 'appears as', 'why', 'approved by', 'until'],
      rows: exceptions.flatMap(({ when, audiences, why, approvedBy, expires, expired }) =>
        Object.entries(audiences).flatMap(([audience, fields]) =>
          Object.entries(fields).map(([field, words]) => [
            Object.entries(when)
              .map(([key, value]) => `${key} ${value}`)
              .join(', '),
            audience,
            field,
            words,
            why,
            approvedBy,
            expired ? `${expires}: expired` : expires,
          ]),
        ),
      ),
    },
  };
}
