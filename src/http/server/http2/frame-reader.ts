/** Finds the frames in one direction of an HTTP/2 connection (RFC 9113 §4.1). Reads heads and first bytes only; payloads
 *  are neither copied nor decoded. Pure: no sockets, no clock. */

/** Types of frames (RFC 9113 §6). */
export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Flags of frames, where they have them. */
export const frameFlag = { endStream: 0x1, endHeaders: 0x4 } as const;

/** A frame, as far as it is read. The object is used again for the next frame. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  /** Bytes of the payload. */
  readonly length: number;
  /** The error code of RST_STREAM and GOAWAY; 0 for others (§7). */
  readonly errorCode: number;
}

/** Bytes of the preface that a client sends before its first frame (§3.4). */
export const prefaceBytes = 24;

/** Frames after which `read` stops. */
const workMax = 16;

const headBytes = 9;
/** Payload bytes up to the end of the error code of GOAWAY. */
const codeBytes = 8;

export class FrameReader {
  readonly #found: (frame: Frame) => void;
  readonly #head = Buffer.alloc(headBytes + codeBytes);
  readonly #frame = { type: 0, flags: 0, length: 0, errorCode: 0 };
  /** Bytes that are in `head`, and that it needs. */
  #filled = 0;
  #needed = headBytes;
  /** Bytes to pass over. */
  #skip: number;
  /** What was found since the last stop, in frames. One with fields may be a request, and is as much as a turn takes. */
  #work = 0;

  /** @param skip bytes before the first frame
   *  @param found called for each frame: for RST_STREAM and GOAWAY when the error code was read, otherwise at the end of
   *  the head */
  constructor(skip: number, found: (frame: Frame) => void) {
    this.#skip = skip;
    this.#found = found;
  }

  /** Whether the last byte read was the end of a frame. */
  get atBoundary(): boolean {
    return this.#skip === 0 && this.#filled === 0;
  }

  /** Reads the next bytes. */
  readAll(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at += this.read(bytes.subarray(at));
  }

  /** Reads the next bytes, up to the end of a frame where enough was found for one turn of the event loop.
   *  @returns how many were read */
  read(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length) {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, bytes.length - at);
        this.#skip -= passed;
        at += passed;
      } else {
        this.#head[this.#filled] = bytes[at]!;
        this.#filled += 1;
        at += 1;
        if (this.#filled === this.#needed) this.#complete();
      }
      if (this.#work < workMax || !this.atBoundary) continue;
      this.#work = 0;
      break;
    }
    return at;
  }

  #complete(): void {
    const head = this.#head;
    const frame = this.#frame;
    if (this.#filled === headBytes) {
      frame.length = head.readUIntBE(0, 3);
      frame.type = head[3]!;
      frame.flags = head[4]!;
      frame.errorCode = 0;
      const codeEnd = endOfCode(frame.type);
      if (codeEnd > 0 && frame.length >= codeEnd) {
        this.#needed = headBytes + codeEnd;
        return;
      }
    } else {
      frame.errorCode = head.readUInt32BE(this.#needed - 4);
    }
    this.#skip = frame.length - (this.#filled - headBytes);
    this.#filled = 0;
    this.#needed = headBytes;
    this.#work += hasFields(frame.type) ? workMax : 1;
    this.#found(frame);
  }
}

function hasFields(type: number): boolean {
  return type === frameType.headers || type === frameType.continuation;
}

/** Returns the payload bytes up to the end of the error code, 0 for a frame without one. */
function endOfCode(type: number): number {
  if (type === frameType.rstStream) return 4;
  return type === frameType.goaway ? codeBytes : 0;
}
