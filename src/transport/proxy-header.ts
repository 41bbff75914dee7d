/** Reads the PROXY protocol header of a load balancer at the start of a connection. */
import type { Socket } from 'node:net';
import { ProxyProtocolReader, type ProxyHeader } from '../signals/proxy-protocol.ts';

/** Reads the header; bytes after it stay in the socket, which is paused.
 *  @returns undefined for a missing or malformed header, or after `timeoutMs`; the caller then destroys the socket */
export async function readProxyHeader(socket: Socket, timeoutMs: number): Promise<ProxyHeader | undefined> {
  const reader = new ProxyProtocolReader();
  const { promise, resolve } = Promise.withResolvers<ProxyHeader | undefined>();
  const give = (): void => resolve(undefined);
  const read = (chunk: Uint8Array): void => {
    const progress = reader.push(chunk);
    if (progress.kind === 'incomplete') return;
    socket.pause();
    resolve(progress.kind === 'header' ? progress.header : undefined);
  };
  const timer = setTimeout(give, timeoutMs);
  socket.on('data', read).on('end', give).on('close', give).on('error', give);
  const header = await promise;
  clearTimeout(timer);
  socket.pause().off('data', read).off('end', give).off('close', give).off('error', give);
  const rest = reader.rest();
  if (header !== undefined && rest.length > 0) socket.unshift(rest);
  return header;
}
