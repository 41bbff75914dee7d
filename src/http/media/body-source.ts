/** The body of an answer: from the HTTP parser or, where it is large and its length known, directly from the
 *  connection. */
import type { IncomingMessage } from 'node:http';
import type { PieceReader, Tap } from './tapped-agent.ts';

export interface BodyEvents {
  readonly piece: PieceReader;
  /** Every byte was delivered. */
  readonly end: () => void;
  /** The connection ended early, or sent more than the length. */
  readonly broken: () => void;
}

export interface BodySource {
  start(events: BodyEvents): void;
  pause(): void;
  resume(): void;
  /** Closes the connection, unless the body has ended and the connection can be used again. */
  destroy(): void;
}

/** Length in bytes from which on a connection of its own is cheaper than the parser: one handshake against copying 4
 *  MiB. */
const tapBytesMin = 4 * 1024 * 1024;

/** Returns the body of an answer. Must be called in the `response` event: a tapped parser gets no byte that arrives
 *  later. */
export function bodyOf(answer: IncomingMessage, tap: Tap | undefined): BodySource {
  const { 'content-length': length, 'transfer-encoding': coding } = answer.headers;
  const isLarge = coding === undefined && Number(length ?? 0) >= tapBytesMin;
  const hasBody = answer.statusCode === 200 || answer.statusCode === 206;
  return tap !== undefined && isLarge && hasBody
    ? tappedBody(answer, tap, Number(length))
    : parsedBody(answer);
}

const nothing = (): void => {};

function parsedBody(answer: IncomingMessage): BodySource {
  return {
    start: ({ piece, end, broken }) => {
      answer.on('error', broken);
      answer.on('end', end);
      answer.on('data', (chunk: Buffer) => piece(chunk, nothing));
    },
    pause: () => void answer.pause(),
    resume: () => void answer.resume(),
    destroy: () => void answer.destroy(),
  };
}

function tappedBody(answer: IncomingMessage, tap: Tap, length: number): BodySource {
  const { socket } = answer;
  // Nothing is read until `listen`, so this reader receives nothing.
  tap.open(nothing);
  socket.pause();
  // The parser does not see the end, so it reports the answer as cut. This reader counts the bytes itself.
  answer.on('error', nothing);
  return {
    start: ({ piece, end, broken }) => {
      let left = length;
      const take: PieceReader = (bytes, release) => {
        left -= bytes.byteLength;
        if (left < 0) {
          broken();
          return;
        }
        piece(bytes, release);
        if (left > 0) return;
        socket.pause();
        end();
      };
      tap.open(take);
      socket.once('close', () => left > 0 && broken());
      // The parser holds the bytes that came with the headers; reading them also makes the socket flow.
      const first = answer.read() as Buffer | null;
      socket.resume();
      if (first !== null) take(first, nothing);
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    destroy: () => void socket.destroy(),
  };
}
