/** How connections end. */
import type { Socket } from 'node:net';
import { systemCode } from './error.ts';

/** How a peer ended: its half with all it had to say (`ended`, it may still read), by a reset, by some other
 *  fault, or not at all because this side closed. */
export type PeerEnd = 'ended' | 'reset' | 'failed' | 'closed';

/** What became of a graceful end: both sides closed, the peer reset it, or it did not answer in time. */
export type EndOutcome = 'closed' | 'reset' | 'expired';

const resets: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EPIPE',
  'ECONNABORTED',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

/** Calls `ended` once, with the first sign of an end, and takes care of the socket's `error` event. A socket that is not
 *  being read shows neither a FIN nor a reset: while backpressure holds reading back, only the write stall does. */
export function onPeerEnd(socket: Socket, ended: (how: PeerEnd) => void): void {
  let told = false;
  const tell = (how: PeerEnd): void => {
    if (!told) ended(how);
    told = true;
  };
  socket.on('end', () => tell('ended'));
  socket.on('error', (error) => {
    tell(isReset(error) ? 'reset' : 'failed');
    // Node closes after most errors, not after those of an established TLS session.
    socket.destroy();
  });
  socket.on('close', () => tell('closed'));
}

/** Ends a connection: writes `last`, flushes, sends close_notify (RFC 8446 §6.1) and FIN, waits for the peer to do
 *  the same, and destroys it when that takes longer than `closeGraceMs`. What the peer still sends goes to the
 *  socket's `data` listeners, or nowhere. Calling it on a socket that is ending or gone is fine. */
export function endGracefully(
  socket: Socket,
  { closeGraceMs, last }: { readonly closeGraceMs: number; readonly last?: Uint8Array },
): Promise<EndOutcome> {
  if (socket.closed) return Promise.resolve('closed');
  const { promise, resolve } = Promise.withResolvers<EndOutcome>();
  let outcome: EndOutcome = 'closed';
  const timer = setTimeout(() => {
    outcome = 'expired';
    socket.destroy();
  }, closeGraceMs);
  socket.on('error', (error) => {
    if (isReset(error)) outcome = 'reset';
    socket.destroy();
  });
  socket.once('close', () => {
    clearTimeout(timer);
    resolve(outcome);
  });
  if (!socket.destroyed) finish(socket, last);
  return promise;
}

function finish(socket: Socket, last: Uint8Array | undefined): void {
  if (last === undefined || !socket.writable) socket.end();
  else socket.end(last);
  // The peer's FIN is seen only by reading up to it.
  socket.resume();
}

function isReset(error: Error): boolean {
  return resets.has(systemCode(error));
}
