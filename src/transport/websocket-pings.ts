/** Pings the peers of silent WebSockets (RFC 6455 §5.5.2): it keeps the connection through network equipment that forgets
 *  silent ones, and finds peers that are gone. A browser cannot ping by itself. */
import type { WebSocketConnection } from './websocket.ts';

export interface WebSocketPingOptions {
  /** Milliseconds without a byte from a peer after which it is pinged; after as many without an answer its connection is
   *  destroyed. Both are noticed within a quarter more. 0 for no pings. */
  readonly pingMs: number;
  /** Returns monotonic milliseconds. */
  readonly now?: () => number;
}

interface Watched {
  /** Bytes read at the last check. */
  bytesRead: number;
  /** Monotonic milliseconds at which that number was first seen. */
  since: number;
  pinged: boolean;
}

/** Checks every WebSocket with one timer for all. */
export class WebSocketPings {
  readonly #watched = new Map<WebSocketConnection, Watched>();
  readonly #pingMs: number;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout | undefined;

  constructor({ pingMs, now = () => performance.now() }: WebSocketPingOptions) {
    this.#pingMs = pingMs;
    this.#now = now;
    if (pingMs > 0) this.#timer = setInterval(() => this.look(), Math.max(1, pingMs / 4)).unref();
  }

  /** Watches a WebSocket until its connection closes. */
  watch(connection: WebSocketConnection): void {
    if (this.#pingMs === 0) return;
    this.#watched.set(connection, { bytesRead: connection.bytesRead, since: this.#now(), pinged: false });
    connection.socket.once('close', () => this.#watched.delete(connection));
  }

  /** Number of watched WebSockets. */
  get size(): number {
    return this.#watched.size;
  }

  /** Checks every WebSocket once; called by the timer. */
  look(): void {
    const now = this.#now();
    for (const [connection, watched] of this.#watched) {
      const silentMs = now - watched.since;
      if (connection.bytesRead !== watched.bytesRead) {
        watched.bytesRead = connection.bytesRead;
        watched.since = now;
        watched.pinged = false;
      } else if (watched.pinged && silentMs >= 2 * this.#pingMs) {
        this.#watched.delete(connection);
        connection.socket.destroy();
      } else if (!watched.pinged && silentMs >= this.#pingMs) {
        watched.pinged = true;
        connection.ping();
      }
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#watched.clear();
  }
}
