/** What a policy costs on top of the scanner: deciding, editing, writing in normal form. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { byRound, ratioOf, timeInTurns, type Samples } from './measure.ts';
import { mediaCases, policyCases, ruleCases, batchStanzas, type PolicyCase } from './policy-cases.ts';
import type { Bench, BenchContext, Checkout, Row } from './row.ts';
import { spreadOf } from './statistics.ts';

/** What deciding and editing a typical stanza may add, in microseconds. */
const budget = 2;
/** Between two revisions. */
const againstAim = 1.05;
const roundsAgainst = 61;

export const policyBench: Bench = {
  name: 'policy',
  summary:
    'CPU time per stanza in process, in batches of 512 stanzas whose ids are all different, under `strict`: what deciding, ' +
    'editing and the normal form add to the scanner in the same round. A hot loop: in a proxy between two system calls ' +
    'the same costs two to four times as much.',
  run: ({ rounds, against }: BenchContext) =>
    against === undefined
      ? [...costRows(rounds), ...ruleRows(rounds), ...mediaRows(rounds)]
      : againstRows(against, rounds ?? roundsAgainst),
};

/** Microseconds per stanza that `cost` has more than `base`, by round. */
function added(base: Samples, cost: Samples, stanzas: number): Samples {
  return byRound((without, with_) => (with_ - without) / stanzas / 1_000, base, cost);
}

function addedRow(name: string, byteLength: number, more: Samples): Row {
  return {
    name: `policy: ${name}`,
    byteLength,
    figure: spreadOf(more),
    unit: 'µs',
    ratio: spreadOf(more.map((each) => each / budget)),
    yardstick: `${budget} µs`,
  };
}

function costRows(rounds: number | undefined): Row[] {
  const rows: Row[] = [];
  for (const each of policyCases()) rows.push(...caseRows(each, rounds));
  return rows;
}

function caseRows(
  { name, byteLength, stanzas, scan, decide, edit, normalForm, typical }: PolicyCase,
  rounds: number | undefined,
): Row[] {
  const steps = Object.entries({ decide, 'decide and edits': edit, 'normal form': normalForm }).flatMap(
    ([step, work]) => (work === undefined ? [] : [{ step, work }]),
  );
  const [base, ...costs] = timeInTurns([scan, ...steps.map(({ work }) => work)], rounds);
  return steps.map(({ step }, index): Row => {
    const row = addedRow(`${name}: ${step}`, byteLength, added(base!, costs[index]!, stanzas));
    return step === 'decide and edits' && typical ? { ...row, aim: 1 } : row;
  });
}

function ruleRows(rounds: number | undefined): Row[] {
  const cases = ruleCases();
  const samples = timeInTurns(
    cases.flatMap(({ scan, edit }) => [scan, edit]),
    rounds,
  );
  const costs = cases.map((_, i) => added(samples[2 * i]!, samples[2 * i + 1]!, batchStanzas));
  return cases.map(({ rules, byteLength }, i) => ({
    name: `policy: strict and ${rules} rules more`,
    byteLength,
    figure: spreadOf(costs[i]!),
    unit: 'µs',
    ratio: ratioOf(costs[i]!, costs[0]!),
    yardstick: 'strict alone',
  }));
}

function mediaRows(rounds: number | undefined): Row[] {
  return mediaCases().map(({ name, byteLength, scan, keep, seal }) => {
    const [base, kept, sealed] = timeInTurns([scan, keep, seal], rounds) as [Samples, Samples, Samples];
    return {
      name: `policy: chat ${name}: sealing media`,
      byteLength,
      figure: spreadOf(added(kept, sealed, batchStanzas)),
      unit: 'µs',
      ratio: ratioOf(added(base, sealed, batchStanzas), added(base, kept, batchStanzas)),
      yardstick: 'decided without',
    };
  });
}

/** Deciding and editing in this tree against the same in another revision, both in this process. The aim is for all
 *  cases together: two copies of the same code are compiled one by one, and single cases differ by up to a tenth. */
async function againstRows({ root, suffix }: Checkout, rounds: number): Promise<Row[]> {
  const file = pathToFileURL(join(root, 'test/bench/policy-cases.ts')).href;
  const other = (await import(file)) as { policyCases: () => Iterable<PolicyCase> };
  const others = other.policyCases()[Symbol.iterator]();
  const pairs: Pair[] = [];
  for (const now of policyCases()) {
    const then = caseOf(others, now.name);
    if (then !== undefined) pairs.push(measurePair(now, then, rounds));
  }
  const sum = (pick: (pair: Pair) => Samples): Samples =>
    byRound((...values) => values.reduce((all, each) => all + each, 0), ...pairs.map(pick));
  const together = {
    name: 'all of these together',
    byteLength: 0,
    scan: sum(({ scan }) => scan),
    scanThen: sum(({ scanThen }) => scanThen),
    edits: sum(({ edits }) => edits),
    editsThen: sum(({ editsThen }) => editsThen),
  };
  const row = (pair: Pair): Row[] => pairRows(pair, suffix.trim());
  return [...pairs.flatMap(row), ...row(together).map((each) => ({ ...each, aim: againstAim }))];
}

/** Microseconds per stanza, by round: the scanner, and what deciding and editing add to it. */
interface Pair {
  readonly name: string;
  readonly byteLength: number;
  readonly scan: Samples;
  readonly scanThen: Samples;
  readonly edits: Samples;
  readonly editsThen: Samples;
}

function measurePair(now: PolicyCase, then: PolicyCase, rounds: number): Pair {
  const { name, byteLength, stanzas } = now;
  const samples = timeInTurns([now.scan, then.scan, now.edit, then.edit], rounds);
  const [scan, scanThen, edit, editThen] = samples.map((each) =>
    byRound((nanoseconds) => nanoseconds / stanzas / 1_000, each),
  ) as [Samples, Samples, Samples, Samples];
  const more = (base: Samples, cost: Samples): Samples => byRound((one, other) => other - one, base, cost);
  return { name, byteLength, scan, scanThen, edits: more(scan, edit), editsThen: more(scanThen, editThen) };
}

function pairRows({ name, byteLength, scan, scanThen, edits, editsThen }: Pair, yardstick: string): Row[] {
  const row = (step: string, now: Samples, then: Samples): Row => ({
    name: `policy: ${name}: ${step}`,
    byteLength,
    figure: spreadOf(now),
    unit: 'µs',
    ratio: ratioOf(now, then),
    yardstick,
  });
  const sum = (one: Samples, other: Samples): Samples => byRound((a, b) => a + b, one, other);
  return [
    row('scanner', scan, scanThen),
    row('decide and edits', edits, editsThen),
    row('scanner, decide and edits', sum(scan, edits), sum(scanThen, editsThen)),
  ];
}

/** The next case of that name: both revisions have them in one order, built when it is their turn. */
function caseOf(cases: Iterator<PolicyCase>, name: string): PolicyCase | undefined {
  for (let next = cases.next(); next.done !== true; next = cases.next())
    if (next.value.name === name) return next.value;
  return undefined;
}
