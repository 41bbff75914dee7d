/** Moves a body from one message to the other as fast as the slower of the two, counting. */
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface PumpLimits {
  readonly bytesMax: number;
  /** Without a byte moving. */
  readonly stallMs: number;
}

/** How a body ended; anything but `complete` cut both connections, so that the reader cannot take a part for the
 *  whole. */
export type PumpEnd = 'complete' | 'reader-left' | 'source-broke' | 'too-large' | 'stalled';

/** Never rejects. A handler by hand rather than `pipeline` with a counting transform: half the work per chunk. */
export function pump(
  source: IncomingMessage,
  sink: ServerResponse,
  { bytesMax, stallMs }: PumpLimits,
): Promise<PumpEnd> {
  const { promise, resolve } = Promise.withResolvers<PumpEnd>();
  let bytes = 0;
  let ended = false;
  const cut = (end: PumpEnd): void => {
    if (ended) return;
    ended = true;
    resolve(end);
    source.destroy();
    sink.destroy();
  };
  const stall = setTimeout(() => cut('stalled'), stallMs);
  source.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    stall.refresh();
    if (bytes > bytesMax) cut('too-large');
    else if (!sink.write(chunk)) source.pause();
  });
  sink.on('drain', () => {
    stall.refresh();
    source.resume();
  });
  source.on('end', () => sink.end());
  source.on('error', () => cut('source-broke'));
  sink.on('error', () => cut('reader-left'));
  sink.on('finish', () => {
    ended = true;
    resolve('complete');
  });
  sink.on('close', () => cut('reader-left'));
  // It may have left while the source was asked.
  if (sink.closed) cut('reader-left');
  return promise.finally(() => clearTimeout(stall));
}
