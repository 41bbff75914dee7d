/** Faults of a gatekeeper, for tests of its peers. Each is about one connection. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { ChainOverrides } from './authority.ts';
import type { ChatTransport } from './connection.ts';

export interface ChatFaults {
  /** A chain that deviates from a valid one; another `leafKey` is that of another server. */
  readonly chain?: ChainOverrides;
  /** Cuts the connection when this many bytes were sent, in the middle of a frame where it falls there. */
  readonly cutAfterBytes?: number;
  /** Sends random bytes in place of everything after this many bytes. */
  readonly garbleAfterBytes?: number;
  /** Sends everything in single bytes. */
  readonly singleBytes?: boolean;
  /** Milliseconds by which everything that is sent is late. */
  readonly delayMs?: number;
  /** Sends this many bytes of zeros right after the login, which are no frames of this connection. */
  readonly floodBytes?: number;
  /** Stops reading: never starts, or after the login. The connection stays open. */
  readonly stopReading?: 'at-once' | 'after-login';
  /** Does not answer a login. */
  readonly silentLogin?: boolean;
}

export interface TransportLimits {
  /** Bytes queued for a client that does not read. Above it, its connection ends. */
  readonly queuedBytesMax: number;
  /** Milliseconds for which an ended connection waits for the peer's end. */
  readonly closeTimeoutMs: number;
}

const floodPieceBytes = 65_536;

/** Returns a transport over a socket that has these faults. */
export function faultyTransport(
  socket: Socket,
  faults: ChatFaults,
  { queuedBytesMax, closeTimeoutMs }: TransportLimits,
): ChatTransport {
  let sent = 0;
  const put = (bytes: Uint8Array): void => {
    if (socket.destroyed) return;
    const { cutAfterBytes = Infinity, garbleAfterBytes = Infinity } = faults;
    const kept = bytes.subarray(0, Math.max(0, cutAfterBytes - sent));
    const intact = Math.max(0, Math.min(kept.length, garbleAfterBytes - sent));
    const garbled = randomBytes(kept.length - intact);
    sent += kept.length;
    write(socket, Buffer.concat([kept.subarray(0, intact), garbled]), faults.singleBytes === true);
    if (sent >= cutAfterBytes) socket.destroySoon();
    else if (socket.writableLength > queuedBytesMax) socket.destroy();
  };
  const end = (): void => {
    socket.end();
    setTimeout(() => socket.destroy(), closeTimeoutMs).unref();
  };
  const { delayMs } = faults;
  if (delayMs === undefined) return { write: put, end };
  return {
    write: (bytes) => void setTimeout(put, delayMs, bytes),
    end: () => void setTimeout(end, delayMs),
  };
}

function write(socket: Socket, bytes: Buffer, single: boolean): void {
  if (!single) {
    socket.write(bytes);
    return;
  }
  for (const byte of bytes) socket.write(Buffer.of(byte));
}

/** Sends the zeros of `floodBytes`, as fast as the peer takes them. */
export function flood(socket: Socket, floodBytes: number): void {
  let left = floodBytes;
  const send = (): void => {
    while (left > 0 && !socket.destroyed) {
      const piece = Buffer.alloc(Math.min(left, floodPieceBytes));
      left -= piece.length;
      if (!socket.write(piece)) {
        socket.once('drain', send);
        return;
      }
    }
  };
  send();
}
