import { statSync } from 'node:fs';
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
    // One of the clients has only PLAIN.
    const server = await prosody.start({ plain: true });
    const figures: Record<string, string> = {};
    const failures: string[] = [];
    try {
      for (const [index, policy] of ['passthrough', 'balanced', 'strict'].entries()) {
        progress((index * count) / 3);
        const file = await recordFiveClients({ server, policy, folder: folder.path, messages: count });
        const records = await recordsOf(file);
        const stanzas = stanzasOf(records);
        const bytes = stanzas.map(({ received, forwarded }) => [received, forwarded] as const);
        const [received, forwarded] = [0, 1].map((side) => bytes.reduce((sum, pair) => sum + pair[side]!, 0));
        figures[policy] =
          `${stanzas.length} stanzas, ${received} bytes read, ${forwarded} bytes sent on, ${statSync(file).size} bytes of recording`;
        const end = records.at(-1);
        if (end?.kind !== 'end' || end.reason !== 'stopped')
          failures.push(`${policy}: the recording has no end`);
      }
    } finally {
      await server.close();
    }
    return { figures, failures };
  },
};
