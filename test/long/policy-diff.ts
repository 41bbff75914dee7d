/** `policy diff` of random policies says what comparing them field by field says, in every case of an exception. */
import { readCatalogue } from '../reference/catalogue.ts';
import { compareDiffs, generatePair, rowsOf } from '../proof/diffs.ts';
import { Random } from '../support/random.ts';
import type { LongRun, LongRunRequest, LongRunResult } from './long-run.ts';

const failuresMax = 20;

export const longRun: LongRun = {
  name: 'policy-diff',
  summary: 'policy diff says what comparing two policies field by field says',
  unit: 'pairs of policies',
  count: 50_000,
  run,
};

function run({ count, seed, progress }: LongRunRequest): Promise<LongRunResult> {
  const catalogue = readCatalogue();
  const failures: string[] = [];
  let rows = 0;
  let pairs = 0;
  for (; pairs < count && failures.length < failuresMax; pairs += 1) {
    const random = new Random(Math.imul(seed, 0x2545_f491) + pairs);
    const [before, after] = generatePair({ catalogue, random });
    const difference = compareDiffs(before, after, catalogue);
    if (difference === undefined) rows += pairs % 10 === 0 ? rowsOf(before, after) : 0;
    else
      failures.push(
        `seed ${seed} pair ${pairs}: ${onlyIn(difference.command, difference.bruteForce)}\n  ${JSON.stringify(before)}\n  ${JSON.stringify(after)}`,
      );
    progress(pairs);
  }
  return Promise.resolve({ figures: { pairs, 'rows of every tenth pair': rows }, failures });
}

/** Returns the rows of one only: `-` of the command, `+` of the comparison. */
function onlyIn(command: string, bruteForce: string): string {
  const [one, other] = [command.split('\n'), bruteForce.split('\n')];
  return [
    ...one.filter((row) => !other.includes(row)).map((row) => `- ${row}`),
    ...other.filter((row) => !one.includes(row)).map((row) => `+ ${row}`),
  ].join('; ');
}
