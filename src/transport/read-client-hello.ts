/** Reads the ClientHello before TLS takes the socket. */
import type { Socket } from 'node:net';
import { ClientHelloReader, type ClientHelloProgress } from '../signals/client-hello-reader.ts';

/** Reads until the bytes hold a ClientHello or cannot, puts them back, and calls `heard` once. TLS reads the same bytes
 *  afterwards, and decides by itself. `incomplete` means that the peer left. The socket must be paused, and is paused
 *  afterwards.
 *  @returns a function that gives up: it puts the bytes back, and `heard` is not called */
export function watchClientHello(socket: Socket, heard: (progress: ClientHelloProgress) => void): () => void {
  const reader = new ClientHelloReader();
  let progress: ClientHelloProgress = { kind: 'incomplete' };
  const stop = (): void => {
    socket.off('readable', read).off('end', ended).off('close', ended).off('error', ignored);
    const taken = reader.taken();
    if (taken.length > 0 && !socket.destroyed && !socket.readableEnded) socket.unshift(taken);
  };
  const read = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    progress = reader.push(chunk);
    if (progress.kind !== 'incomplete') ended();
  };
  const ended = (): void => {
    stop();
    heard(progress);
  };
  socket.on('readable', read).on('end', ended).on('close', ended).on('error', ignored);
  return stop;
}

/** The event `close` follows. */
const ignored = (): void => {};
