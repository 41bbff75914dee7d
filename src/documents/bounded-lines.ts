/** Splits a stream of bytes into lines of bounded length. `node:readline` buffers a line of any length. */

/** A line and its end, which is '' where the bytes end within it; or a line above the limit, whose text is discarded. */
export type BoundedLine =
  | { readonly kind: 'line'; readonly text: string; readonly end: '' | '\n' | '\r\n' }
  | { readonly kind: 'too-long' };

const lineFeed = 0x0a;

/** Yields each line (LF or CRLF), the last also without an end. At most `bytesMax` bytes are held. */
export async function* boundedLines(
  chunks: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<BoundedLine> {
  let parts: Uint8Array[] = [];
  let length = 0;
  const take = (end: '' | '\n'): BoundedLine => {
    const text = length > bytesMax ? undefined : Buffer.concat(parts).toString();
    parts = [];
    length = 0;
    if (text === undefined) return { kind: 'too-long' };
    const isCrLf = end !== '' && text.endsWith('\r');
    return isCrLf ? { kind: 'line', text: text.slice(0, -1), end: '\r\n' } : { kind: 'line', text, end };
  };
  const add = (part: Uint8Array): void => {
    length += part.length;
    if (length <= bytesMax) parts.push(part);
    else parts = [];
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      add(chunk.subarray(start, end));
      start = end + 1;
      yield take('\n');
    }
    add(chunk.subarray(start));
  }
  if (length > 0) yield take('');
}
