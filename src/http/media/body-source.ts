/** The body of an answer, as the HTTP parser gives it or, where it is large and its length known, straight from
 *  the connection. */
import type { IncomingMessage } from 'node:http';
import type { PieceReader, Tap } from './tapped-agent.ts';

export interface BodyEvents {
  readonly piece: PieceReader;
  /** Every byte was given. */
  readonly end: () => void;
  /** The connection ended before that, or went on after. */
  readonly broken: () => void;
}

export interface BodySource {
  start(events: BodyEvents): void;
  pause(): void;
  resume(): void;
  /** Closes the connection unless the body has ended on one that can be used again. */
  destroy(): void;
}

/** From here on a connection of its own is cheaper than the parser: one handshake against 4 MiB copied. */
const tapBytesMin = 4 * 1024 * 1024;

/** To be called in the `response` event itself: the parser gets no byte that arrives later. */
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
  // Until someone listens nothing is read, so nothing reaches this reader.
  tap.open(nothing);
  socket.pause();
  // The parser never sees the end, so to it the answer was cut; who reads here knows better.
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
      // What came with the headers the parser has; asking for it also lets the socket flow.
      const first = answer.read() as Buffer | null;
      socket.resume();
      if (first !== null) take(first, nothing);
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    destroy: () => void socket.destroy(),
  };
}
