/** Copies a body to the caller at the pace of the slower side, and counts its bytes. */
import type { MediaEnd } from '../../observability/http-words.ts';
import type { MediaAnswer } from './answer.ts';
import type { BodySource } from './body-source.ts';

export interface PumpLimits {
  readonly bytesMax: number;
  /** Milliseconds without a byte after which the copy ends. */
  readonly stallMs: number;
}

/** How a body ended, with the number of bytes read. */
export interface PumpResult {
  readonly end: MediaEnd;
  readonly bytes: number;
}

/** Returns how the body ended; never rejects. Own handlers, because `pipeline` with a counting transform doubles the
 *  work per piece. */
export function pump(
  source: BodySource,
  { body: sink, cut }: Pick<MediaAnswer, 'body' | 'cut'>,
  { bytesMax, stallMs }: PumpLimits,
): Promise<PumpResult> {
  const { promise, resolve } = Promise.withResolvers<PumpResult>();
  let bytes = 0;
  let ended = false;
  const finish = (end: MediaEnd): void => {
    if (ended) return;
    ended = true;
    resolve({ end, bytes });
    source.destroy();
    if (end !== 'complete') cut();
  };
  const stall = setTimeout(() => finish('stalled'), stallMs);
  sink.on('drain', () => {
    stall.refresh();
    source.resume();
  });
  sink.on('error', () => finish('reader-left'));
  sink.on('finish', () => finish('complete'));
  sink.on('close', () => finish('reader-left'));
  source.start({
    piece: (piece, release) => {
      if (ended) return;
      bytes += piece.byteLength;
      stall.refresh();
      if (bytes > bytesMax) finish('too-large');
      else if (!sink.write(piece, release)) source.pause();
    },
    end: () => sink.end(),
    broken: () => finish('source-broke'),
  });
  // The reader may have left while the source was asked.
  if (sink.closed) finish('reader-left');
  return promise.finally(() => clearTimeout(stall));
}
