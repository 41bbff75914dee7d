/** How connections end. */
import type { Socket } from 'node:net';
import { systemCode } from './error.ts';

/** How a peer ended: `ended` closes its half and may still read, `reset` and `failed` break the connection, `closed`
 *  means that this side closed first. */
export type PeerEnd = 'ended' | 'reset' | 'failed' | 'closed';

/** Result of a graceful end: both sides closed, the peer reset, or it did not answer in time. */
export type EndOutcome = 'closed' | 'reset' | 'expired';

const resets: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EPIPE',
  'ECONNABORTED',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

/** Calls `ended` once, at the first sign of an end, and handles the socket's `error` event. A socket that is not
 *  read shows neither FIN nor reset: while backpressure stops reading, only the write stall is noticed. */
export function onPeerEnd(socket: Socket, ended: (how: PeerEnd) => void): void {
  let told = false;
  const tell = (how: PeerEnd): void => {
    if (!told) ended(how);
    told = true;
  };
  socket.on('end', () => tell('ended'));
  socket.on('error', (error) => {
    tell(isReset(error) ? 'reset' : 'failed');
    // Node destroys the socket after most errors, but not after those of an established TLS session.
    socket.destroy();
  });
  socket.on('close', () => tell('closed'));
}

/** Ends a connection: writes `last`, flushes, sends close_notify (RFC 8446 §6.1) and FIN, and waits for the peer to
 *  do the same, for `closeGraceMs` milliseconds at most. Bytes that the peer still sends go to the `data` listeners,
 *  or are discarded. May be called for a socket that is ending or closed. */
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
