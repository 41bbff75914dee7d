/** What counting the decisions of a stanza adds to deciding and editing it. */
import { byRound, ratioOf, timeInTurns, type Samples } from './measure.ts';
import { countingCases } from './policy-cases.ts';
import type { Bench, Row } from './row.ts';
import { spreadOf } from './statistics.ts';

/** Cost with counting in relation to the same without it. */
const aim = 1.05;

export const countingBench: Bench = {
  name: 'counting',
  summary:
    'CPU time per stanza in process that counting the decisions adds, for the exposure matrix: by gatekeeper, audience, ' +
    'field, treatment and mode, with sessions and bytes. The ratio is to finding, deciding and editing the same stanzas ' +
    'under `strict` without it, in the same round. A hot loop, as in the policy rows.',
  run: ({ rounds }) => {
    const cases = [...countingCases()];
    const pairs = cases.map(({ off, on }) => timeInTurns([off, on], rounds) as [Samples, Samples]);
    const sum = (pick: 0 | 1): Samples =>
      byRound((...values) => values.reduce((all, each) => all + each, 0), ...pairs.map((pair) => pair[pick]));
    const rows = cases.map(({ name, byteLength, stanzas }, index) =>
      rowOf(name, byteLength, stanzas, pairs[index]!),
    );
    const all = rowOf('all of these together', 0, cases.length * cases[0]!.stanzas, [sum(0), sum(1)]);
    return [...rows, { ...all, aim }];
  },
};

function rowOf(name: string, byteLength: number, stanzas: number, [off, on]: [Samples, Samples]): Row {
  return {
    name: `counting: ${name}`,
    byteLength,
    figure: spreadOf(byRound((without, with_) => (with_ - without) / stanzas / 1_000, off, on)),
    unit: 'µs',
    ratio: ratioOf(on, off),
    yardstick: 'not counted',
  };
}
