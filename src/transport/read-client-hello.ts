/** The ClientHello, read before TLS takes the socket. */
import type { Socket } from 'node:net';
import { ClientHelloReader, type ClientHelloProgress } from '../signals/client-hello-reader.ts';

/** Reads until the first bytes hold a ClientHello or cannot, puts the bytes back, and calls once with the result. TLS reads
 *  the same bytes afterwards, and accepts or refuses them whatever the result is; `incomplete` means that the peer left.
 *  The socket must not be flowing, and is not flowing afterwards.
 *  @returns a function that gives up: it puts the bytes back, and there is no call any more */
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

/** `close` follows. */
const ignored = (): void => {};
