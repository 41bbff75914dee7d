/** A connection of the HTTP plane, read in slices: each is passed on when the plane's share of the event loop permits. Meanwhile
 *  nothing more is read from the connection. What is written passes at once. */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { LoopShare } from './loop-share.ts';

/** Bytes that may wait in either direction. */
const waitingBytesMax = 65_536;
/** Bytes of one slice: chunks of a body with one byte each cost the most per byte. */
const sliceBytesMax = 2_048;

type Done = (error?: Error | null) => void;

export class PacedSocket extends Duplex {
  /** The connection itself. */
  readonly connection: Socket;
  /** Whether TLS is up, as of Node's sockets: it makes the scheme of a request `https`. */
  readonly encrypted: boolean;
  readonly #share: Pick<LoopShare, 'run'>;
  /** Bytes that were read and not passed on. */
  #unread: Buffer | undefined;
  /** Whether the reader wants more, and a slice for it is due. */
  #wanted = false;
  #due = false;
  /** Whether the other side has sent everything. */
  #isOver = false;
  #released = false;

  /** @param connection nothing was read from it */
  constructor(connection: Socket, share: Pick<LoopShare, 'run'>) {
    super({ allowHalfOpen: true, highWaterMark: waitingBytesMax });
    this.connection = connection;
    this.encrypted = 'encrypted' in connection;
    this.#share = share;
    connection.on('data', this.#received).on('end', this.#ended).on('timeout', this.#timedOut);
    connection.on('error', this.#closed).on('close', this.#closed);
    connection.pause();
  }

  /** Whether bytes that were read wait for their turn. */
  get isBehind(): boolean {
    return this.#unread !== undefined;
  }

  /** Returns how many of the bytes make the next slice, at least one. */
  protected cut(bytes: Buffer): number {
    return bytes.length;
  }

  /** Writes bytes to the connection. */
  protected send(bytes: Buffer, done?: Done): void {
    this.connection.write(bytes, done);
  }

  /** Called when the other side has sent everything, and all of it was passed on. */
  protected finishReading(): void {
    this.push(null);
  }

  /** Gives the connection away: nothing is read from it or written to it here any more.
   *  @returns bytes that were read and not passed on */
  release(): Buffer {
    this.#released = true;
    const { connection } = this;
    connection.setTimeout(0);
    connection.off('data', this.#received).off('end', this.#ended).off('timeout', this.#timedOut);
    connection.off('error', this.#closed).off('close', this.#closed);
    const passed: Buffer[] = [];
    for (let piece; (piece = this.read() as Buffer | null) !== null;) passed.push(piece);
    return Buffer.concat([...passed, ...(this.#unread === undefined ? [] : [this.#unread])]);
  }

  /** As of Node's sockets, for timeouts between requests. */
  setTimeout(milliseconds: number): this {
    if (!this.#released) this.connection.setTimeout(milliseconds);
    return this;
  }

  /** As of Node's sockets: closes the connection when all was written. */
  destroySoon(): void {
    if (this.writableFinished) this.destroy();
    else this.end(() => this.destroy());
  }

  override _read(): void {
    this.#wanted = true;
    if (this.#unread === undefined) this.connection.resume();
    else this.#schedule();
  }

  override _write(bytes: Buffer, _: BufferEncoding, done: Done): void {
    this.send(bytes, done);
  }

  override _writev(pieces: { readonly chunk: Buffer }[], done: Done): void {
    this.connection.cork();
    const last = pieces.length - 1;
    for (const [at, { chunk }] of pieces.entries()) this.send(chunk, at === last ? done : undefined);
    this.connection.uncork();
  }

  override _final(done: Done): void {
    this.connection.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#released) this.closeConnection();
    done(error);
  }

  /** Closes the connection when this is destroyed. */
  protected closeConnection(): void {
    this.connection.destroy();
  }

  /** Whether bytes are passed on that have just arrived; otherwise they are discarded. */
  protected readonly takes: (bytes: Buffer) => boolean = () => true;

  readonly #received = (bytes: Buffer): void => {
    if (!this.takes(bytes)) {
      this.#discard();
      return;
    }
    this.connection.pause();
    this.#unread = this.#unread === undefined ? bytes : Buffer.concat([this.#unread, bytes]);
    this.#schedule();
  };

  readonly #ended = (): void => {
    this.#isOver = true;
    if (this.#unread === undefined) this.finishReading();
  };

  readonly #closed = (): void => void this.destroy();
  readonly #timedOut = (): void => void this.emit('timeout');

  /** Passes nothing on any more, and reads on so that the other side receives why. */
  #discard(): void {
    this.#unread = undefined;
    this.connection.off('data', this.#received).resume();
  }

  #schedule(): void {
    if (!this.#wanted || this.#due) return;
    this.#due = true;
    this.#share.run(this.#passNext);
  }

  readonly #passNext = (): void => {
    this.#due = false;
    const bytes = this.#unread;
    if (bytes === undefined || this.destroyed || this.#released) return;
    const end = this.cut(bytes.subarray(0, sliceBytesMax));
    this.#unread = end < bytes.length ? bytes.subarray(end) : undefined;
    // Set before: passing a slice on may ask for the next.
    this.#wanted = false;
    this.push(bytes.subarray(0, end));
    if (this.#isOver && this.#unread === undefined) this.finishReading();
  };
}

/** The end of the headers of a request of HTTP/1.1 (RFC 9112 §2.1). */
const headersEnd = Buffer.from('\r\n\r\n');

/** A connection of HTTP/1.1. A slice has one request at most: one more where the end of the headers is split. */
export class Http1Socket extends PacedSocket {
  protected override cut(bytes: Buffer): number {
    const at = bytes.indexOf(headersEnd);
    return at === -1 ? bytes.length : at + headersEnd.length;
  }
}
