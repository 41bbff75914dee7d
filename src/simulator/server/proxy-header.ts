import type { Socket } from 'node:net';
import { ProxyProtocolReader, type ProxyHeader } from '../../signals/proxy-protocol.ts';

/** Reads the PROXY protocol header at the start; bytes after it stay in the socket.
 *  @returns undefined, with the socket destroyed, when no header comes within `timeoutMs` milliseconds */
export async function takeProxyHeader(socket: Socket, timeoutMs: number): Promise<ProxyHeader | undefined> {
  const reader = new ProxyProtocolReader();
  const { promise, resolve } = Promise.withResolvers<ProxyHeader | undefined>();
  const give = (): void => resolve(undefined);
  const read = (chunk: Buffer): void => {
    const progress = reader.push(chunk);
    if (progress.kind === 'incomplete') return;
    socket.pause();
    resolve(progress.kind === 'header' ? progress.header : undefined);
  };
  const timer = setTimeout(give, timeoutMs);
  socket.on('data', read).on('error', give).on('close', give);
  const header = await promise;
  clearTimeout(timer);
  socket.off('data', read).off('error', give).off('close', give);
  socket.on('error', () => {});
  if (header === undefined) socket.destroy();
  else if (reader.rest().length > 0) socket.unshift(reader.rest());
  return header;
}
