/** Splits the bytes of a ledger file into lines. */
import { boundedLines } from '../documents/bounded-lines.ts';
import { lineBytesMax } from './record.ts';

/** Yields each line with its end; the last one has none when the file ends within it. A line of more than `lineBytesMax`
 *  bytes is empty: it is no record. */
export async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  for await (const line of boundedLines(chunks, lineBytesMax))
    yield line.kind === 'line' ? `${line.text}${line.end}` : '\n';
}
