/** The gatekeeper's side of a session over the chat channel: a TCP socket with Noise frames, each of which holds one
 *  node of the binary protocol. What is read is delivered, and what is written is taken, in the XML form. */
import type { Socket } from 'node:net';
import { frameHeader, type FrameReader } from '../../chat/frames.ts';
import { refusal } from '../../minimisation/refuse.ts';
import type { Transport } from '../../noise/handshake-state.ts';
import { chatStanzas } from '../../stanza/chat-stanzas.ts';
import { StreamError } from '../../stanza/error.ts';
import { ns } from '../../stanza/namespaces.ts';
import { lengthOf, ownCopy, writeParts } from '../../stanza/own-bytes.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import type { OutputMemory } from '../../stream/output-memory.ts';
import { endGracefully, onPeerEnd } from '../../transport/close.ts';
import type { WriteStallWatch } from '../../transport/write-stall.ts';
import type { GatekeeperLeg, StanzaSink } from '../gatekeeper-leg.ts';
import type { LegEvents } from '../leg.ts';
import { BatchedReads, type ChunkTaker, type ReadBatch } from '../read-batch.ts';
import { channelError } from './channel-error.ts';
import type { ChatCodec } from './codec.ts';
import type { OpenChannel } from './login.ts';

/** Answers in the gatekeeper's place that may wait while the leg is held. */
export const waitingAnswersMax = 1_024;

export interface ChatLegOptions {
  readonly codec: ChatCodec;
  /** Memory for what is written to the socket. */
  readonly output: OutputMemory;
  readonly writeStalls: WriteStallWatch;
  readonly reads: ReadBatch;
  /** Called with the `stream:error` by which the gatekeeper ends the connection. */
  readonly dismissed: (error: Stanza) => void;
}

export class ChatLeg implements GatekeeperLeg, ChunkTaker {
  readonly protocol = chatStanzas;
  readonly #socket: Socket;
  readonly #frames: FrameReader;
  readonly #transport: Transport;
  readonly #options: ChatLegOptions;
  readonly #events: LegEvents;
  readonly #reads: BatchedReads;
  #sink: StanzaSink = silent;
  /** Elements in the XML form to deliver before what is read. */
  #waiting: Uint8Array[];
  /** Answers in the gatekeeper's place, to deliver after them. */
  #answers: Uint8Array[] = [];
  /** Bytes read and not yet split into frames. */
  #unread: Uint8Array | undefined;
  /** Parts of frames to write. */
  #pieces: Uint8Array[] = [];
  #holds = 1;
  #pauses = 0;
  /** Whether what is read is discarded. */
  #deaf = false;

  /** Takes over a channel, and holds what it reads until `release` is called. */
  constructor(channel: OpenChannel, options: ChatLegOptions, events: LegEvents) {
    const { socket, frames, transport, unread, waiting } = channel;
    this.#socket = socket;
    this.#frames = frames;
    this.#transport = transport;
    this.#options = options;
    this.#events = events;
    this.#waiting = [...waiting];
    this.#unread = unread.length === 0 ? undefined : unread;
    this.#reads = new BatchedReads(options.reads, this);
    onPeerEnd(socket, () => {
      this.#reads.settle();
      if (!this.#deaf) events.lost('gatekeeper');
    });
    options.writeStalls.watch(socket, () => events.stalled());
  }

  // ---- reading ------------------------------------------------------------------------------------------------------

  /** Starts to read. */
  start(): void {
    this.#socket.on('data', (chunk: Uint8Array) => {
      this.#reads.settle();
      if (this.#deaf) return;
      this.#events.bytesRead('to-client', chunk.length);
      this.#reads.add(chunk);
    });
    this.#socket.resume();
  }

  batch(): void {
    this.#reads.begin();
  }

  receive(sink: StanzaSink): void {
    this.#sink = sink;
  }

  hold(): void {
    this.#holds += 1;
  }

  release(): void {
    this.#holds -= 1;
    if (this.#holds > 0) return;
    this.#deliverWaiting();
    const unread = this.#unread;
    this.#unread = undefined;
    if (unread !== undefined && this.take(unread)) this.finish();
    // The other side may have stopped draining meanwhile.
    if (this.#pauses === 0) this.#socket.resume();
  }

  get #stops(): boolean {
    return this.#holds > 0 || this.#deaf;
  }

  /** Delivers what a chunk completes, or keeps it while the leg is held. */
  take(chunk: Uint8Array): boolean {
    if (this.#holds > 0) {
      this.#keep(chunk);
      return false;
    }
    return this.#attempt(() => {
      const taken = this.#frames.push(chunk, (frame) => {
        this.#deliver(this.#options.codec.decode(this.#transport.receiving.open(frame)));
        if (this.#stops) this.#frames.halt();
      });
      if (taken < chunk.length && !this.#deaf) this.#keep(chunk.subarray(taken));
    });
  }

  /** Reports that what was taken is handled, which flushes. */
  finish(): void {
    this.#events.handled();
  }

  #deliverWaiting(): void {
    if (this.#waiting.length + this.#answers.length === 0) return;
    const delivered = this.#attempt(() => {
      while (!this.#stops) {
        const next = this.#waiting.shift() ?? this.#answers.shift();
        if (next === undefined) return;
        this.#deliver(next);
      }
    });
    if (delivered) this.finish();
  }

  /** Runs a step of reading, and reports its failure. @returns whether it was run without one */
  #attempt(step: () => void): boolean {
    if (this.#deaf) return false;
    try {
      step();
      return true;
    } catch (error) {
      this.#events.refused(channelError(error), 'gatekeeper');
      return false;
    }
  }

  #deliver(xml: Uint8Array): void {
    this.#options.codec.read(xml, (stanza) => {
      if (stanza.kind !== 'nonza') this.#sink.stanza(stanza);
      else if (stanza.is(0, ns.chat, 'xmlstreamend')) this.#sink.end();
      else if (isStreamError(stanza)) this.#options.dismissed(stanza);
      else this.#sink.stanza(stanza);
    });
  }

  #keep(chunk: Uint8Array): void {
    this.#unread = this.#unread === undefined ? chunk : ownCopy(this.#unread, chunk);
    if (this.#unread.length > this.#frames.bytesMax) this.#socket.pause();
  }

  // ---- writing ------------------------------------------------------------------------------------------------------

  /** Does nothing: the channel has no stream header. */
  open(): void {}

  /** Does nothing: the client's white space does not become a ping of its own. */
  keepAlive(): void {}

  /** Queues the frames of a stanza. One without a form in the binary protocol is answered with an error in the
   *  gatekeeper's place.
   *  @throws StreamError ERR_CHANNEL_STANZA where it cannot be answered, ERR_CHANNEL_EXHAUSTED */
  write(bytes: Uint8Array, start = 0, end = bytes.length): void {
    if (this.#deaf) return;
    try {
      this.#options.codec.encode(
        bytes,
        { start, end },
        (frame) => this.#seal(frame),
        (stanza) => this.#refuse(stanza),
      );
    } catch (error) {
      throw channelError(error);
    }
  }

  #seal(frame: Uint8Array): void {
    const { ciphertext, tag } = this.#transport.sending.seal(frame);
    this.#pieces.push(frameHeader(ciphertext.length + tag.length), ciphertext, tag);
  }

  /** Answers a stanza of the client. The answer passes the stages as one of the gatekeeper's does, after the step in
   *  progress.
   *  @throws StreamError ERR_CHANNEL_STANZA for one that cannot be answered, and when too many answers wait */
  #refuse(stanza: Stanza): void {
    const answer = refusal(stanza, 'to-gatekeeper', 'not-acceptable');
    if (answer === undefined || this.#answers.length >= waitingAnswersMax)
      throw new StreamError('policy-violation', { code: 'ERR_CHANNEL_STANZA' });
    this.#answers.push(answer);
    queueMicrotask(() => this.#deliverWaiting());
  }

  flush(): boolean {
    const pieces = this.#pieces;
    if (pieces.length === 0) return !this.#socket.writableNeedDrain;
    this.#pieces = [];
    if (!this.#socket.writable) return true;
    return this.#socket.write(writeParts(this.#options.output.take(lengthOf(pieces)), pieces));
  }

  /** Flushes. The protocol has no closing words of a client. */
  close(): void {
    this.flush();
  }

  end(closeGraceMs: number): Promise<unknown> {
    this.#deaf = true;
    this.#pieces = [];
    this.#waiting = [];
    this.#answers = [];
    this.#unread = undefined;
    this.#options.codec.forget();
    return endGracefully(this.#socket, { closeGraceMs });
  }

  // ---- flow control -------------------------------------------------------------------------------------------------

  pause(): void {
    this.#pauses += 1;
    this.#socket.pause();
  }

  resume(): void {
    this.#pauses -= 1;
    if (this.#pauses === 0) this.#socket.resume();
  }

  onceDrained(task: () => void): void {
    this.#socket.once('drain', task);
  }
}

function isStreamError(stanza: Stanza): boolean {
  return stanza.is(0, ns.chatMarks, 'node') && stanza.attributeValue(0, 'tag') === 'stream:error';
}

const silent: StanzaSink = { stanza: () => {}, whitespace: () => {}, end: () => {} };
