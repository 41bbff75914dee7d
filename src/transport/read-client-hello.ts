/** The ClientHello, read before TLS takes the socket. */
import type { Socket } from 'node:net';
import { ClientHelloReader, type ClientHelloProgress } from '../signals/client-hello-reader.ts';

/** Waits until the first bytes hold a ClientHello or cannot, and puts them back: what comes next reads them as if
 *  nobody had looked. The socket is left paused. Whatever the answer, it is for TLS to accept or refuse the bytes;
 *  `incomplete` means that the peer left.
 *  @throws the signal's reason. */
export async function readClientHello(socket: Socket, signal: AbortSignal): Promise<ClientHelloProgress> {
  const reader = new ClientHelloReader();
  const { promise, resolve, reject } = Promise.withResolvers<ClientHelloProgress>();
  let progress: ClientHelloProgress = { kind: 'incomplete' };
  const read = (chunk: Uint8Array): void => {
    progress = reader.push(chunk);
    if (progress.kind === 'incomplete') return;
    socket.pause();
    resolve(progress);
  };
  const ended = (): void => resolve(progress);
  const aborted = (): void => reject(signal.reason as Error);
  signal.throwIfAborted();
  signal.addEventListener('abort', aborted, { once: true });
  socket.on('data', read).on('end', ended).on('close', ended).on('error', ended);
  socket.resume();
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', aborted);
    socket.pause().off('data', read).off('end', ended).off('close', ended).off('error', ended);
    const taken = reader.taken();
    if (taken.length > 0 && !socket.destroyed && !socket.readableEnded) socket.unshift(taken);
  }
}
