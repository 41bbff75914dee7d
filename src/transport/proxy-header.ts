/** Reads the PROXY protocol header of a load balancer at the start of a connection. */
import type { Socket } from 'node:net';
import type { ProxyAuthentication } from '../signals/proxy-authentication.ts';
import { ProxyProtocolReader, type ProxyHeader } from '../signals/proxy-protocol.ts';

/** - `header`: a header was read.
 *  - `unreadable`: none was readable, or in time.
 *  - `unauthentic`: no shared secret makes its HMAC. */
export type HeaderAnswer =
  { readonly kind: 'header'; readonly header: ProxyHeader } | { readonly kind: 'unreadable' | 'unauthentic' };

export interface HeaderOptions {
  /** Milliseconds for the header to arrive. */
  readonly headerTimeoutMs: number;
  /** Rules by which fields need an HMAC. Without them all fields count. */
  readonly authentication?: ProxyAuthentication | undefined;
}

/** Reads the header; bytes after it stay in the socket, which is paused. Without a header, the caller destroys the
 *  socket. */
export async function readProxyHeader(
  socket: Socket,
  { headerTimeoutMs, authentication }: HeaderOptions,
): Promise<HeaderAnswer> {
  const reader = new ProxyProtocolReader({ authentication });
  const { promise, resolve } = Promise.withResolvers<HeaderAnswer>();
  const give = (): void => resolve({ kind: 'unreadable' });
  const read = (chunk: Uint8Array): void => {
    const progress = reader.push(chunk);
    if (progress.kind === 'incomplete') return;
    socket.pause();
    if (progress.kind === 'header' || progress.kind === 'unauthentic') resolve(progress);
    else give();
  };
  const timer = setTimeout(give, headerTimeoutMs);
  socket.on('data', read).on('end', give).on('close', give).on('error', give);
  const answer = await promise;
  clearTimeout(timer);
  socket.pause().off('data', read).off('end', give).off('close', give).off('error', give);
  const rest = reader.rest();
  if (answer.kind === 'header' && rest.length > 0) socket.unshift(rest);
  return answer;
}
