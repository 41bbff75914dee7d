/** What the exposure ledger records: the counts of decisions, and the documents in force. */
import type { InForce } from '../../ledger/body.ts';
import type { ExposureSource, ExposureTotal } from '../../ledger/intervals.ts';
import type { DecisionCounts } from '../../observability/decision-counts.ts';
import type { PolicyRuntime } from './policies.ts';

/** Returns the counts without the names of policies and namespaces. A session that has one combination in several
 *  namespaces, or under several policies, is counted once at least. */
export function exposureSource(counts: DecisionCounts): ExposureSource {
  return {
    totals: () => merged(counts),
    startInterval: () => counts.startInterval(),
    get overflow() {
      return counts.overflow;
    },
  };
}

/** A total while it is summed up. */
type Merged = { -readonly [K in keyof ExposureTotal]: ExposureTotal[K] } & { bytes: number };

function merged(counts: DecisionCounts): readonly ExposureTotal[] {
  const totals = new Map<string, Merged>();
  for (const { gatekeeper, audience, field, treatment, mode, count, bytes, interval } of counts.totals()) {
    const { sessions } = interval;
    const key = [gatekeeper, audience, field, treatment, mode].join('\n');
    const known = totals.get(key);
    if (known === undefined)
      totals.set(key, { gatekeeper, audience, field, treatment, mode, count, bytes, sessions });
    else {
      known.count += count;
      known.bytes += bytes;
      known.sessions = Math.max(known.sessions, sessions);
    }
  }
  return [...totals.values()];
}

/** Returns what is in force for each gatekeeper. */
export function inForceAt(
  gatekeepers: readonly string[],
  policies: Pick<PolicyRuntime, 'scopeOf'>,
  profilesDigest: string | undefined,
): readonly InForce[] {
  return gatekeepers.map((gatekeeper) => {
    const { documents, digests } = policies.scopeOf(gatekeeper);
    const { name, mode } = documents.enforced;
    return {
      kind: 'in-force',
      gatekeeper,
      policy: name,
      policyDigest: digests.policyDigest,
      mode,
      catalogueDigest: digests.catalogueDigest,
      ...(profilesDigest !== undefined && { profilesDigest }),
    };
  });
}
