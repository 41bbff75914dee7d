/** A TCP port of the chat server: accepts connections, reads PROXY headers. */
import type { Socket } from 'node:net';
import type { ProxyHeader } from '../../signals/proxy-protocol.ts';
import { takeProxyHeader } from '../server/proxy-header.ts';
import { openTcpPort, type TcpPort } from '../server/tcp-port.ts';
import type { BoundChatListener, ChatGatekeeperLimits, ChatListenerOptions } from './options.ts';

export interface ChatListener extends Pick<TcpPort, 'close'> {
  readonly bound: BoundChatListener;
}

/** Receives sockets whose next byte is the client's. */
export type AcceptChat = (socket: Socket, header: ProxyHeader | undefined) => void;

/** First byte of a header of version 2; clients begin with `W` or `E`. */
const headerByte = 0x0d;

/** Opens one listener.
 *  @throws SimulatorError `ERR_SIMULATOR_CONNECT` when the address cannot be bound */
export async function listenForChat(
  options: ChatListenerOptions,
  limits: ChatGatekeeperLimits,
  accept: AcceptChat,
): Promise<ChatListener> {
  const { port, close } = await openTcpPort(options, limits, (socket) => {
    void receive(socket, options, limits, accept);
  });
  return { bound: { ...options, port }, close };
}

async function receive(
  socket: Socket,
  { proxyProtocol = 'never' }: ChatListenerOptions,
  { loginTimeoutMs }: ChatGatekeeperLimits,
  accept: AcceptChat,
): Promise<void> {
  const isHeaderNext =
    proxyProtocol === 'required' ||
    (proxyProtocol === 'optional' && (await startsHeader(socket, loginTimeoutMs)));
  const reading = isHeaderNext ? takeProxyHeader(socket, loginTimeoutMs) : undefined;
  // Waiting for the first byte has paused the socket.
  socket.resume();
  const header = await reading;
  if (socket.destroyed) return;
  accept(socket, header);
  // Reading the header has paused the socket.
  socket.resume();
}

/** Waits for the first byte, and returns whether it begins a PROXY header. The bytes stay in the socket. */
async function startsHeader(socket: Socket, timeoutMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const give = (): void => {
    socket.destroy();
    resolve(false);
  };
  const read = (chunk: Buffer): void => {
    socket.pause();
    socket.unshift(chunk);
    resolve(chunk[0] === headerByte);
  };
  const timer = setTimeout(give, timeoutMs);
  socket.once('data', read).on('error', give).on('close', give);
  const answer = await promise;
  clearTimeout(timer);
  socket.off('data', read).off('error', give).off('close', give);
  socket.on('error', () => {});
  return answer;
}
