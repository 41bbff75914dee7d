import { statSync } from 'node:fs';
import type { StanzaRecord } from '../../src/recording/record.ts';
import { prosody } from '../peers/servers.ts';
import { recordFiveClients } from '../recording/five-clients.ts';
import { recordsOf, stanzasOf } from '../recording/recordings.ts';
import { temporaryFolder } from '../support/temporary.ts';
import type { LongRun } from './long-run.ts';

export const longRun: LongRun = {
  name: 'recordings',
  summary: 'recordings of five client libraries that write to each other, under the shipped policies',
  unit: 'messages of each library, and to it',
  count: 50,
  async run({ count, progress }) {
    await using folder = await temporaryFolder();
    const figures: Record<string, string> = {};
    const failures: string[] = [];
    for (const [index, policy] of ['passthrough', 'balanced', 'strict'].entries()) {
      progress((index * count) / 3);
      // One of the clients has only PLAIN. A server of its own, so that no message is left from the policy before.
      const server = await prosody.start({ plain: true });
      try {
        const file = await recordFiveClients({ server, policy, folder: folder.path, messages: count });
        const records = await recordsOf(file);
        figures[policy] = describe(stanzasOf(records), statSync(file).size);
        const end = records.at(-1);
        if (end?.kind !== 'end' || end.reason !== 'stopped')
          failures.push(`${policy}: the recording has no end`);
      } finally {
        await server.close();
      }
    }
    return { figures, failures };
  },
};

function describe(stanzas: readonly StanzaRecord[], fileBytes: number): string {
  const received = stanzas.reduce((sum, stanza) => sum + stanza.received, 0);
  const forwarded = stanzas.reduce((sum, stanza) => sum + stanza.forwarded, 0);
  return `${stanzas.length} stanzas, ${received} bytes read, ${forwarded} sent on, ${fileBytes} recorded`;
}
