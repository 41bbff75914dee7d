/** What each audience was shown, for the operator: the counts of decisions, what is in force, and the ledger's head. */
import type { ExposureDocument, ExposureRow } from '../../http/admin/exposure.ts';
import type { DecisionCounts, DecisionTotal } from '../../observability/decision-counts.ts';
import type { Head, LedgerFailure } from '../../ledger/writer.ts';
import type { PolicyRuntime } from './policies.ts';

export interface ExposureParts {
  readonly counts: DecisionCounts;
  /** Names of the configured gatekeepers. */
  readonly gatekeepers: readonly string[];
  readonly policies: Pick<PolicyRuntime, 'scopeOf'>;
  readonly profilesDigest: () => string | undefined;
  /** It has no head where there is no ledger. */
  readonly ledger: { readonly head: Head | undefined; readonly failure: LedgerFailure | undefined };
  readonly build: ExposureDocument['build'];
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Most rows; decisions of further combinations are summed. */
  readonly rowsMax: number;
}

export function exposureOf(parts: ExposureParts): ExposureDocument {
  const { counts, gatekeepers, rowsMax } = parts;
  const totals = counts.totals();
  const others = totals.slice(rowsMax);
  return {
    format: 1,
    at: timeOf(parts.now()),
    startedAt: timeOf(counts.startedAt),
    interval: { from: timeOf(counts.intervalFrom) },
    build: parts.build,
    inForce: gatekeepers.map((gatekeeper) => inForceAt(gatekeeper, parts)),
    ledger: ledgerOf(parts.ledger),
    rows: totals.slice(0, rowsMax).map(rowOf),
    other: {
      rows: others.length,
      count: others.reduce((sum, { count }) => sum + count, counts.overflow),
    },
  };
}

function inForceAt(
  gatekeeper: string,
  { policies, profilesDigest }: ExposureParts,
): ExposureDocument['inForce'][number] {
  const { state, digests, documents } = policies.scopeOf(gatekeeper);
  const { enforced, shadow, share } = documents;
  const { policyDigest, shadowDigest, catalogueDigest } = digests;
  return {
    gatekeeper,
    state,
    policy: { name: enforced.name, mode: enforced.mode },
    policyDigest,
    share: share.map(({ percent, policy: { name, mode } }) => ({ percent, name, mode })),
    shadow:
      shadow === undefined || shadowDigest === undefined ? null : { name: shadow.name, digest: shadowDigest },
    catalogueDigest,
    profilesDigest: profilesDigest() ?? null,
  };
}

function ledgerOf({ head, failure }: ExposureParts['ledger']): ExposureDocument['ledger'] {
  if (head === undefined) return null;
  const { stream, n, hash } = head;
  const failing = failure === undefined ? null : { since: timeOf(failure.since), cause: failure.cause };
  return { stream, n, hash, failing };
}

function rowOf(total: DecisionTotal): ExposureRow {
  const { gatekeeper, audience, field, namespace, treatment, mode, policy } = total;
  const { count, bytes, sessionsAtLeast, sessionsAtMost, interval } = total;
  return {
    gatekeeper,
    audience,
    field,
    namespace: namespace ?? null,
    treatment,
    mode,
    policy,
    sinceStart: { count, bytes, sessionsAtLeast, sessionsAtMost },
    interval,
  };
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
