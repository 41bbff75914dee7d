/** Serves an app over HTTP/2 (RFC 9113) on connections whose TLS is up. Node's `http2` speaks the protocol; every frame
 *  is counted before it. */
import {
  constants,
  createServer,
  type Http2Server,
  type Http2ServerRequest,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Http2Code } from '../../../observability/http-words.ts';
import { HttpProblem, renderProblem } from '../../problem.ts';
import type { BodyLimits } from '../../request-body.ts';
import type { LoopShare } from '../loop-share.ts';
import { requestListener, type App, type ServeLimits } from '../node-server.ts';
import { Http2Connection, noticeMs } from './connection.ts';
import type { Http2Limits } from './limits.ts';
import { whenWhole } from './whole-body.ts';

export interface Http2Options {
  readonly app: App;
  readonly limits: ServeLimits & Http2Limits & Pick<BodyLimits, 'bodyBytesMax' | 'bodyTimeoutMs'>;
  /** The part of the event loop that all connections have together. */
  readonly share: LoopShare;
  /** Called for requests that have no route: malformed, or too large. */
  readonly refused: (problem: HttpProblem) => void;
  /** Called for what the protocol refuses: too many requests, and connections that end for a fault of the caller. */
  readonly violated: (code: Http2Code) => void;
  /** Returns monotonic milliseconds. */
  readonly now?: () => number;
}

export interface Http2Connections {
  /** Serves a connection for which ALPN chose `h2` and from which nothing was read. */
  readonly accept: (socket: TLSSocket) => void;
  /** Asks callers to send no more requests, lets those under way finish for `graceMs` milliseconds, then closes the
   *  rest. */
  readonly close: (graceMs: number) => Promise<void>;
}

/** Shortest time between two searches for what is late, in milliseconds. */
const checkMs = 1_000;

export function http2Connections(options: Http2Options): Http2Connections {
  const { app, limits, share, refused, violated, now = () => performance.now() } = options;
  const open = new Set<Http2Connection>();
  const bySession = new WeakMap<ServerHttp2Session, Http2Connection>();
  let streams = 0;
  const connectionOf = ({ session }: ServerHttp2Stream): Http2Connection | undefined =>
    session && bySession.get(session as ServerHttp2Session);
  const server = createHttp2Server(limits);
  const answering = createAnswering(app, (stream) => connectionOf(stream)!.socket, refused);
  server.on('stream', (stream, ...request) => {
    // Its end is reported by `close`.
    stream.on('error', () => {});
    const connection = connectionOf(stream);
    // A request that is refused may be sent again (RFC 9113 §8.7).
    if (connection === undefined || connection.full || streams >= limits.http2StreamsTotalMax) {
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
      return;
    }
    streams += 1;
    connection.open(stream, () => (streams -= 1));
    begin(stream, request[0], options, () => answering.emit('stream', stream, ...request));
  });
  const checking = setInterval(
    () => {
      for (const connection of open) connection.check();
    },
    Math.min(checkMs, limits.headersTimeoutMs, limits.keepAliveTimeoutMs),
  ).unref();
  let state: 'open' | 'closing' | 'closed' = 'open';
  return {
    accept(socket) {
      if (state === 'closed') {
        socket.destroy();
        return;
      }
      const connection = new Http2Connection(socket, {
        limits,
        share,
        now,
        ended: violated,
        refused: (code) => (code === 'ERR_HTTP2_STREAMS' ? violated(code) : refused(new HttpProblem(code))),
      });
      open.add(connection);
      void connection.gone.then(() => open.delete(connection));
      const session = connection.begin(server);
      if (session !== undefined) bySession.set(session, connection);
      // Its handshake was under way when closing began: it learns that its requests are not processed.
      if (state === 'closing') connection.retire(0);
    },
    async close(graceMs) {
      state = 'closing';
      for (const connection of open) connection.retire(Math.min(noticeMs, graceMs / 2));
      const cut = setTimeout(() => {
        state = 'closed';
        for (const connection of open) connection.destroy();
      }, graceMs);
      while (open.size > 0) await Promise.all([...open].map(({ gone }) => gone));
      state = 'closed';
      clearTimeout(cut);
      clearInterval(checking);
    },
  };
}

/** Fields that are pseudo-header fields of every request (RFC 9113 §8.3.1). */
const pseudoHeaders = 4;

function createHttp2Server(limits: ServeLimits & Http2Limits): Http2Server {
  return createServer({
    maxDeflateDynamicTableSize: limits.http2HeaderTableBytesMax,
    maxSessionMemory: limits.http2MegabytesMax,
    // A few more than allowed are read, so that the request guard can answer.
    maxHeaderListPairs: 2 * limits.headersMax + pseudoHeaders,
    maxSettings: 32,
    // Node's own limits have no codes, so they are wider than those of the frame meter.
    maxSessionInvalidFrames: 2 * (limits.http2IdleFramesPerMinuteMax + limits.http2ResetsPerMinuteMax),
    maxSessionRejectedStreams: 2 * limits.http2ResetsPerMinuteMax,
    streamResetBurst: 2 * limits.http2ResetsPerMinuteMax,
    streamResetRate: Math.ceil(limits.http2ResetsPerMinuteMax / 30),
    settings: {
      headerTableSize: limits.http2HeaderTableBytesMax,
      maxConcurrentStreams: limits.http2StreamsMax,
      maxHeaderListSize: limits.headerBytesMax,
      // The defaults of RFC 9113 §6.5.2: a connection holds this many unread bytes at most.
      initialWindowSize: 65_535,
      maxFrameSize: 16_384,
      enableConnectProtocol: false,
    },
  });
}

/** Returns a server that listens nowhere: it makes requests of the streams that it is passed, and has the app answer them. */
function createAnswering(
  app: App,
  connectionOf: (stream: ServerHttp2Stream) => Socket,
  refused: Http2Options['refused'],
): Http2Server {
  const server = createServer();
  server.on(
    'request',
    requestListener(app, (incoming) => connectionOf((incoming as Http2ServerRequest).stream), refused),
  );
  return server;
}

/** Has a request answered when it is whole. */
function begin(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  { limits, refused }: Pick<Http2Options, 'limits' | 'refused'>,
  answered: () => void,
): void {
  const { bodyTimeoutMs } = limits;
  // It would make a tunnel (RFC 9113 §8.5).
  if (headers[':method'] === 'CONNECT') refuse(stream, new HttpProblem('ERR_HTTP_METHOD'), refused);
  else
    whenWhole(stream, headers, limits, (outcome) => {
      if (outcome === 'whole') answered();
      else refuse(stream, new HttpProblem('ERR_HTTP_BODY_TIMEOUT', { bodyTimeoutMs }), refused);
    });
}

/** Answers without the app. What is left of the body is not read. */
function refuse(stream: ServerHttp2Stream, problem: HttpProblem, refused: Http2Options['refused']): void {
  refused(problem);
  void answer(stream, problem);
}

async function answer(stream: ServerHttp2Stream, problem: HttpProblem): Promise<void> {
  const rendered = renderProblem(problem);
  const body = await rendered.text();
  if (stream.destroyed) return;
  stream.respond({ ':status': rendered.status, ...Object.fromEntries(rendered.headers) });
  stream.end(body, () => stream.close(constants.NGHTTP2_NO_ERROR));
}
