/** What each client library does after each way to be asked to connect again, against Prosody: the table of
 *  docs/draining.md. A case is a library and a way, and fails where the table says something else. */
import { farewells } from '../interop/reconnects/cutter.ts';
import { reconnection } from '../interop/reconnects/measure.ts';
import { notAlways, readTable, tableOf } from '../interop/reconnects/page.ts';
import { resumingClients } from '../peers/clients.ts';
import { prosody } from '../peers/servers.ts';
import type { LongRun } from './long-run.ts';

export const longRun: LongRun = {
  name: 'reconnects',
  summary: 'five client libraries asked to reconnect in eight ways: which of them resume, and after how long',
  unit: 'rounds',
  count: 1,
  async run({ count, progress }) {
    const figures: Record<string, string> = {};
    const failures: string[] = [];
    const table = readTable();
    for (let round = 1; round <= count; round += 1) {
      for (const kind of resumingClients)
        for (const farewell of farewells) {
          const name = `${kind.name} after ${farewell}${count === 1 ? '' : ` (${round})`}`;
          const server = await prosody.start({ plain: true });
          try {
            const found = await reconnection(kind, farewell, server);
            const { outcome, afterSeconds, received } = found;
            const after = afterSeconds === undefined ? '' : ` after ${afterSeconds.toFixed(1)} s`;
            figures[name] = `${outcome}${after}, ${received} of 1 message`;
            const expected = table.get(kind.name)?.get(farewell);
            const came = tableOf([found]).get(kind.name)!.get(farewell);
            if (came !== expected && expected !== notAlways)
              failures.push(`${name}: ${came}; docs/draining.md has ${expected}`);
          } catch (error) {
            failures.push(`${name}: ${String(error)}`);
          } finally {
            await server.close();
          }
        }
      progress(round);
    }
    return { figures, failures };
  },
};
