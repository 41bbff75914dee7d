/** Ends connections whose peer drains nothing. Backpressure bounds the memory of a stalled peer; this bounds its
 *  time. */
import type { Socket } from 'node:net';

interface Watched {
  readonly stalled: () => void;
  /** Bytes that the socket had passed to the kernel at the last check. */
  drained: number;
  /** Monotonic milliseconds at which that number was first seen, or nothing was pending. */
  since: number;
}

/** Options of the watch over all sockets of a process. */
export interface WriteStallOptions {
  /** Milliseconds for which bytes may be pending without any being drained. Noticed within a quarter more. */
  readonly writeStallMs: number;
  /** Returns monotonic milliseconds. */
  readonly now?: () => number;
}

/** Checks every socket a few times per stall time, with one timer for all and no work per write: a stall is rare, a
 *  write is not. Progress counts whole writes, so a write of any size must be drained within `writeStallMs`. */
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

  /** Watches a socket until it closes. A stalled socket is destroyed after a call of `stalled`. */
  watch(socket: Socket, stalled: () => void): void {
    this.#watched.set(socket, { stalled, drained: drained(socket), since: this.#now() });
    socket.once('close', () => this.#watched.delete(socket));
  }

  /** Number of watched sockets. */
  get size(): number {
    return this.#watched.size;
  }

  /** Checks every socket once; called by the timer. */
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
