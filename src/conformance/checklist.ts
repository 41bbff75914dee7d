/** The checklist: rows of the six published milestones, run in their order. A row whose condition failed is not run. */
import { Deployment, type DeploymentOptions } from './deployment.ts';
import { Finding } from './finding.ts';
import type { Row, RowResult } from './row.ts';
import { deletionRows } from './rows/deletion.ts';
import { featureRows } from './rows/features.ts';
import { identityRows } from './rows/identities.ts';
import { messageRows } from './rows/messages.ts';
import { streamRows } from './rows/streams.ts';

/** The milestones, in the order in which the gatekeeper tests them. */
export const milestones = [
  'identities and enlistment',
  'handshake and binary protocol',
  'messages',
  'media, receipts, replies, reactions, typing, blocking',
  'deletion',
  'reachability',
] as const;

export const rows: readonly Row[] = [
  ...identityRows,
  ...streamRows,
  ...messageRows,
  ...featureRows,
  ...deletionRows,
];

/** Runs the rows.
 *  @param onResult called after each row
 *  @returns all results; every row passed where none has `fail` or `blocked` */
export async function runChecklist(
  options: DeploymentOptions,
  onResult: (result: RowResult) => void = () => {},
): Promise<readonly RowResult[]> {
  const deployment = new Deployment(options);
  const results: RowResult[] = [];
  const passed = new Set<string>();
  try {
    for (const row of rows) {
      const { id, milestone, title, needs } = row;
      const missing = needs.find((need) => !passed.has(need));
      const { outcome, why } =
        missing === undefined
          ? await runRow(row, deployment)
          : { outcome: 'blocked' as const, why: `needs \`${missing}\`` };
      if (outcome === 'pass') passed.add(id);
      results.push({ id, milestone, title, outcome, why });
      onResult(results.at(-1)!);
    }
  } finally {
    deployment.close();
  }
  return results;
}

async function runRow(row: Row, deployment: Deployment): Promise<Pick<RowResult, 'outcome' | 'why'>> {
  try {
    await row.run(deployment);
    return { outcome: 'pass', why: '' };
  } catch (error) {
    if (error instanceof Finding) return { outcome: error.outcome, why: error.message };
    throw error;
  }
}
