/** Reports changed files as log lines, metrics and the state in `/readyz`. */
import type { Diagnostic } from '../../documents/diagnostic.ts';
import type { FilePart, FileState, FileStates } from '../../observability/file-states.ts';
import { digest, type Digest } from '../../observability/identifiers.ts';
import type { Log } from '../../observability/log.ts';
import type { Metrics } from '../../observability/metrics.ts';
import { diagnosticFields } from '../../observability/operator-text.ts';
import type { PolicyDigests } from '../observer.ts';

/** Most problems of one rejected reload in the log; `problems` counts all of them. */
const problemsLoggedMax = 10;

/** Receives the state of one set of files. */
export type NoteFiles = (
  part: FilePart,
  name: string,
  state: FileState['state'],
  problems: readonly Diagnostic[],
) => void;

/** Returns the function that takes every report about files. */
export function fileObserver(
  files: FileStates,
  { log, metrics }: { readonly log: Log; readonly metrics: Metrics },
): NoteFiles {
  return (part, name, state, problems) => {
    files.note(part, name, state, problems);
    metrics.reloadPending(part, !files.isCurrent(part));
    if (state === 'loaded') metrics.reloadSucceeded(part);
    if (state === 'restart-required') log.write('reload.restart-required', { part });
    for (const problem of problems.slice(0, problemsLoggedMax))
      log.write('reload.rejected', { part, ...diagnosticFields(problem), problems: problems.length });
  };
}

/** Returns digests as fields of a log line. */
export function digestFields({ policyDigest, shadowDigest, catalogueDigest }: PolicyDigests): {
  readonly policyDigest: Digest;
  readonly shadowDigest?: Digest;
  readonly catalogueDigest: Digest;
} {
  return {
    policyDigest: digest(policyDigest),
    ...(shadowDigest !== undefined && { shadowDigest: digest(shadowDigest) }),
    catalogueDigest: digest(catalogueDigest),
  };
}

type ReportKind = 'loaded' | 'reloaded' | 'rejected';

export function stateOf(kind: ReportKind): 'loaded' | 'rejected' {
  return kind === 'rejected' ? 'rejected' : 'loaded';
}

/** Returns the label of the metrics that count reloads. */
export function outcomeOf(kind: ReportKind): 'replaced' | 'rejected' {
  return kind === 'rejected' ? 'rejected' : 'replaced';
}

/** Returns the problems of a rejected reload; none for another report. */
export function problemsOf(report: {
  readonly kind: string;
  readonly problems?: readonly Diagnostic[];
}): readonly Diagnostic[] {
  return report.problems ?? [];
}
