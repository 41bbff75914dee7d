/** What client libraries do that are asked to connect again, in the form that the proxy uses at a drain. The table of all
 *  forms is in docs/draining.md; UPDATE_GOLDEN=1 measures it anew, which takes minutes. */
import { describe, expect, it } from 'vitest';
import { resumingClients } from '../peers/clients.ts';
import { describeWithPeers } from '../peers/require.ts';
import { prosody } from '../peers/servers.ts';
import { farewells, type Farewell } from './reconnects/cutter.ts';
import { reconnection, type Reconnection } from './reconnects/measure.ts';
import { readTable, tableOf, writeTable } from './reconnects/page.ts';

const updates = process.env['UPDATE_GOLDEN'] === '1';
/** The form that `farewellFor` uses for a session whose stream can be resumed. */
const drained: Farewell = 'end of the connection';

describeWithPeers(
  [...prosody.needs, ...new Set(resumingClients.flatMap(({ needs }) => needs))],
  'clients that are asked to connect again',
  () => {
    it.each(resumingClients)(
      '$name resumes after the end of the connection, and has missed nothing',
      async (kind) => {
        const server = await prosody.start({ plain: true });
        try {
          const found = await reconnection(kind, drained, server);
          expect([found.outcome, found.received]).toEqual(['resumed', 1]);
        } finally {
          await server.close();
        }
      },
    );

    it.runIf(updates)('are measured in every form', { timeout: 1_800_000 }, async () => {
      const all: Reconnection[] = [];
      for (const kind of resumingClients)
        for (const farewell of [...farewells, ...farewells]) {
          const server = await prosody.start({ plain: true });
          try {
            all.push(await reconnection(kind, farewell, server));
          } finally {
            await server.close();
          }
        }
      writeTable(tableOf(all));
    });
  },
);

describe('the table in docs/draining.md', () => {
  const table = readTable();

  it('has every client and every form', () => {
    expect([...table.keys()]).toEqual(resumingClients.map(({ name }) => name));
    for (const cells of table.values()) expect([...cells.keys()]).toEqual([...farewells]);
  });

  it('says that every client resumes after the form that the proxy uses, and after no error', () => {
    for (const farewell of farewells) {
      const outcomes = [...table.values()].map((cells) => cells.get(farewell));
      const all = outcomes.every((outcome) => outcome === 'resumes');
      expect(all, farewell).toBe(farewell === drained || farewell === 'TCP reset');
    }
  });
});
