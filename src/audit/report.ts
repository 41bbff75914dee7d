/** The audit of a recording as a report: everything that is printed, in one object. */
import type { AudienceFigures, AuditedPolicy, AuditFigures } from './audit.ts';

export interface AuditedFiles {
  readonly files: readonly string[];
  readonly bytes: number;
  readonly sessions: number;
  /** Stanzas without XML in the recording, which no figure includes. */
  readonly stanzasWithoutXml: number;
}

export interface AuditReport extends AuditedFiles {
  readonly policies: readonly { readonly name: string; readonly digest: string; readonly mode: string }[];
  readonly stanzas: number;
  /** By policy: stanzas that were not sent on. */
  readonly withheld: readonly number[];
  readonly bounds: {
    /** Every figure but occurrences and different values is about one of this many clients. */
    readonly clientsSampledOneIn: number;
    /** Views that are compared by their first values only. */
    readonly closedViews: number;
    /** Cells whose different values were counted in a sample. */
    readonly sampledDistinct: number;
  };
  readonly audiences: readonly AudienceFigures[];
  /** What a recording of streams cannot show. */
  readonly notRecorded: readonly string[];
}

export const notRecorded: readonly string[] = [
  'provider: what it is shown travels over HTTP',
  'operator: logs, metrics and traces are no part of a stream',
  'connection signals and stream headers',
  'when a stanza is sent: delays and equalised answers',
];

/** Returns the report. */
export function auditReport(
  figures: AuditFigures,
  policies: readonly AuditedPolicy[],
  files: AuditedFiles,
): AuditReport {
  const { clientsSampledOneIn, closedViews, stanzas, withheld, audiences } = figures;
  const showings = audiences.flatMap(({ fields }) => fields.flatMap((row) => row.showings));
  const sampledDistinct = showings.filter(({ distinct: { interval } }) => interval?.low !== interval?.high);
  return {
    ...files,
    policies: policies.map(({ policy: { name, mode }, digest }) => ({ name, digest, mode })),
    stanzas,
    withheld,
    bounds: { clientsSampledOneIn, closedViews, sampledDistinct: sampledDistinct.length },
    audiences: audiences.filter(({ clients }) => clients > 0),
    notRecorded,
  };
}
