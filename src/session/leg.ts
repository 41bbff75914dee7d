/** A connection of a session that speaks XMPP streams (RFC 6120 §4), and the one over TCP: socket, scanner, writer, flow
 *  control. The one over WebSocket is websocket-leg.ts. */
import type { Socket } from 'node:net';
import type { Direction } from '../stanza/direction.ts';
import { StreamError, type StreamCondition } from '../stanza/error.ts';
import type { Names } from '../stanza/names.ts';
import { ownCopy } from '../stanza/own-bytes.ts';
import { xmppStanzas, type StanzaProtocol } from '../stanza/protocol.ts';
import type { StreamHeader } from '../stream/header.ts';
import type { StreamLimits } from '../stream/limits.ts';
import { Scanner } from '../stream/scanner.ts';
import type { Workspace } from '../stream/workspace.ts';
import { writeClose, writeError, writeHeader } from '../stream/write.ts';
import { endGracefully, onPeerEnd } from '../transport/close.ts';
import type { WriteStallWatch } from '../transport/write-stall.ts';
import type { FlowControlled, GatekeeperLeg, StanzaSink } from './gatekeeper-leg.ts';
import { BatchedReads, type ChunkTaker, type ReadBatch } from './read-batch.ts';
import { StreamWriter } from './stream-writer.ts';

export type Side = 'client' | 'gatekeeper';

/** Receives what is read on a leg. Without `header`, a stream header is refused. */
export interface LegSink extends StanzaSink {
  readonly header?: (header: StreamHeader) => void;
}

/** Receives the events of a leg other than what is read. */
export interface LegEvents {
  bytesRead(direction: Direction, count: number): void;
  /** All of a chunk was handled by the sink. */
  handled(): void;
  /** The scanner or the sink has thrown `error`. */
  refused(error: unknown, side: Side): void;
  /** The connection ended without a closing tag. */
  lost(side: Side): void;
  /** The peer did not drain its connection, which is destroyed after this call. */
  stalled(): void;
}

export interface LegOptions {
  readonly names: Names;
  readonly workspace: Workspace;
  readonly limits: StreamLimits;
  readonly writeStalls: WriteStallWatch;
  readonly reads: ReadBatch;
}

/** One connection that speaks XMPP streams, to a client or to a gatekeeper. */
export interface XmppLeg extends GatekeeperLeg {
  /** The connection with TLS, below any framing. */
  readonly socket: Socket;
  /** Whether a stream header has been written. */
  readonly isOpen: boolean;
  /** Whether no stanza is half read and no byte waits. */
  readonly atBoundary: boolean;
  set limits(limits: StreamLimits);
  /** The protocol of the stanzas: of those read from the next stream header on, and of the header that is written. */
  protocol: StanzaProtocol;
  /** Sets the receiver of what is read. */
  receive(sink: LegSink): void;
  /** Starts to read. */
  start(): void;
  /** Makes what follows begin a new stream (RFC 6120 §4.3.3). Called between stanzas. */
  restart(): void;
  /** Runs `task` when the current chunk is scanned and its output flushed. Called inside a sink call. */
  afterChunk(task: () => void): void;
  /** Calls `task` after `idleMs` milliseconds without traffic in either direction. */
  onIdle(idleMs: number, task: () => void): void;
  /** Closes the stream, with an error when `condition` is given.
   *  @param text in English, for a person */
  close(condition?: StreamCondition, text?: string): void;
}

const whitespace = Buffer.from(' ');

export class TcpLeg implements XmppLeg, ChunkTaker {
  readonly side: Side;
  readonly socket: Socket;
  readonly #direction: Direction;
  readonly #scanner: Scanner;
  readonly #writer: StreamWriter;
  readonly #events: LegEvents;
  readonly #reads: BatchedReads;
  /** Bytes read and not yet scanned. */
  #unread: Uint8Array | undefined;
  #keepAlive: StanzaSink['whitespace'] = () => {};
  // Fields of the current chunk.
  #hasElement = false;
  #whitespaceBytes = 0;
  /** Number of calls of `hold`, less those of `release`. */
  #holds = 0;
  #pauses = 0;
  #protocol: StanzaProtocol = xmppStanzas;
  /** Runs when the current chunk has been scanned. */
  #afterwards: (() => void) | undefined;
  /** Whether what is read is discarded. */
  #deaf = false;
  readonly #onData = (chunk: Uint8Array): void => {
    this.#reads.settle();
    if (this.#deaf) return;
    this.#events.bytesRead(this.#direction, chunk.length);
    this.#reads.add(chunk);
  };

  constructor(
    side: Side,
    socket: Socket,
    { names, workspace, limits, writeStalls, reads }: LegOptions,
    events: LegEvents,
  ) {
    this.side = side;
    this.socket = socket;
    this.#events = events;
    this.#direction = side === 'client' ? 'to-gatekeeper' : 'to-client';
    this.#scanner = new Scanner({ names, workspace, limits, sink: silent });
    this.#writer = new StreamWriter(socket, workspace.output);
    this.#reads = new BatchedReads(reads, this);
    onPeerEnd(socket, () => {
      this.#reads.settle();
      if (!this.#deaf) events.lost(side);
    });
    writeStalls.watch(socket, () => events.stalled());
  }

  // ---- reading ------------------------------------------------------------------------------------------------------

  /** Sets the receiver of what is read. White space counts as a keep-alive only where a chunk has nothing else: some
   *  libraries end each element with a line feed, which would identify them. */
  receive({ header = refuseHeader, stanza, whitespace: keepAlive, end }: LegSink): void {
    this.#scanner.sink = {
      header,
      stanza: (element) => {
        this.#hasElement = true;
        stanza(element);
      },
      whitespace: (length) => {
        this.#whitespaceBytes += length;
      },
      end,
    };
    this.#keepAlive = keepAlive;
  }

  /** Starts to read. */
  start(): void {
    this.socket.on('data', this.#onData);
  }

  batch(): void {
    this.#reads.begin();
  }

  set limits(limits: StreamLimits) {
    this.#scanner.limits = limits;
  }

  get protocol(): StanzaProtocol {
    return this.#protocol;
  }

  set protocol(protocol: StanzaProtocol) {
    this.#protocol = protocol;
    this.#scanner.protocol = protocol;
  }

  /** Whether no stanza is half read and no byte waits. */
  get atBoundary(): boolean {
    return this.#scanner.atBoundary && this.#unread === undefined;
  }

  /** Makes the next byte begin a new stream (RFC 6120 §4.3.3). Called between stanzas. */
  restart(): void {
    this.#scanner.restart();
  }

  /** Keeps what is read unscanned until `release` was called as often. Reading goes on up to the size of a stanza, so
   *  that the end of the connection is seen. Inside a sink call the scanner stops after the current element. */
  hold(): void {
    this.#holds += 1;
    this.#scanner.halt();
  }

  /** Scans what was kept. Must not be called inside a sink call of any leg: scanners share their workspace. */
  release(): void {
    this.#holds -= 1;
    if (this.#holds > 0) return;
    const unread = this.#unread;
    this.#unread = undefined;
    if (unread !== undefined && this.take(unread)) this.finish();
    // The other side may have stopped draining meanwhile.
    if (this.#pauses === 0) this.socket.resume();
  }

  /** Runs `task` when the current chunk is scanned and its output flushed. Called inside a sink call. */
  afterChunk(task: () => void): void {
    this.#afterwards = task;
  }

  /** Scans a chunk, or keeps it while the leg is held. */
  take(chunk: Uint8Array): boolean {
    if (this.#deaf) return false;
    if (this.#holds > 0) {
      this.#keep(chunk);
      return false;
    }
    try {
      this.#hasElement = false;
      this.#whitespaceBytes = 0;
      const taken = this.#scanner.push(chunk);
      if (this.#whitespaceBytes > 0 && !this.#hasElement) this.#keepAlive(this.#whitespaceBytes);
      if (taken < chunk.length && !this.#deaf) this.#keep(chunk.subarray(taken));
      return true;
    } catch (error) {
      this.#events.refused(error, this.side);
      return false;
    }
  }

  /** Reports that what was taken is handled, which flushes. */
  finish(): void {
    try {
      this.#events.handled();
      if (this.#afterwards !== undefined) this.#runAfterwards();
    } catch (error) {
      this.#events.refused(error, this.side);
    }
  }

  #runAfterwards(): void {
    const task = this.#afterwards;
    this.#afterwards = undefined;
    task?.();
  }

  #keep(chunk: Uint8Array): void {
    this.#unread = this.#unread === undefined ? chunk : ownCopy(this.#unread, chunk);
    if (this.#unread.length > this.#scanner.limits.stanzaBytesMax) this.socket.pause();
  }

  /** Flushes, stops reading for good, and leaves the socket to the caller.
   *  @returns bytes that were read and not scanned */
  detach(): Uint8Array {
    this.socket.off('data', this.#onData).pause();
    this.#deaf = true;
    return this.#unread ?? nothing;
  }

  /** Calls `task` after `idleMs` milliseconds without a byte in either direction. */
  onIdle(idleMs: number, task: () => void): void {
    this.socket.setTimeout(idleMs, task);
  }

  // ---- writing ------------------------------------------------------------------------------------------------------

  /** Whether a stream header has been written. */
  get isOpen(): boolean {
    return this.#writer.open;
  }

  open(attributes: ReadonlyMap<string, string>): void {
    this.#writer.write(writeHeader(attributes, this.#protocol));
    this.#writer.open = true;
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.#writer.write(bytes, start, end);
  }

  keepAlive(): void {
    this.#writer.write(whitespace);
  }

  flush(): boolean {
    return this.#writer.flush();
  }

  /** Closes the stream, with an error when `condition` is given.
   *  @param text in English, for a person */
  close(condition?: StreamCondition, text?: string): void {
    if (!this.isOpen || !this.socket.writable) return;
    this.#writer.write(condition === undefined ? writeClose() : writeError(condition, text));
    this.#writer.flush();
  }

  end(closeGraceMs: number): Promise<unknown> {
    this.#deaf = true;
    this.#unread = undefined;
    // The rest of a chunk that is being scanned is not delivered.
    this.#scanner.halt();
    const ended = endGracefully(this.socket, { closeGraceMs });
    this.#writer.close();
    return ended;
  }

  // ---- flow control -------------------------------------------------------------------------------------------------

  pause(): void {
    this.#pauses += 1;
    this.socket.pause();
  }

  resume(): void {
    this.#pauses -= 1;
    if (this.#pauses === 0) this.socket.resume();
  }

  onceDrained(task: () => void): void {
    this.socket.once('drain', task);
  }
}

/** Flushes two legs. A peer that does not drain is paused, and so is the peer that produced the data. */
export class Backpressure {
  readonly #client: FlowControlled;
  readonly #gatekeeper: FlowControlled;
  /** Legs with output that their peer has not taken yet. */
  #draining: ReadonlySet<FlowControlled> = none;

  constructor(client: FlowControlled, gatekeeper: FlowControlled) {
    this.#client = client;
    this.#gatekeeper = gatekeeper;
  }

  flush(): void {
    this.#flush(this.#client, this.#gatekeeper);
    this.#flush(this.#gatekeeper, this.#client);
  }

  #flush(to: FlowControlled, from: FlowControlled): void {
    if (to.flush() || this.#draining.has(to)) return;
    this.#draining = new Set([...this.#draining, to]);
    from.pause();
    to.pause();
    to.onceDrained(() => {
      this.#draining = new Set([...this.#draining].filter((leg) => leg !== to));
      from.resume();
      to.resume();
    });
  }
}

const nothing = new Uint8Array(0);
const none: ReadonlySet<FlowControlled> = new Set();

const silent = { header: refuseHeader, stanza: () => {}, whitespace: () => {}, end: () => {} };

function refuseHeader(): void {
  throw new StreamError('bad-format', { code: 'ERR_STREAM_HEADER' });
}
