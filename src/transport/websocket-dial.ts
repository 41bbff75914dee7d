/** Opens a WebSocket to a gatekeeper (RFC 7395 §3.1): TCP, TLS, and an upgrade of HTTP/1.1. */
import type { TLSSocket } from 'node:tls';
import { abortable, DeadlineError, withDeadline } from './deadline.ts';
import { dial, type DialOptions } from './dial.ts';
import {
  GatekeeperNegotiationError,
  GatekeeperRedirectError,
  GatekeeperUnreachableError,
} from './gatekeeper-error.ts';
import { openWebSocket, UpgradeRefused, type WebSocketConnection } from './websocket.ts';

export interface WebSocketDialOptions extends Omit<
  DialOptions,
  'domain' | 'alpn' | 'tlsMode' | 'attemptTimeoutMs'
> {
  /** Bytes of one message, in any phase of a session. */
  readonly messageBytesMax: number;
}

/** Connects. The certificate must have the host of the URL, which the operator wrote: it is not looked up as the domain of
 *  an XMPP service is.
 *  @returns a WebSocket from which nothing was read
 *  @throws GatekeeperUnreachableError, GatekeeperTlsError, GatekeeperNegotiationError, GatekeeperRedirectError, or the
 *  signal's reason */
export async function dialWebSocket(
  url: URL,
  { messageBytesMax, ...options }: WebSocketDialOptions,
): Promise<WebSocketConnection> {
  const { dialTimeoutMs } = options;
  try {
    return await withDeadline(dialTimeoutMs, options.signal, async (signal) => {
      const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
      const endpoint = { host, port: Number(url.port || 443), tls: 'direct' } as const;
      const { socket } = await dial(
        { kind: 'address', ...endpoint },
        { ...options, domain: host, alpn: 'http/1.1', attemptTimeoutMs: dialTimeoutMs, signal },
      );
      return await upgrade(socket as TLSSocket, url, messageBytesMax, signal);
    });
  } catch (error) {
    throw error instanceof DeadlineError ? new GatekeeperUnreachableError('timed-out') : error;
  }
}

async function upgrade(
  socket: TLSSocket,
  url: URL,
  messageBytesMax: number,
  signal: AbortSignal,
): Promise<WebSocketConnection> {
  try {
    return await abortable(openWebSocket(socket, url, messageBytesMax), signal);
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    if (error instanceof UpgradeRefused && error.redirects) throw new GatekeeperRedirectError();
    throw new GatekeeperNegotiationError('no-websocket');
  }
}
