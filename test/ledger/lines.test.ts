import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitLines } from '../../src/ledger/lines.ts';
import { lineBytesMax } from '../../src/ledger/record.ts';

async function linesOf(chunks: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  const bytes = (async function* () {
    for (const chunk of chunks) yield Buffer.from(chunk);
  })();
  for await (const line of splitLines(bytes)) found.push(line);
  return found;
}

test('lines keep every byte, however they arrive', async () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'é', '\r', '\n') });
  await fc.assert(
    fc.asyncProperty(fc.array(text), async (chunks) => {
      const whole = chunks.join('');
      expect(await linesOf(chunks)).toEqual(whole === '' ? [] : whole.split(/(?<=\n)/));
    }),
  );
});

test('a line above the limit is one line without its text, and the next one is read', async () => {
  const long = 'x'.repeat(lineBytesMax + 1);
  expect(await linesOf([`${long}\nnext\n`])).toEqual(['\n', 'next\n']);
  expect(await linesOf([`${long.slice(1)}\n`])).toEqual([`${long.slice(1)}\n`]);
});
