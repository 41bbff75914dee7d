/** Waiting for a TLS handshake, as server or client. */
import type { TLSSocket } from 'node:tls';

/** The peer ended the connection in the middle of the handshake. */
export class HandshakeClosed extends Error {
  override readonly name = 'HandshakeClosed';
  readonly code = 'ECONNRESET';

  constructor() {
    super('the connection ended during the handshake');
  }
}

// A server's TLSSocket keeps errors of the handshake from `error`, for tls.Server to report.
const failures = ['error', '_tlsError'] as const;
const ends = ['end', 'close'] as const;

/** Resolves when the handshake is done. In every other case the socket is destroyed, and with it the one below.
 *  @param done the event that says so: `secure` of a server's socket, `secureConnect` of a client's, which Node
 *  emits after the certificate was verified.
 *  @throws the error as Node has it; HandshakeClosed; the signal's reason. */
export function handshake(
  socket: TLSSocket,
  done: 'secure' | 'secureConnect',
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const settle = (error?: Error): void => {
    signal.removeEventListener('abort', aborted);
    socket.off(done, succeeded);
    for (const event of failures) socket.off(event, failed);
    for (const event of ends) socket.off(event, closed);
    if (error === undefined) {
      resolve();
      return;
    }
    // The socket may say more before it is closed; nobody needs to hear it.
    socket.on('error', () => {});
    socket.destroy();
    reject(error);
  };
  const succeeded = (): void => settle();
  const failed = (error: Error): void => settle(error);
  const closed = (): void => settle(new HandshakeClosed());
  const aborted = (): void => settle(signal.reason as Error);
  socket.on(done, succeeded);
  for (const event of failures) socket.on(event, failed);
  for (const event of ends) socket.on(event, closed);
  if (signal.aborted) aborted();
  else signal.addEventListener('abort', aborted, { once: true });
  return promise;
}
