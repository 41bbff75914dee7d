/** Splits the bytes of a ledger file into lines. */
import { lineBytesMax } from './record.ts';

/** Yields each line with its line feed; the last one has none when the file ends within it. A line of more than
 *  `lineBytesMax` bytes is cut there: the parts are no records. */
export async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    let begin = 0;
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, begin)) {
      yield bytes.toString('utf8', begin, end + 1);
      begin = end + 1;
    }
    rest = bytes.subarray(begin);
    if (rest.length > lineBytesMax) {
      yield `${rest.toString('utf8')}\n`;
      rest = Buffer.alloc(0);
    }
  }
  if (rest.length > 0) yield rest.toString('utf8');
}
