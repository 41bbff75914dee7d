/** One HTTP/2 connection: its streams, its deadlines, and how it ends. */
import { constants, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { Http2Code } from '../../../observability/http-words.ts';
import type { ProblemCode } from '../../problem.ts';
import type { LoopShare } from '../loop-share.ts';
import type { ServeLimits } from '../node-server.ts';
import { FrameMeter } from './frame-meter.ts';
import { frameType } from './frame-reader.ts';
import type { Http2Limits } from './limits.ts';
import { MeteredSocket } from './metered-socket.ts';
import { hasEnded } from './whole-body.ts';

export interface ConnectionOptions {
  readonly limits: ServeLimits & Http2Limits;
  readonly share: LoopShare;
  /** Returns monotonic milliseconds. */
  readonly now: () => number;
  /** Called when a request was refused before a route saw it. */
  readonly refused: (code: ProblemCode | 'ERR_HTTP2_STREAMS') => void;
  /** Called when the connection ends for a fault of the caller. */
  readonly ended: (code: Http2Code) => void;
}

/** Milliseconds that a caller has, after it was asked to send no more requests, until they are ignored: those that it
 *  sent before it knew are on their way (RFC 9113 §6.8). */
export const noticeMs = 1_000;

/** Returns a GOAWAY (§6.8). */
function goaway(lastStream: number, errorCode: number): Buffer {
  const bytes = Buffer.alloc(17);
  bytes.writeUIntBE(8, 0, 3);
  bytes[3] = frameType.goaway;
  bytes.writeUInt32BE(lastStream, 9);
  bytes.writeUInt32BE(errorCode, 13);
  return bytes;
}

/** The GOAWAY that announces the end: it has the highest stream id. nghttp2 ignores requests once it has sent a GOAWAY,
 *  so nghttp2 does not send this one. */
const notice = goaway(2 ** 31 - 1, constants.NGHTTP2_NO_ERROR);

/** Error codes of streams that Node resets (§7), as the refusals of HTTP/1.1 that they correspond to. Others are no
 *  fault of the caller. */
const streamRefusals: Readonly<Record<number, ProblemCode | 'ERR_HTTP2_STREAMS'>> = {
  [constants.NGHTTP2_PROTOCOL_ERROR]: 'ERR_HTTP_MALFORMED',
  [constants.NGHTTP2_FLOW_CONTROL_ERROR]: 'ERR_HTTP_MALFORMED',
  [constants.NGHTTP2_STREAM_CLOSED]: 'ERR_HTTP_MALFORMED',
  [constants.NGHTTP2_FRAME_SIZE_ERROR]: 'ERR_HTTP_MALFORMED',
  [constants.NGHTTP2_REFUSED_STREAM]: 'ERR_HTTP2_STREAMS',
  [constants.NGHTTP2_ENHANCE_YOUR_CALM]: 'ERR_HTTP_HEADERS',
};

/** Milliseconds after which a request counts as one that waits for its caller. */
const waitMs = 1_000;

/** When an open stream began, and when its whole answer was found written, in monotonic milliseconds. */
interface StreamTimes {
  readonly openedAt: number;
  writtenAt: number | undefined;
}

export class Http2Connection {
  readonly socket: TLSSocket;
  /** Resolves when the socket is closed. */
  readonly gone: Promise<void>;
  readonly #options: ConnectionOptions;
  readonly #metered: MeteredSocket;
  readonly #meter: FrameMeter;
  readonly #streams = new Map<ServerHttp2Stream, StreamTimes>();
  readonly #acceptedAt: number;
  #session: ServerHttp2Session | undefined;
  #requests = 0;
  #faulty = false;
  #idleSince: number;
  /** When the caller was asked to send no more requests, and after how many milliseconds they are ignored. */
  #retired: { readonly at: number; readonly noticeMs: number } | undefined;

  constructor(socket: TLSSocket, options: ConnectionOptions) {
    const { limits, share, now, refused } = options;
    this.socket = socket;
    this.#options = options;
    this.#acceptedAt = now();
    this.#idleSince = this.#acceptedAt;
    this.#meter = new FrameMeter({
      limits,
      now,
      exceeded: (code) => this.#end(code),
      sentError: (frame, errorCode) => {
        const code = streamRefusals[errorCode];
        if (frame === 'connection') this.#report('ERR_HTTP2_PROTOCOL');
        else if (code !== undefined) refused(code);
      },
    });
    this.#metered = new MeteredSocket(socket, share, this.#meter);
    this.gone = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  /** Speaks HTTP/2.
   *  @returns the session; undefined when the caller has left */
  begin(server: Http2Server): ServerHttp2Session | undefined {
    server.once('session', (session) => (this.#session = session));
    server.emit('connection', this.#metered);
    if (this.#session === undefined) this.socket.destroy();
    else if (!hasModernCipher(this.socket)) this.#end('ERR_HTTP2_CIPHER');
    return this.#session;
  }

  /** Number of open streams. */
  get streams(): number {
    return this.#streams.size;
  }

  /** Whether it has had all the requests that it may have. */
  get full(): boolean {
    return this.#requests >= this.#options.limits.requestsPerConnectionMax;
  }

  has(stream: ServerHttp2Stream): boolean {
    return this.#streams.has(stream);
  }

  /** Counts a stream until it closes.
   *  @param closed called then */
  open(stream: ServerHttp2Stream, closed: () => void): void {
    const { now } = this.#options;
    this.#streams.set(stream, { openedAt: now(), writtenAt: undefined });
    this.#requests += 1;
    stream.once('close', () => {
      this.#streams.delete(stream);
      if (this.#streams.size === 0) this.#idleSince = now();
      closed();
    });
    // Node reports the end of a stream when its body was read, and few routes read the body of a GET.
    if (stream.endAfterHeaders) stream.resume();
    // Drops the rest of a body when the answer is written: Node does not close a stream with unread data.
    else stream.once('finish', () => stream.resume());
    if (this.full) this.retire(noticeMs);
  }

  /** Asks the caller to send no more requests. Those that it sends within `noticeMs` milliseconds are served; then the
   *  connection ends with its last stream. */
  retire(noticeMs: number): void {
    if (this.#retired !== undefined) return;
    this.#retired = { at: this.#options.now(), noticeMs };
    this.#metered.sendFrame(notice);
    setTimeout(() => this.#session?.close(), noticeMs);
  }

  /** Ends what is late. */
  check(): void {
    const now = this.#options.now();
    const { headersTimeoutMs, keepAliveTimeoutMs, http2ConnectionAgeMs } = this.#options.limits;
    const { unfinishedSince } = this.#meter;
    if (unfinishedSince !== undefined && now - unfinishedSince > headersTimeoutMs) {
      this.#end('ERR_HTTP2_TIMEOUT');
      return;
    }
    const idleMs = this.#requests === 0 ? headersTimeoutMs : keepAliveTimeoutMs;
    const isIdle = this.#streams.size === 0 && !this.#metered.isBehind && now - this.#idleSince > idleMs;
    if (isIdle || now - this.#acceptedAt > http2ConnectionAgeMs) this.retire(noticeMs);
    this.#checkStreams(now);
  }

  #checkStreams(now: number): void {
    const { requestTimeoutMs, http2AnswerTimeoutMs, http2WaitingMax } = this.#options.limits;
    let waiting = 0;
    for (const [stream, times] of this.#streams) {
      const ended = hasEnded(stream);
      // The app has written its answer. What is left of a long download is less than the stream's buffer.
      if (ended && stream.writableEnded) times.writtenAt ??= now;
      const since = ended ? times.writtenAt : times.openedAt;
      if (since === undefined) continue;
      if (now - since > waitMs) waiting += 1;
      if (now - since > (ended ? http2AnswerTimeoutMs : requestTimeoutMs)) this.#cut(stream);
    }
    // Where bytes of the caller wait for the proxy, the bodies may be among them.
    if (waiting > http2WaitingMax && !this.#metered.isBehind) this.#end('ERR_HTTP2_TIMEOUT');
  }

  #cut(stream: ServerHttp2Stream): void {
    this.#options.refused('ERR_HTTP_TIMEOUT');
    // `close` would end an answer that has begun, with END_STREAM.
    if (stream.headersSent) stream.destroy(new Error('ERR_HTTP_TIMEOUT'));
    else stream.close(constants.NGHTTP2_CANCEL);
  }

  /** Ends the connection with all of its streams. */
  destroy(): void {
    this.#session?.destroy();
    this.socket.destroy();
  }

  /** Ends the connection for a fault of the caller. */
  #end(code: keyof typeof endCodes): void {
    this.#report(code);
    // Not now: this may be called while nghttp2 reads or writes.
    setImmediate(() => {
      const session = this.#session;
      if (session === undefined || session.destroyed) return;
      this.#metered.endWith(goaway(session.state.lastProcStreamID ?? 0, endCodes[code]));
      session.destroy(new Error(code), endCodes[code]);
    });
  }

  /** Reports the first fault, which ends the connection. */
  #report(code: keyof typeof endCodes): void {
    if (this.#faulty) return;
    this.#faulty = true;
    this.#options.ended(code);
  }
}

const endCodes: Readonly<Record<Exclude<Http2Code, 'ERR_HTTP2_STREAMS'>, number>> = {
  ERR_HTTP2_FRAMES: constants.NGHTTP2_ENHANCE_YOUR_CALM,
  ERR_HTTP2_HEADERS: constants.NGHTTP2_ENHANCE_YOUR_CALM,
  ERR_HTTP2_TIMEOUT: constants.NGHTTP2_ENHANCE_YOUR_CALM,
  ERR_HTTP2_CIPHER: constants.NGHTTP2_INADEQUATE_SECURITY,
  ERR_HTTP2_PROTOCOL: constants.NGHTTP2_PROTOCOL_ERROR,
};

/** Returns whether HTTP/2 permits the cipher suite (RFC 9113 §9.2.2): ephemeral keys and AEAD. */
function hasModernCipher(socket: TLSSocket): boolean {
  return (
    socket.getProtocol() === 'TLSv1.3' ||
    /^(?:ECDHE|DHE)-.*(?:GCM|CCM|CCM8|CHACHA20-POLY1305)/.test(socket.getCipher().name)
  );
}
