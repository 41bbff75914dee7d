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

/** Calls back once, when the handshake is done, or with what it failed of: the error as Node has it, or HandshakeClosed.
 *  After a failure the socket is destroyed, and with it the one below.
 *  @param done the event that says so: `secure` of a server's socket, `secureConnect` of a client's, which Node
 *  emits after the certificate was verified.
 *  @returns what gives up: it destroys the socket in the same way, and there is no call any more. */
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
    // The socket may say more before it is closed; nobody needs to hear it.
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

/** Resolves when the handshake is done. In every other case the socket is destroyed.
 *  @throws the same errors; the signal's reason. */
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
