/** Holds what is forwarded against the oracles: they must give the descriptions that the scanner gives. */
import { differenceOf, partOf, type Batch, type Difference } from './batch.ts';
import type { Oracle } from './oracle.ts';

/** @returns the first difference of each oracle */
export async function compare(batch: Batch, oracles: readonly Oracle[]): Promise<Difference[]> {
  if (batch.expected.length === 0) return [];
  const expected = Buffer.from(batch.expected.join(''));
  const found = await Promise.all(
    oracles.map(async (oracle) => {
      const answer = await oracle.read(batch.document);
      return answer.equals(expected) ? undefined : locate(oracle, batch);
    }),
  );
  return found.filter((each) => each !== undefined);
}

/** Finds the first stanza that an oracle reads otherwise, by halving. */
async function locate(oracle: Oracle, batch: Batch): Promise<Difference> {
  const { document, offsets, expected } = batch;
  let [from, to] = [0, expected.length];
  const answerTo = async (until: number): Promise<string> =>
    (await oracle.read(partOf(batch, from, until))).toString();
  while (to - from > 1) {
    const middle = (from + to) >> 1;
    if ((await answerTo(middle)) === expected.slice(from, middle).join('')) from = middle;
    else to = middle;
  }
  const stanza = document.subarray(offsets[from], offsets[to]);
  return differenceOf(oracle.name, stanza, expected[from]!, await answerTo(to));
}
