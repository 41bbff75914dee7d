/** WebSocket connections (RFC 6455), of clients and to gatekeepers. The only file that imports `ws`. Messages are text of
 *  bounded size; there is no extension, so nothing is compressed. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { WebSocket, WebSocketServer, type ClientOptions, type ServerOptions } from 'ws';
import { StreamError } from '../stanza/error.ts';
import { onPeerEnd } from './close.ts';

/** The subprotocol of XMPP (RFC 7395 §3.1). */
export const xmppSubprotocol = 'xmpp';

/** Fragments of one message, and reads of one frame (ERR_WEBSOCKET_FRAME). Each takes memory of its own; browsers send
 *  every message in one frame. */
export const messagePiecesMax = 1_024;

/** Most bytes of a frame that are not its payload: flags, length, mask (RFC 6455 §5.2). */
const frameHeaderBytesMax = 14;

/** Most bytes of one message on the wire in addition to its payload. */
export const messageOverheadBytesMax = messagePiecesMax * frameHeaderBytesMax;

/** Status codes with which a WebSocket is closed (RFC 6455 §7.4.1). */
export const closeCode = {
  normal: 1000,
  goingAway: 1001,
  policyViolation: 1008,
  internalError: 1011,
} as const;
export type CloseCode = (typeof closeCode)[keyof typeof closeCode];

/** Receives what comes on a WebSocket, in order. No call may throw. */
export interface WebSocketEvents {
  /** Bytes of frames were read; what they hold is reported next. */
  bytes(count: number): void;
  /** A whole message came. Its memory belongs to the receiver. */
  message(data: Buffer, isBinary: boolean): void;
  /** A ping or a pong came.
   *  @param byteLength with its header
   *  @param isAnswer whether it is the pong to a ping of this side */
  control(byteLength: number, isAnswer: boolean): void;
  /** All that was read at once has been reported. */
  read(): void;
  /** A frame was refused. The WebSocket is closing with the code of RFC 6455 §7.4.1. */
  refused(error: StreamError): void;
  /** The peer has closed the WebSocket, or its connection. */
  ended(): void;
}

const settings = {
  perMessageDeflate: false,
  // The pongs of a flood of pings would be queued.
  autoPong: false,
  skipUTF8Validation: false,
  allowSynchronousEvents: true,
  maxFragments: messagePiecesMax,
  maxBufferedChunks: messagePiecesMax,
} as const satisfies ServerOptions & ClientOptions;

const asText = { binary: false } as const;

export class WebSocketConnection {
  /** The connection with TLS below. Its events are read here. */
  readonly socket: Socket;
  /** Number of bytes read, frame headers included. */
  bytesRead = 0;
  readonly #ws: WebSocket;
  /** Bytes of a ping or pong of the peer before its payload; those of clients have a mask (RFC 6455 §5.2). */
  readonly #controlHeaderBytes: number;
  /** Payload of the last ping that was not answered yet (RFC 6455 §5.5.3). */
  #unanswered: Buffer | undefined;
  #pongAwaited = false;
  #ending = false;

  constructor(ws: WebSocket, socket: Socket, peer: 'client' | 'server') {
    this.#ws = ws;
    this.socket = socket;
    this.#controlHeaderBytes = peer === 'client' ? 6 : 2;
    // Until `listen` nothing may be read. A connection that ends before it may show what it had sent.
    ws.on('error', () => {});
    ws.pause();
  }

  /** Starts to read. Called once. */
  listen(events: WebSocketEvents): void {
    const { socket } = this;
    const ws = this.#ws;
    socket.prependListener('data', (chunk) => {
      this.bytesRead += chunk.length;
      events.bytes(chunk.length);
    });
    ws.on('message', (data, isBinary) => events.message(data as Buffer, isBinary));
    ws.on('ping', (payload) => {
      this.#unanswered = payload;
      events.control(payload.length + this.#controlHeaderBytes, false);
    });
    ws.on('pong', (payload) => {
      events.control(payload.length + this.#controlHeaderBytes, this.#pongAwaited);
      this.#pongAwaited = false;
    });
    ws.on('error', (error) => events.refused(refusalOf(error)));
    let over = false;
    const ended = (): void => {
      if (!over) events.ended();
      over = true;
    };
    socket.on('data', () => {
      this.#answerPing();
      events.read();
      // A close frame came. `ws` reports it after the end of the connection only.
      if (ws.readyState !== WebSocket.OPEN && !this.#ending) ended();
    });
    onPeerEnd(socket, ended);
    ws.resume();
  }

  /** Whether messages can be sent. */
  get isOpen(): boolean {
    return this.#ws.readyState === WebSocket.OPEN && this.socket.writable;
  }

  /** Sends messages in one write. The buffers must not change afterwards.
   *  @returns false when the peer does not drain; `drain` of the socket follows */
  send(messages: readonly Uint8Array[]): boolean {
    const { socket } = this;
    if (messages.length > 0 && this.isOpen) {
      socket.cork();
      for (const message of messages) this.#ws.send(message, asText);
      socket.uncork();
    }
    return !socket.writableNeedDrain;
  }

  /** Sends a ping without payload, unless the peer does not drain. */
  ping(): void {
    if (!this.isOpen || this.socket.writableNeedDrain) return;
    this.#pongAwaited = true;
    this.#ws.ping();
  }

  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  /** Closes the WebSocket: sends a close frame after what was sent, and waits for the peer's and for the end of the
   *  connection, for `closeGraceMs` milliseconds at most (RFC 6455 §7.1.1). */
  end(code: CloseCode, closeGraceMs: number): Promise<void> {
    this.#ending = true;
    const { socket } = this;
    if (socket.closed) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => socket.destroy(), closeGraceMs);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    // The peer's close frame is seen only by reading up to it.
    this.#ws.resume();
    this.#ws.close(code);
    return promise;
  }

  /** Answers the last ping; earlier ones that came with it need no answer (RFC 6455 §5.5.3). */
  #answerPing(): void {
    if (this.#unanswered === undefined || !this.isOpen) return;
    if (this.socket.writableNeedDrain) {
      this.socket.once('drain', () => this.#answerPing());
      return;
    }
    this.#ws.pong(this.#unanswered);
    this.#unanswered = undefined;
  }
}

/** Accepts WebSockets of clients, on connections whose upgrade request was checked. */
export class WebSocketAcceptor {
  readonly #server: WebSocketServer;

  /** @param messageBytesMax bytes of one message, in any phase of a session */
  constructor(messageBytesMax: number) {
    this.#server = new WebSocketServer({
      ...settings,
      noServer: true,
      clientTracking: false,
      maxPayload: messageBytesMax,
      handleProtocols: (offered) => offered.has(xmppSubprotocol) && xmppSubprotocol,
    });
  }

  /** Answers the upgrade request. What follows is not read before `listen` of the result, which must be called in the same
   *  turn.
   *  @param head bytes that were read after the request
   *  @returns undefined when the client has left meanwhile */
  accept(request: IncomingMessage, socket: Socket, head: Buffer): WebSocketConnection | undefined {
    let accepted: WebSocketConnection | undefined;
    this.#server.handleUpgrade(request, socket, head, (ws) => {
      accepted = new WebSocketConnection(ws, socket, 'client');
    });
    return accepted;
  }
}

/** A server has answered the upgrade with another status than 101, or without the subprotocol. */
export class UpgradeRefused extends Error {
  override readonly name = 'UpgradeRefused';
  /** Whether it names another address. */
  readonly redirects: boolean;

  constructor(redirects: boolean) {
    super('the server has refused the WebSocket');
    this.redirects = redirects;
  }
}

/** Opens a WebSocket for XMPP on a connection with TLS up. Redirects are not followed.
 *  @param messageBytesMax bytes of one message, in any phase of a session
 *  @returns a WebSocket from which nothing is read before `listen`
 *  @throws UpgradeRefused; the caller then closes the connection */
export function openWebSocket(
  socket: TLSSocket,
  url: URL,
  messageBytesMax: number,
): Promise<WebSocketConnection> {
  const { promise, resolve, reject } = Promise.withResolvers<WebSocketConnection>();
  const ws = new WebSocket(url, [xmppSubprotocol], {
    ...settings,
    maxPayload: messageBytesMax,
    followRedirects: false,
    createConnection: () => socket,
  });
  ws.on('error', () => reject(new UpgradeRefused(false)));
  ws.once('unexpected-response', (_request, { statusCode = 0 }) =>
    reject(new UpgradeRefused(statusCode >= 300 && statusCode < 400)),
  );
  ws.once('open', () => resolve(new WebSocketConnection(ws, socket, 'server')));
  return promise;
}

/** Returns the error of a refused frame. */
function refusalOf(error: Error): StreamError {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH':
    case 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH':
      return new StreamError('policy-violation', { code: 'ERR_STANZA_TOO_LARGE' });
    case 'WS_ERR_INVALID_UTF8':
      return new StreamError('not-well-formed', { code: 'ERR_XML_UTF8' });
    default:
      return new StreamError('bad-format', { code: 'ERR_WEBSOCKET_FRAME' });
  }
}
