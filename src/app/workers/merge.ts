/** Answers of several workers to one question, made one. */
import type { RefusalAnswer } from '../../http/admin/api.ts';
import type { Readiness } from '../../http/admin/app.ts';
import type { AuditView } from '../../http/admin/audit/view.ts';
import type { ExposureDocument, ExposureRow } from '../../http/admin/exposure.ts';
import { fileParts, type FileState, type FileSummary } from '../../observability/file-states.ts';
import type { SessionCount } from '../../observability/session-gauge.ts';

/** At least one answer. */
export type Answered<T> = readonly [T, ...T[]];

/** Adds up sessions with the same listener, gatekeeper and phase. */
export function mergeSessions(answers: readonly (readonly SessionCount[])[]): readonly SessionCount[] {
  const merged = new Map<string, SessionCount>();
  for (const count of answers.flat()) {
    const key = JSON.stringify([count.listener, count.gatekeeper, count.phase]);
    merged.set(key, { ...count, sessions: count.sessions + (merged.get(key)?.sessions ?? 0) });
  }
  return [...merged.values()];
}

/** Returns the refusal that one of them knows. */
export function mergeRefusals(answers: Answered<RefusalAnswer>): RefusalAnswer {
  const known = answers.find((answer) => typeof answer !== 'string');
  return known ?? (answers.includes('too-many') ? 'too-many' : 'unknown');
}

/** The service is ready while one worker is. A listener is open while one worker has it open. */
export function mergeReadiness(answers: Answered<Readiness>): Readiness {
  const [first] = answers;
  return {
    ...first,
    draining: answers.every(({ draining }) => draining),
    listeners: first.listeners.map(({ name }, index) => ({
      name,
      state: answers.some(({ listeners }) => listeners[index]?.state === 'open') ? 'open' : 'closed',
    })),
    files: mergeFiles(answers.map(({ files }) => files) as [FileSummary, ...FileSummary[]]),
  };
}

const severity = { loaded: 0, 'restart-required': 1, rejected: 2 } as const;

/** Of each part the worst state, with the problems of the worker that has it. */
export function mergeFiles(answers: Answered<FileSummary>): FileSummary {
  const worst = fileParts.map((part): [string, FileState] => {
    const states = answers.map((answer) => answer[part]);
    return [part, states.reduce((one, other) => (severity[other.state] > severity[one.state] ? other : one))];
  });
  return Object.fromEntries(worst) as FileSummary;
}

/** Adds up the rows. Documents of the same configuration; the first says what is in force. */
export function mergeExposure(documents: Answered<ExposureDocument>, rowsMax: number): ExposureDocument {
  const [first] = documents;
  const merged = new Map<string, ExposureRow>();
  for (const row of documents.flatMap(({ rows }) => rows)) {
    const { gatekeeper, audience, field, namespace, treatment, mode, policy } = row;
    const key = JSON.stringify([gatekeeper, audience, field, namespace, treatment, mode, policy]);
    const earlier = merged.get(key);
    merged.set(key, earlier === undefined ? row : sumOf(earlier, row));
  }
  const rows = [...merged.values()];
  const beyond = rows.slice(rowsMax);
  const others = documents.map(({ other }) => other);
  return {
    ...first,
    startedAt: earliest(documents.map(({ startedAt }) => startedAt)),
    interval: { from: earliest(documents.map(({ interval }) => interval.from)) },
    ledger: documents.map(({ ledger }) => ledger).find((ledger) => ledger?.failing) ?? first.ledger,
    rows: rows.slice(0, rowsMax),
    other: {
      rows: Math.max(...others.map((other) => other.rows)) + beyond.length,
      count: sum(others.map(({ count }) => count)) + sum(beyond.map(({ sinceStart }) => sinceStart.count)),
    },
  };
}

/** Adds up what the page of one gatekeeper counts. */
export function mergeAudit(views: Answered<AuditView>, rowsMax: number): AuditView {
  const [first] = views;
  const exposures = views.map(({ exposure }) => exposure) as [ExposureDocument, ...ExposureDocument[]];
  return {
    ...first,
    sessions: sum(views.map(({ sessions }) => sessions)),
    exposure: mergeExposure(exposures, rowsMax),
    attestations: mergeCounts(
      views.flatMap(({ attestations }) => attestations),
      ({ carrier, outcome }) => `${carrier} ${outcome}`,
    ),
    refusals: mergeCounts(
      views.flatMap(({ refusals }) => refusals),
      ({ code }) => code,
    ).toSorted((left, right) => right.count - left.count),
  };
}

function mergeCounts<Row extends { readonly count: number }>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
): readonly Row[] {
  const groups = Map.groupBy(rows, keyOf);
  return [...groups.values()].map((group) => ({ ...group[0]!, count: sum(group.map(({ count }) => count)) }));
}

function sumOf(one: ExposureRow, other: ExposureRow): ExposureRow {
  return {
    ...one,
    sinceStart: {
      count: one.sinceStart.count + other.sinceStart.count,
      bytes: one.sinceStart.bytes + other.sinceStart.bytes,
      sessionsAtLeast: one.sinceStart.sessionsAtLeast + other.sinceStart.sessionsAtLeast,
      sessionsAtMost: one.sinceStart.sessionsAtMost + other.sinceStart.sessionsAtMost,
    },
    interval: {
      count: one.interval.count + other.interval.count,
      bytes: one.interval.bytes + other.interval.bytes,
      sessions: one.interval.sessions + other.interval.sessions,
    },
  };
}

/** Times in RFC 3339 with the same zone are in the order of their texts. */
function earliest(times: readonly string[]): string {
  return times.reduce((one, other) => (other < one ? other : one));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
