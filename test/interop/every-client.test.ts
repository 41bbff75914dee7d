/** Clients take steps of every messenger through the proxy: a few cells, drawn by NARTHEX_FUZZ_SEED. A cell is what the
 *  other side has seen. A failure is explained by a rule of the policy, or by the same failure without the proxy; else it
 *  fails the test. */
import { expect, it } from 'vitest';
import { describeWithPeers } from '../peers/require.ts';
import { steps } from '../peers/table-client.ts';
import { runCells, someCells } from './every-client/all.ts';

const seed = Number(process.env['NARTHEX_FUZZ_SEED'] ?? 1);
const cells = someCells(3, seed);
const needs = new Set(cells.flatMap(({ client, server }) => [...client.needs, ...server.needs]));

describeWithPeers([...needs], `some clients, seed ${seed}`, () => {
  it.concurrent.each(cells)(
    '$client.name at $server.name over $transport under $policy: every step works, or is explained',
    async (cell) => {
      const [result] = await runCells([cell], 1);
      expect(result!.error).toBeUndefined();
      for (const { because, step, error } of result!.findings)
        expect(because, `${step}: ${error}`).not.toBe('unexplained');
      const able = steps.filter((step) => cell.client.cannot[step] === undefined);
      expect(result!.findings.map(({ step }) => step)).toEqual(able);
    },
  );
});
