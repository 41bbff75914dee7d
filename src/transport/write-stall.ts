/** Peers that take nothing. Backpressure bounds what a stalled reader costs in memory; this bounds for how long. */
import type { Socket } from 'node:net';

interface Watched {
  readonly stalled: () => void;
  /** Bytes the socket had passed to the kernel at the last look. */
  drained: number;
  /** When that was first seen, or nothing was pending, on the monotonic clock. */
  since: number;
}

/** Options of the watch over all sockets of a process. */
export interface WriteStallOptions {
  /** For how long bytes may be pending without any of them being taken, in milliseconds. Noticed within a
   *  quarter more. */
  readonly writeStallMs: number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

/** Looks at every socket a few times per stall time. One timer for all and nothing per write: a stall is rare, a
 *  write is not. Progress is counted in whole writes, so a single write of W bytes must be taken in `writeStallMs`. */
export class WriteStallWatch {
  readonly #watched = new Map<Socket, Watched>();
  readonly #writeStallMs: number;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;

  constructor({ writeStallMs, now = () => performance.now() }: WriteStallOptions) {
    this.#writeStallMs = writeStallMs;
    this.#now = now;
    this.#timer = setInterval(() => this.look(), Math.max(1, writeStallMs / 4)).unref();
  }

  /** Watches a socket until it closes. A stalled one is destroyed after `stalled` was called. */
  watch(socket: Socket, stalled: () => void): void {
    this.#watched.set(socket, { stalled, drained: drained(socket), since: this.#now() });
    socket.once('close', () => this.#watched.delete(socket));
  }

  /** Sockets under watch. */
  get size(): number {
    return this.#watched.size;
  }

  /** What the timer does. */
  look(): void {
    const now = this.#now();
    for (const [socket, watched] of this.#watched) {
      const progress = drained(socket);
      if (socket.writableLength === 0 || progress !== watched.drained) {
        watched.drained = progress;
        watched.since = now;
      } else if (now - watched.since >= this.#writeStallMs) {
        this.#watched.delete(socket);
        watched.stalled();
        socket.destroy();
      }
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#watched.clear();
  }
}

function drained(socket: Socket): number {
  return socket.bytesWritten - socket.writableLength;
}
