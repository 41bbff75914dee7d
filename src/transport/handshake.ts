/** Waits for a TLS handshake, as server or client. */
import type { TLSSocket } from 'node:tls';

/** The peer ended the connection during the handshake. */
export class HandshakeClosed extends Error {
  override readonly name = 'HandshakeClosed';
  readonly code = 'ECONNRESET';

  constructor() {
    super('the connection ended during the handshake');
  }
}

// A server's TLSSocket reports errors of the handshake by this event, for tls.Server, and not by `error`.
const failures = ['error', '_tlsError'] as const;
const ends = ['end', 'close'] as const;

/** Calls `settled` once: without an error when the handshake is done, otherwise with Node's error or HandshakeClosed. A
 *  failure destroys the socket and the one below it.
 *  @param done the event of success: `secure` of a server's socket, `secureConnect` of a client's, which Node emits
 *  after verifying the certificate
 *  @returns a function that gives up: it destroys the socket, and `settled` is not called */
export function watchHandshake(
  socket: TLSSocket,
  done: 'secure' | 'secureConnect',
  settled: (error: Error | undefined) => void,
): () => void {
  const stop = (): void => {
    socket.off(done, succeeded);
    for (const event of failures) socket.off(event, failed);
    for (const event of ends) socket.off(event, closed);
  };
  const giveUp = (): void => {
    stop();
    // Further errors before the socket is closed are ignored.
    socket.on('error', () => {});
    socket.destroy();
  };
  const succeeded = (): void => {
    stop();
    settled(undefined);
  };
  const failed = (error: Error): void => {
    giveUp();
    settled(error);
  };
  const closed = (): void => failed(new HandshakeClosed());
  socket.on(done, succeeded);
  for (const event of failures) socket.on(event, failed);
  for (const event of ends) socket.on(event, closed);
  return giveUp;
}

/** Resolves when the handshake is done; otherwise destroys the socket.
 *  @throws Node's error, HandshakeClosed, or the signal's reason */
export function handshake(
  socket: TLSSocket,
  done: 'secure' | 'secureConnect',
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const aborted = (): void => {
    giveUp();
    reject(signal.reason as Error);
  };
  const giveUp = watchHandshake(socket, done, (error) => {
    signal.removeEventListener('abort', aborted);
    if (error === undefined) resolve();
    else reject(error);
  });
  if (signal.aborted) aborted();
  else signal.addEventListener('abort', aborted, { once: true });
  return promise;
}
