/** Splits a stream of bytes into lines of bounded length. `node:readline` buffers a line of any length. */

/** A line without its end, or a line above the limit, whose text is discarded. */
export type BoundedLine = { readonly kind: 'line'; readonly text: string } | { readonly kind: 'too-long' };

const lineFeed = 0x0a;

/** Yields each line (LF or CRLF), the last also without an end. At most `bytesMax` bytes are held. */
export async function* boundedLines(
  chunks: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<BoundedLine> {
  let parts: Uint8Array[] = [];
  let length = 0;
  const take = (): BoundedLine => {
    const text = length > bytesMax ? undefined : Buffer.concat(parts).toString();
    parts = [];
    length = 0;
    return text === undefined ? { kind: 'too-long' } : { kind: 'line', text: text.replace(/\r$/, '') };
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
      yield take();
    }
    add(chunk.subarray(start));
  }
  if (length > 0) yield take();
}
