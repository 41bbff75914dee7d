/** Counts the frames of one HTTP/2 connection against its limits, before the protocol is spoken: a flood of frames that
 *  cost their sender nothing ends here (RFC 9113 §10.5). Pure: no sockets; the clock is passed in. */
import { frameFlag, FrameReader, frameType, prefaceBytes, type Frame } from './frame-reader.ts';
import type { Http2Limits } from './limits.ts';

/** Which limit was exceeded: of frames of one kind, or of a header block. */
export type FrameRefusal = 'ERR_HTTP2_FRAMES' | 'ERR_HTTP2_HEADERS';

export interface FrameMeterOptions {
  readonly limits: Http2Limits & { readonly headerBytesMax: number };
  /** Returns monotonic milliseconds. */
  readonly now: () => number;
  /** Called once, for the first frame that is over a limit. */
  readonly exceeded: (code: FrameRefusal) => void;
  /** Called for each RST_STREAM and GOAWAY that is sent with an error code other than 0 (RFC 9113 §7). */
  readonly sentError: (frame: 'stream' | 'connection', errorCode: number) => void;
}

/** Bytes sent that permit one more WINDOW_UPDATE: clients send two per frame of 16 KiB at most, small ones for less. */
const bytesPerWindowUpdate = 512;
const minuteMs = 60_000;

/** Error codes of streams that are reset for a fault of the caller (RFC 9113 §7): PROTOCOL_ERROR, FLOW_CONTROL_ERROR,
 *  STREAM_CLOSED, FRAME_SIZE_ERROR, ENHANCE_YOUR_CALM. */
const faults: ReadonlySet<number> = new Set([1, 3, 5, 6, 11]);

export class FrameMeter {
  readonly #limits: FrameMeterOptions['limits'];
  readonly #options: FrameMeterOptions;
  readonly #received: FrameReader;
  readonly #sent: FrameReader;
  readonly #resets: Allowance;
  readonly #settings: Allowance;
  readonly #pings: Allowance;
  readonly #windowUpdates: Allowance;
  readonly #idle: Allowance;
  /** The header block that has begun and not ended. */
  #block: { bytes: number; continuations: number; readonly since: number } | undefined;
  /** Monotonic milliseconds at which the frame began whose end has not arrived. */
  #frameSince: number | undefined;
  #frames = 0;
  #over = false;

  constructor(options: FrameMeterOptions) {
    const { limits, now } = options;
    this.#limits = limits;
    this.#options = options;
    this.#received = new FrameReader(prefaceBytes, (frame) => this.#count(frame));
    this.#sent = new FrameReader(0, (frame) => this.#countSent(frame));
    const at = now();
    this.#resets = new Allowance(limits.http2ResetsPerMinuteMax, at);
    this.#settings = new Allowance(limits.http2SettingsPerMinuteMax, at);
    this.#pings = new Allowance(limits.http2PingsPerMinuteMax, at);
    this.#windowUpdates = new Allowance(limits.http2WindowUpdatesPerMinuteMax, at);
    this.#idle = new Allowance(limits.http2IdleFramesPerMinuteMax, at);
  }

  /** Frames received. */
  get frames(): number {
    return this.#frames;
  }

  /** Whether a limit was exceeded; then nothing received may be used. */
  get over(): boolean {
    return this.#over;
  }

  /** Monotonic milliseconds at which the frame or header block began whose end has not arrived; undefined without
   *  one. */
  get unfinishedSince(): number | undefined {
    return this.#block?.since ?? this.#frameSince;
  }

  /** Whether the last byte sent was the end of a frame. */
  get sentBoundary(): boolean {
    return this.#sent.atBoundary;
  }

  /** Counts received bytes. */
  received(bytes: Uint8Array): void {
    const before = this.#frames;
    this.#received.readAll(bytes);
    if (this.#received.atBoundary) this.#frameSince = undefined;
    else if (this.#frameSince === undefined || this.#frames > before) this.#frameSince = this.#options.now();
  }

  /** Counts bytes that are sent. */
  sent(bytes: Uint8Array): void {
    this.#windowUpdates.earn(bytes.length / bytesPerWindowUpdate);
    this.#sent.readAll(bytes);
  }

  #count({ type, flags, length }: Frame): void {
    if (this.#over) return;
    this.#frames += 1;
    switch (type) {
      case frameType.data:
        if (length === 0 && (flags & frameFlag.endStream) === 0) this.#take(this.#idle);
        break;
      case frameType.headers:
        this.#block = { bytes: length, continuations: 0, since: this.#options.now() };
        this.#checkBlock(flags);
        break;
      case frameType.continuation:
        // One without a header block is an error of the connection, which nghttp2 answers.
        if (this.#block === undefined) break;
        this.#block.bytes += length;
        this.#block.continuations += 1;
        this.#checkBlock(flags);
        break;
      case frameType.rstStream:
        this.#take(this.#resets);
        break;
      case frameType.settings:
        this.#take(this.#settings);
        break;
      case frameType.ping:
        this.#take(this.#pings);
        break;
      case frameType.windowUpdate:
        this.#take(this.#windowUpdates);
        break;
      default:
        this.#take(this.#idle);
    }
  }

  #checkBlock(flags: number): void {
    const { bytes, continuations } = this.#block!;
    const { headerBytesMax, http2ContinuationsMax } = this.#limits;
    if (bytes > headerBytesMax || continuations > http2ContinuationsMax) this.#exceed('ERR_HTTP2_HEADERS');
    if ((flags & frameFlag.endHeaders) !== 0) this.#block = undefined;
  }

  #countSent({ type, errorCode }: Frame): void {
    if (errorCode === 0 || this.#over) return;
    this.#options.sentError(type === frameType.goaway ? 'connection' : 'stream', errorCode);
    // A caller that has its streams reset makes the same work as one that resets them.
    if (type === frameType.rstStream && faults.has(errorCode)) this.#take(this.#resets);
  }

  #take(allowance: Allowance): void {
    if (!allowance.take(this.#options.now())) this.#exceed('ERR_HTTP2_FRAMES');
  }

  #exceed(code: FrameRefusal): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.exceeded(code);
  }
}

/** So many per minute: what is left of the last minute may be used at once. */
class Allowance {
  readonly #perMinute: number;
  #left: number;
  #at: number;

  constructor(perMinute: number, at: number) {
    this.#perMinute = perMinute;
    this.#left = perMinute;
    this.#at = at;
  }

  /** Takes one; returns false when none is left. */
  take(now: number): boolean {
    this.earn(((now - this.#at) / minuteMs) * this.#perMinute);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  /** Adds to what is left, up to one minute's worth. */
  earn(more: number): void {
    this.#left = Math.min(this.#perMinute, this.#left + more);
  }
}
