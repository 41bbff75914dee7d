/** Clients take every step of docs/clients.md through the proxy. Here a few cells, drawn by NARTHEX_FUZZ_SEED; all of them
 *  with `npm run long -- every-client`, which writes the page. A cell is what the other side has seen. A failure is
 *  explained by a rule of the policy, or by the same failure without the proxy; else it fails the test. */
import { expect, it } from 'vitest';
import { describeWithPeers } from '../peers/require.ts';
import { steps } from '../peers/table-client.ts';
import { readPart } from '../support/page-part.ts';
import { runCells, someCells } from './every-client/all.ts';
import { clientsPart, readWords, wordsOf } from './every-client/table.ts';

const seed = Number(process.env['NARTHEX_FUZZ_SEED'] ?? 1);
// Dino's mount namespace is root's to make.
const cells = someCells(3, seed).filter(({ client }) => client.name !== 'dino' || process.getuid?.() === 0);
const needs = new Set(cells.flatMap(({ client, server }) => [...client.needs, ...server.needs]));

/** For a machine under load, whose servers take minutes to start. */
const slowMs = 600_000;

describeWithPeers([...needs], `some clients, seed ${seed}`, () => {
  it.concurrent.each(cells)(
    '$client.name at $server.name over $transport under $policy: every step is as the page says',
    async (cell) => {
      const [result] = await runCells([cell], 1);
      expect(result!.error).toBeUndefined();
      const table = readPart(clientsPart);
      for (const finding of result!.findings) {
        const { step, because, error } = finding;
        expect(because, `${step}: ${error}`).not.toBe('unexplained');
        expect(wordsOf(finding), step).toBe(readWords(table, cell.client.name, step, cell.server.name, cell));
      }
      const able = steps.filter((step) => cell.client.cannot[step] === undefined);
      expect(result!.findings.map(({ step }) => step)).toEqual(able);
    },
    slowMs,
  );
});
