/** A TLS connection whose frames are counted in both directions on their way between Node's HTTP/2 and the socket. */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { FrameMeter } from './frame-meter.ts';

/** Bytes that may wait in either direction. */
const waitingBytesMax = 65_536;
/** Milliseconds for the last bytes to leave. */
const closeGraceMs = 1_000;

export class MeteredSocket extends Duplex {
  readonly #socket: Socket;
  readonly #meter: FrameMeter;
  /** Bytes of a frame of the proxy's own that wait for the end of the frame that is being sent. */
  #own: Buffer | undefined;
  /** Whether the last frame was sent. */
  #ending = false;

  /** @param socket nothing was read from it
   *  @param meter counts; what it receives after it is over a limit is discarded */
  constructor(socket: Socket, meter: FrameMeter) {
    super({ allowHalfOpen: true, highWaterMark: waitingBytesMax });
    this.#socket = socket;
    this.#meter = meter;
    socket.on('data', (bytes: Buffer) => this.#received(bytes));
    socket.on('end', () => this.push(null));
    socket.on('error', () => this.destroy());
    socket.on('close', () => this.destroy());
    socket.pause();
  }

  /** Sends a frame of the proxy's own, between two frames of Node's. */
  sendFrame(bytes: Buffer): void {
    if (this.destroyed || this.writableEnded) return;
    if (this.#meter.sentBoundary) this.#send(bytes);
    else this.#own = bytes;
  }

  /** Sends a last frame, where the frame before it is complete, and closes the socket. What Node still writes is
   *  discarded. */
  endWith(bytes: Buffer): void {
    if (this.destroyed || this.#ending) return;
    if (this.#meter.sentBoundary) this.#socket.write(bytes);
    this.#ending = true;
    this.#closeSoon();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(bytes: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send(bytes, done);
  }

  override _writev(pieces: { readonly chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#socket.cork();
    const last = pieces.length - 1;
    for (const [at, { chunk }] of pieces.entries()) this.#send(chunk, at === last ? done : undefined);
    this.#socket.uncork();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#ending) this.#socket.destroy();
    done(error);
  }

  /** Closes the socket when what was written has left, or after a second. */
  #closeSoon(): void {
    const timer = setTimeout(() => this.#socket.destroy(), closeGraceMs);
    this.#socket.once('close', () => clearTimeout(timer));
    this.#socket.destroySoon();
  }

  #received(bytes: Buffer): void {
    this.#meter.received(bytes);
    if (!this.#meter.over && !this.push(bytes)) this.#socket.pause();
  }

  #send(bytes: Buffer, done?: (error?: Error | null) => void): void {
    if (this.#ending) {
      done?.();
      return;
    }
    this.#meter.sent(bytes);
    this.#socket.write(bytes, done);
    const own = this.#own;
    if (own === undefined || !this.#meter.sentBoundary) return;
    this.#own = undefined;
    this.#send(own);
  }
}
