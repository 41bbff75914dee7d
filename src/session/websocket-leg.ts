/** One connection of a session that speaks XMPP over WebSocket (RFC 7395): a message per element, and no bytes between
 *  them. */
import type { Socket } from 'node:net';
import type { Direction } from '../stanza/direction.ts';
import { StreamError, type StreamCondition } from '../stanza/error.ts';
import { xmppStanzas } from '../stanza/protocol.ts';
import { FrameScanner } from '../stream/frame-scanner.ts';
import { frameOf, writeCloseFrame, writeErrorFrame, writeOpen } from '../stream/framing.ts';
import type { StreamLimits } from '../stream/limits.ts';
import type { OutputMemory } from '../stream/output-memory.ts';
import {
  closeCode,
  messageOverheadBytesMax,
  type CloseCode,
  type WebSocketConnection,
} from '../transport/websocket.ts';
import type { LegEvents, LegOptions, LegSink, Side, XmppLeg } from './leg.ts';
import type { Schedule } from './timers.ts';

export interface WebSocketLegOptions extends LegOptions {
  /** Returns monotonic milliseconds. */
  readonly now: () => number;
  readonly schedule: Schedule;
}

export class WebSocketLeg implements XmppLeg {
  readonly protocol = xmppStanzas;
  readonly side: Side;
  readonly #connection: WebSocketConnection;
  readonly #direction: Direction;
  readonly #scanner: FrameScanner;
  readonly #memory: OutputMemory;
  readonly #events: LegEvents;
  readonly #options: WebSocketLegOptions;
  #keepAlive: LegSink['whitespace'] = () => {};
  #isOpen = false;
  /** Frames to send with the next flush. */
  #queued: Uint8Array[] = [];
  #closed = false;
  #closeCode: CloseCode = closeCode.goingAway;
  /** Messages read and not yet scanned. */
  #unread: Buffer[] = [];
  #unreadBytes = 0;
  /** Bytes of the message that is not whole yet. What came in one read with the end of another is not counted. */
  #unfinishedBytes = 0;
  /** Bytes of pings and pongs since the last message. */
  #controlBytes = 0;
  /** Number of calls of `hold`, less those of `release`. */
  #holds = 0;
  #pauses = 0;
  /** Runs when all that was read at once is scanned. */
  #afterwards: (() => void) | undefined;
  /** Whether what is read is discarded. */
  #deaf = false;
  /** Time of the last message or ping in either direction, in monotonic milliseconds. */
  #activeAt = 0;
  #cancelIdle = (): void => {};

  constructor(side: Side, connection: WebSocketConnection, options: WebSocketLegOptions, events: LegEvents) {
    const { names, workspace, limits, writeStalls } = options;
    this.side = side;
    this.#connection = connection;
    this.#events = events;
    this.#options = options;
    this.#direction = side === 'client' ? 'to-gatekeeper' : 'to-client';
    this.#scanner = new FrameScanner({ names, workspace, limits, sink: silent });
    this.#memory = workspace.output;
    writeStalls.watch(connection.socket, () => events.stalled());
  }

  get socket(): Socket {
    return this.#connection.socket;
  }

  // ---- reading ------------------------------------------------------------------------------------------------------

  receive({ header = refuseHeader, stanza, whitespace: keepAlive, end }: LegSink): void {
    this.#scanner.sink = {
      header,
      stanza,
      end: (redirected) => {
        if (redirected && this.side === 'gatekeeper')
          throw new StreamError('remote-connection-failed', { code: 'ERR_GATEKEEPER_REDIRECT' });
        end();
      },
    };
    this.#keepAlive = keepAlive;
  }

  start(): void {
    this.#connection.listen({
      bytes: (count) => this.#countBytes(count),
      message: (data, isBinary) => this.#take(data, isBinary),
      control: (byteLength, isAnswer) => this.#takeControl(byteLength, isAnswer),
      read: () => this.#handled(),
      refused: (error) => this.#refuse(error),
      ended: () => {
        if (!this.#deaf) this.#events.lost(this.side);
      },
    });
  }

  /** Does nothing: a message is taken when it is whole. */
  batch(): void {}

  set limits(limits: StreamLimits) {
    this.#scanner.limits = limits;
  }

  get atBoundary(): boolean {
    return this.#unread.length === 0;
  }

  restart(): void {
    this.#scanner.restart();
  }

  hold(): void {
    this.#holds += 1;
  }

  release(): void {
    this.#holds -= 1;
    if (this.#holds > 0) return;
    const unread = this.#unread;
    this.#unread = [];
    this.#unreadBytes = 0;
    for (const message of unread) this.#take(message, false);
    if (unread.length > 0) this.#handled();
    // The other side may have stopped draining meanwhile.
    if (this.#holds === 0 && this.#pauses === 0) this.#connection.resume();
  }

  afterChunk(task: () => void): void {
    this.#afterwards = task;
  }

  /** Bounds what `ws` keeps of a message, which knows the largest limit only. */
  #countBytes(count: number): void {
    if (this.#deaf) return;
    const { stanzaBytesMax } = this.#scanner.limits;
    if (this.#unfinishedBytes > stanzaBytesMax + messageOverheadBytesMax)
      this.#refuse(new StreamError('policy-violation', { code: 'ERR_STANZA_TOO_LARGE', stanzaBytesMax }));
    this.#unfinishedBytes += count;
    this.#events.bytesRead(this.#direction, count);
  }

  #take(message: Buffer, isBinary: boolean): void {
    this.#unfinishedBytes = 0;
    this.#controlBytes = 0;
    if (this.#deaf) return;
    this.#activeAt = this.#options.now();
    if (this.#holds > 0 && !isBinary) {
      this.#keep(message);
      return;
    }
    try {
      if (isBinary) throw new StreamError('bad-format', { code: 'ERR_WEBSOCKET_MESSAGE' });
      this.#scanner.push(message);
    } catch (error) {
      this.#refuse(error);
    }
  }

  #keep(message: Buffer): void {
    this.#unread.push(message);
    this.#unreadBytes += message.length;
    if (this.#unreadBytes > this.#scanner.limits.stanzaBytesMax) this.#connection.pause();
  }

  /** Takes a ping as a keep-alive, as white space is one over TCP (RFC 7395 §3.8). */
  #takeControl(byteLength: number, isAnswer: boolean): void {
    this.#unfinishedBytes = Math.max(0, this.#unfinishedBytes - byteLength);
    if (this.#deaf || isAnswer) return;
    const { whitespaceBytesMax } = this.#scanner.limits;
    this.#controlBytes += byteLength;
    this.#activeAt = this.#options.now();
    try {
      if (this.#controlBytes > whitespaceBytesMax)
        throw new StreamError('policy-violation', { code: 'ERR_WEBSOCKET_PINGS', whitespaceBytesMax });
      if (this.#holds === 0) this.#keepAlive(byteLength);
    } catch (error) {
      this.#refuse(error);
    }
  }

  #handled(): void {
    if (this.#deaf) return;
    this.#events.handled();
    const task = this.#afterwards;
    this.#afterwards = undefined;
    if (task === undefined) return;
    try {
      task();
    } catch (error) {
      this.#refuse(error);
    }
  }

  #refuse(error: unknown): void {
    if (!this.#deaf) this.#events.refused(error, this.side);
  }

  onIdle(idleMs: number, task: () => void): void {
    const { schedule, now } = this.#options;
    const check = (): void => {
      const leftMs = this.#activeAt + idleMs - now();
      if (leftMs <= 0) task();
      else this.#cancelIdle = schedule(leftMs, check);
    };
    this.#activeAt = now();
    this.#cancelIdle = schedule(idleMs, check);
  }

  // ---- writing ------------------------------------------------------------------------------------------------------

  get isOpen(): boolean {
    return this.#isOpen;
  }

  open(attributes: ReadonlyMap<string, string>): void {
    this.#queued.push(writeOpen(attributes));
    this.#isOpen = true;
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.#queued.push(frameOf(bytes, start, end, this.#memory));
  }

  keepAlive(): void {
    this.#activeAt = this.#options.now();
    this.#connection.ping();
  }

  flush(): boolean {
    const queued = this.#queued;
    if (queued.length === 0 || this.#closed) return !this.socket.writableNeedDrain;
    this.#queued = [];
    this.#activeAt = this.#options.now();
    return this.#connection.send(queued);
  }

  close(condition?: StreamCondition, text?: string): void {
    if (!this.isOpen || !this.#connection.isOpen) return;
    if (condition !== undefined) this.#queued.push(writeErrorFrame(condition, text));
    this.#queued.push(writeCloseFrame());
    this.flush();
    this.#closeCode = closeCodes[condition ?? ''] ?? closeCode.normal;
  }

  end(closeGraceMs: number): Promise<void> {
    this.#deaf = true;
    this.#closed = true;
    this.#queued = [];
    this.#unread = [];
    this.#cancelIdle();
    return this.#connection.end(this.#closeCode, closeGraceMs);
  }

  // ---- flow control -------------------------------------------------------------------------------------------------

  pause(): void {
    this.#pauses += 1;
    this.#connection.pause();
  }

  resume(): void {
    this.#pauses -= 1;
    if (this.#pauses === 0) this.#connection.resume();
  }

  onceDrained(task: () => void): void {
    this.socket.once('drain', task);
  }
}

/** Codes with which a WebSocket is closed after a stream error; without one here it is `normal`, as after a stream. */
const closeCodes: Readonly<Record<string, CloseCode>> = {
  'system-shutdown': closeCode.goingAway,
  reset: closeCode.goingAway,
  'policy-violation': closeCode.policyViolation,
  'internal-server-error': closeCode.internalError,
};

const silent = { header: refuseHeader, stanza: () => {}, end: () => {} };

function refuseHeader(): void {
  throw new StreamError('bad-format', { code: 'ERR_STREAM_HEADER' });
}
