/** Audits a recording of five client libraries under the shipped policies. The recording is made anew. */
import { auditDocument } from '../../src/audit/document.ts';
import { auditReport, type AuditReport } from '../../src/audit/report.ts';
import { openCatalogue, openPolicyFiles } from '../../src/app/files/policies.ts';
import { auditRecordings } from '../../src/app/tools/audit.ts';
import { renderMarkdown } from '../../src/reports/render.ts';
import { prosody } from '../peers/servers.ts';
import { recordFiveClients } from '../recording/five-clients.ts';
import { temporaryFolder } from '../support/temporary.ts';
import type { LongRun } from './long-run.ts';

const policies = ['passthrough', 'balanced', 'strict'].map((name) => ({
  policy: openPolicyFiles(name).policy,
  digest: '',
}));

/** Lets five libraries write through a recording proxy, audits the recording, and removes it.
 *  @param messages of each library, and to it */
export async function auditFiveClients(messages: number): Promise<AuditReport> {
  await using folder = await temporaryFolder();
  // One of the clients has only PLAIN.
  const server = await prosody.start({ plain: true });
  let file: string;
  try {
    file = await recordFiveClients({ server, policy: 'passthrough', folder: folder.path, messages });
  } finally {
    await server.close();
  }
  const figures = await auditRecordings({
    files: [file],
    catalogue: openCatalogue(),
    policies,
    direction: 'to-gatekeeper',
    clock: Date.now,
    progress: () => {},
  });
  return auditReport(figures, policies, { ...figures, files: ['five clients'] });
}

export const longRun: LongRun = {
  name: 'audit-clients',
  summary: 'an audit of five client libraries under the shipped policies, as Markdown',
  unit: 'messages of each library, and to it',
  count: 20,
  async run({ count }) {
    const report = await auditFiveClients(count);
    console.log(renderMarkdown(auditDocument(report)));
    const gatekeeper = report.audiences.find(({ audience }) => audience === 'gatekeeper')!;
    const failures = gatekeeper.clients < 5 ? [`only ${gatekeeper.clients} clients were recorded`] : [];
    const joint = gatekeeper.groups.map(
      ({ group, figures }) =>
        [group, figures.map(({ sample }) => sample.shannon.toFixed(2)).join(' → ')] as const,
    );
    return { figures: Object.fromEntries(joint), failures };
  },
};
