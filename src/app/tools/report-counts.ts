/** Counts for reports: decisions that a ledger has on record, or that a running proxy has counted. */
import type { Policy } from '../../policy/policy.ts';
import { Refusal } from '../../errors/refusal.ts';
import type { ExposureDocument } from '../../http/admin/exposure.ts';
import { readLedger } from './ledger.ts';
import { fetchExposure, isWebAddress } from './proxy-exposure.ts';

/** Why there are no counts that a report can use. */
export class CountsUnusable extends Refusal<'ERR_LEDGER_BROKEN' | 'ERR_PROXY_POLICY'> {
  override readonly name = 'CountsUnusable';
}

/** A policy whose decisions are asked for. */
export interface CountedPolicy {
  readonly name: string;
  readonly digest: string;
  readonly mode: Policy['mode'];
}

/** Decisions on a field for an audience under a treatment. */
export interface Count {
  readonly audience: string;
  readonly field: string;
  readonly treatment: string;
  readonly count: number;
}

export interface ReadCounts {
  /** Where they come from, and of which time. */
  readonly provenance: string;
  /** @param gatekeeper undefined for all together */
  of(policy: CountedPolicy, gatekeeper: string | undefined): readonly Count[];
}

/** Reads counts.
 *  @param from a folder, or the address of an admin port
 *  @param keyFile of the ledger
 *  @throws CountsUnusable, LedgerUnusable, ProxyUnusable */
export async function readCounts(
  from: string,
  keyFile: string | undefined,
  policies: readonly CountedPolicy[],
): Promise<ReadCounts> {
  if (isWebAddress(from)) return countsOfProxy(from, await fetchExposure(from), policies);
  return countsOfLedger(from, keyFile, policies);
}

/** Returns whether a row counts for the policy that is asked for. A second one is counted in the shadow of the one that is
 *  enforced. */
function isOf({ mode }: CountedPolicy, row: { readonly mode: string }): boolean {
  return row.mode === (mode === 'enforce' ? 'enforced' : 'shadow');
}

async function countsOfLedger(
  folder: string,
  keyFile: string | undefined,
  policies: readonly CountedPolicy[],
): Promise<ReadCounts> {
  const digests = [...new Set(policies.map(({ digest }) => digest))];
  const range = { from: 0, to: Infinity };
  const { verification, summaries } = await readLedger({
    folder,
    keyFile,
    summaries: digests.map((policyDigest) => ({ range, policyDigest })),
  });
  const { findings, streams } = verification;
  if (findings.length > 0)
    throw new CountsUnusable('ERR_LEDGER_BROKEN', `${folder} has ${findings.length} findings`);
  const records = streams.reduce((sum, stream) => sum + stream.records, 0);
  return {
    provenance: `${folder}, ${records} records`,
    of: (policy, gatekeeper) =>
      summaries[digests.indexOf(policy.digest)]!.rows.filter(
        (row) => isOf(policy, row) && (gatekeeper === undefined || row.gatekeeper === gatekeeper),
      ),
  };
}

function countsOfProxy(
  base: string,
  { startedAt, at, inForce, rows }: ExposureDocument,
  policies: readonly CountedPolicy[],
): ReadCounts {
  /** Shares are named without a digest. */
  const isInForce = (policy: CountedPolicy, gatekeeper: string): boolean =>
    inForce.some(
      (each) =>
        each.gatekeeper === gatekeeper &&
        (each.policyDigest === policy.digest || each.share.some(({ name }) => name === policy.name)),
    );
  if (!policies.some((policy) => inForce.some(({ gatekeeper }) => isInForce(policy, gatekeeper))))
    throw new CountsUnusable(
      'ERR_PROXY_POLICY',
      `${base} has none of ${policies.map(({ name }) => name).join(', ')} in force`,
    );
  return {
    provenance: `${base}, ${startedAt} to ${at}`,
    of: (policy, gatekeeper) =>
      rows
        .filter(
          (row) =>
            row.policy === policy.name &&
            isOf(policy, row) &&
            (gatekeeper === undefined || row.gatekeeper === gatekeeper) &&
            isInForce(policy, row.gatekeeper),
        )
        .map(({ audience, field, treatment, sinceStart: { count } }) => ({
          audience,
          field,
          treatment,
          count,
        })),
  };
}
