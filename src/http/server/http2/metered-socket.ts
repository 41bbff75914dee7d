/** A connection of HTTP/2 whose frames are counted in both directions on their way between Node's HTTP/2 and the socket. */
import type { Socket } from 'node:net';
import type { LoopShare } from '../loop-share.ts';
import { PacedSocket } from '../paced-socket.ts';
import type { FrameMeter } from './frame-meter.ts';
import { FrameReader, prefaceBytes } from './frame-reader.ts';

/** Milliseconds for the last bytes to leave. */
const closeGraceMs = 1_000;

export class MeteredSocket extends PacedSocket {
  readonly #meter: FrameMeter;
  /** Finds the ends of slices. */
  readonly #slices = new FrameReader(prefaceBytes, () => {});
  /** Bytes of a frame of the proxy's own that wait for the end of the frame that is being sent. */
  #own: Buffer | undefined;
  /** Whether the last frame was sent. */
  #ending = false;

  /** @param socket nothing was read from it
   *  @param meter counts; what it receives after it is over a limit is discarded */
  constructor(socket: Socket, share: LoopShare, meter: FrameMeter) {
    super(socket, share);
    this.#meter = meter;
  }

  /** Sends a frame of the proxy's own, between two frames of Node's. */
  sendFrame(bytes: Buffer): void {
    if (this.destroyed || this.writableEnded) return;
    if (this.#meter.sentBoundary) this.send(bytes);
    else this.#own = bytes;
  }

  /** Sends a last frame, where the frame before it is complete, and closes the socket. What Node still writes is
   *  discarded. */
  endWith(bytes: Buffer): void {
    if (this.destroyed || this.#ending) return;
    if (this.#meter.sentBoundary) this.connection.write(bytes);
    this.#ending = true;
    this.#closeSoon();
  }

  /** Counts frames when they arrive, so that a flood ends before the first of them costs more. */
  protected override readonly takes = (bytes: Buffer): boolean => {
    if (!this.#meter.over) this.#meter.received(bytes);
    return !this.#meter.over;
  };

  protected override cut(bytes: Buffer): number {
    return this.#slices.read(bytes);
  }

  /** Closes: after the end of what it reads, Node's session fails an assertion when it writes at the wrong moment, and a
   *  caller of HTTP/2 that has ended its side expects no answer. */
  protected override finishReading(): void {
    this.destroy();
  }

  protected override send(bytes: Buffer, done?: (error?: Error | null) => void): void {
    if (this.#ending) {
      done?.();
      return;
    }
    this.#meter.sent(bytes);
    super.send(bytes, done);
    const own = this.#own;
    if (own === undefined || !this.#meter.sentBoundary) return;
    this.#own = undefined;
    this.send(own);
  }

  protected override closeConnection(): void {
    if (!this.#ending) super.closeConnection();
  }

  /** Closes the socket when what was written has left, or after a second. */
  #closeSoon(): void {
    const timer = setTimeout(() => this.connection.destroy(), closeGraceMs);
    this.connection.once('close', () => clearTimeout(timer));
    this.connection.destroySoon();
  }
}
