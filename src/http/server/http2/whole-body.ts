/** Waits for the body of a request of HTTP/2 before the request is looked at. Until then it costs the state of its stream and no
 *  more: a caller needs few bytes to open many streams whose bodies do not come. */
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { BodyLimits } from '../../request-body.ts';

/** Calls `settled` once, unless the stream closes before: `whole` when the body was received, or is too large to wait for, and
 *  `late` when it did not come within `bodyTimeoutMs`. At most `bodyBytesMax` and one frame are buffered. */
export function whenWhole(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  { bodyBytesMax, bodyTimeoutMs }: Pick<BodyLimits, 'bodyBytesMax' | 'bodyTimeoutMs'>,
  settled: (outcome: 'whole' | 'late') => void,
): void {
  if (hasEnded(stream) || Number(headers['content-length'] ?? 0) > bodyBytesMax) {
    settled('whole');
    return;
  }
  if (headers.expect === '100-continue') {
    stream.additionalHeaders({ ':status': 100 });
    // Node would answer it once more.
    delete headers.expect;
  }
  let isWaiting = true;
  const stop = (): void => {
    isWaiting = false;
    clearTimeout(timer);
    stream.off('readable', lookSoon).off('close', stop);
  };
  const look = (): void => {
    if (!isWaiting || (stream.readableLength <= bodyBytesMax && !hasEnded(stream))) return;
    stop();
    settled('whole');
  };
  // nghttp2 notes the end of a body after it has reported it.
  const lookSoon = (): void => process.nextTick(look);
  const timer = setTimeout(() => {
    stop();
    settled('late');
  }, bodyTimeoutMs);
  // Starts reading. Otherwise `on` would, a turn later, and perhaps read the end before it is looked for.
  stream.read(0);
  stream.on('readable', lookSoon).on('close', stop);
}

/** Returns whether the caller has sent the end of its request. */
export function hasEnded(stream: ServerHttp2Stream): boolean {
  return stream.endAfterHeaders || stream.destroyed || stream.state.remoteClose === 1;
}
