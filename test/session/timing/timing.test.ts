/** The published attack in short; `npm run long -- timing` makes 2,000 decisions for each row and writes docs/timing.md.
 *  Everything but the clock is the product. The seeds are fixed, so that a row comes out
 *  alike on every machine. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isAutomaticAnswer } from '../../../src/policy/catalogue.ts';
import { catalogue, policyOf, policyText } from '../../policy/fixtures.ts';
import { attack, median } from './attack.ts';
import { chanceMax } from './classifier.ts';
import { closeBy, farApart } from './latency.ts';
import { closedMax, page, readTable, tables } from './page.ts';
import { probes } from './probes.ts';

const decisions = 200;
const counts = [1, 10, 60] as const;
const learned = 50;
const receipt = probes[0]!;
const run = { probe: receipt, states: farApart, decisions, learned, probes: counts, seed: 7 };

describe('the attack on automatic answers', () => {
  it('knows a probe for each of them', () => {
    const fields = [...catalogue.fields.values()].filter(isAutomaticAnswer).map(({ name }) => name);
    expect(probes.map(({ field }) => field).toSorted()).toEqual(fields.toSorted());
  });

  it.each(probes.map((probe) => [probe.field, probe] as const))(
    'reads the state of the device from %s under passthrough, unless the proxy answers',
    (field, probe) => {
      const { accuracies } = attack({ ...run, policy: 'passthrough', probe, probes: [10], decisions: 60 });
      // The capability profile answers in the client's place.
      if (field === 'answer.disco-info') expect(accuracies[0]).toBeLessThanOrEqual(chanceMax(60));
      else expect(accuracies[0]).toBeGreaterThan(0.95);
    },
  );

  it('averages a random delay away', () => {
    const policy = policyOf(policyText('{ gatekeeper: { receipt.delivered: { delay: { up-to: 5s } } } }'));
    const { accuracies, waits } = attack({ ...run, policy });
    expect(accuracies[2]).toBeGreaterThan(0.9);
    // And a message after the receipt waits with it.
    expect(median(waits.messages)).toBeGreaterThan(1_000);
  });

  it.each([
    [farApart, [1, 300]],
    [closeBy, [60]],
  ] as const)('is at chance for receipts under balanced: %o', (states, counted) => {
    const { accuracies, answered, waits } = attack({ ...run, policy: 'balanced', states, probes: counted });
    for (const accuracy of accuracies) expect(accuracy).toBeLessThanOrEqual(chanceMax(decisions));
    expect(answered).toBe(1);
    expect(median(waits.answers)).toBeLessThanOrEqual(3_000);
    // A message does not wait for the receipt before it.
    expect(Math.max(...waits.messages)).toBe(0);
  });

  it.each(probes.map((probe) => [probe.field, probe] as const))(
    'is at chance for %s under strict',
    (_, probe) => {
      const { accuracies, waits } = attack({ ...run, policy: 'strict', probe });
      for (const accuracy of accuracies) expect(accuracy).toBeLessThanOrEqual(chanceMax(decisions));
      expect(median(waits.answers)).toBeLessThanOrEqual(3_000);
      expect(Math.max(0, ...waits.messages)).toBe(0);
    },
  );
});

describe.each(Object.entries(tables))('docs/timing.md, %s', (name, rows) => {
  const written = readTable(readFileSync(page, 'utf8'), name);

  it('has a row for each, with the treatment of the policy', () => {
    expect(written.map(([first, treatment]) => [first, treatment])).toEqual(
      rows.map((row) => [row.name, row.treatment]),
    );
  });

  it('has the attack at chance in each row that is to be closed', () => {
    const closed = written.filter((_, index) => rows[index]?.isClosed === true);
    expect(closed).toHaveLength(rows.filter(({ isClosed }) => isClosed).length);
    for (const cells of closed)
      for (const share of cells.slice(2, 7)) expect(Number(share)).toBeLessThanOrEqual(closedMax);
  });

  it('has the share of right decisions that a short run finds', () => {
    const [first] = rows;
    const share = Number(written[0]![4]);
    const { accuracies } = attack({ ...run, policy: first!.policy, probe: first!.probe, probes: [60] });
    expect(Math.abs(accuracies[0]! - share)).toBeLessThanOrEqual(chanceMax(decisions) - 0.5);
  });
});

describe('strict', () => {
  it('leaves no oracle open', () => {
    expect(tables['strict']!.filter(({ isClosed }) => !isClosed)).toEqual([]);
  });
});
