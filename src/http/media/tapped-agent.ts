/** HTTP agents whose connections can be tapped: after the headers of an answer, its bytes are read from the socket
 *  in buffers that are reused. By default Node allocates 64 KiB per read and its HTTP parser copies them, which
 *  leaves 80 MB to the garbage collector on a fast download. */
import http from 'node:http';
import type https from 'node:https';
import type { OnReadOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { SecureAgent, type ConnectCallback } from '../calls/secure-agent.ts';

/** Receives a piece.
 *  @param release must be called when the piece was used */
export type PieceReader = (piece: Uint8Array, release: () => void) => void;

export class Tap {
  readonly #free: Buffer[] = [];
  #reader: PieceReader | undefined;

  /** Sends further bytes to this reader in place of the HTTP parser. The connection cannot be used again afterwards. */
  open(reader: PieceReader): void {
    this.#reader = reader;
  }

  /** Returns the option for making a socket.
   *  @param socket returns the socket once it exists */
  onread(socket: () => Duplex | null | undefined): OnReadOpts {
    return {
      buffer: () => this.#free.pop() ?? Buffer.allocUnsafeSlow(bufferBytes),
      callback: (bytes, buffer) => {
        const piece = buffer.subarray(0, bytes);
        const release = (): void => void this.#free.push(buffer as Buffer);
        if (this.#reader !== undefined) {
          this.#reader(piece, release);
          return true;
        }
        // The parser may keep the bytes, so it gets a copy. Without `onread` this would be the same event.
        socket()?.emit('data', Buffer.from(piece));
        release();
        return true;
      },
    };
  }
}

const bufferBytes = 131_072;

type Create = (more: { onread: OnReadOpts }) => Duplex | null | undefined;

function connectTapped(create: Create, taps: WeakMap<Duplex, Tap>): Duplex | null | undefined {
  const tap = new Tap();
  const socket = create({ onread: tap.onread(() => socket) });
  if (socket) taps.set(socket, tap);
  return socket;
}

export class TappedAgent extends http.Agent {
  readonly taps = new WeakMap<Duplex, Tap>();

  override createConnection(
    options: http.ClientRequestArgs,
    callback?: ConnectCallback,
  ): Duplex | null | undefined {
    const create: Create = (more) => super.createConnection({ ...options, ...more }, callback);
    return connectTapped(create, this.taps);
  }
}

export class TappedTlsAgent extends SecureAgent {
  readonly taps = new WeakMap<Duplex, Tap>();

  override createConnection(
    options: https.RequestOptions,
    callback?: ConnectCallback,
  ): Duplex | null | undefined {
    const create: Create = (more) => super.createConnection({ ...options, ...more }, callback);
    return connectTapped(create, this.taps);
  }
}
