/** One connection through every stage of the product, in this process: a scanner, the stages, the writer, without TLS and
 *  sockets. Its clock is the test's, so that delays cost no time. */
import { StreamError } from '../../../src/stanza/error.ts';
import type { Schedule } from '../../../src/session/timers.ts';
import { connectThroughEveryStage } from '../every-stage.ts';
import type { Legs } from '../legs.ts';
import type { Shape } from './shapes.ts';

/** Virtual time between two stanzas, in milliseconds: longer than any delay of a policy. */
const betweenMs = 60_000;

class Clock {
  #ms = 0;
  #tasks: { readonly at: number; readonly task: () => void }[] = [];
  readonly now = (): number => this.#ms;
  readonly schedule: Schedule = (milliseconds, task) => {
    const entry = { at: this.#ms + milliseconds, task };
    this.#tasks.push(entry);
    return () => (this.#tasks = this.#tasks.filter((other) => other !== entry));
  };

  advance(milliseconds: number): void {
    this.#ms += milliseconds;
    const due = this.#tasks.filter(({ at }) => at <= this.#ms);
    if (due.length === 0) return;
    this.#tasks = this.#tasks.filter(({ at }) => at > this.#ms);
    for (const { task } of due) task();
  }
}

export class Sender {
  readonly #shape: Shape;
  readonly #clock = new Clock();
  readonly #legs: Legs;
  #count = 0;
  /** Bytes that have left, in either direction. */
  written = 0;

  constructor(shape: Shape, policy: string) {
    this.#shape = shape;
    this.#legs = connectThroughEveryStage(policy, 'phone', {
      now: this.#clock.now,
      schedule: this.#clock.schedule,
    });
    this.#legs.facts.phase = shape.phase;
  }

  /** Bytes of the next stanza, made outside of what is measured. */
  next(): readonly Buffer[] {
    const bytes = Buffer.from(this.#shape.xml((this.#count += 1)));
    const { pieceBytes = bytes.length } = this.#shape;
    return Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_, piece) =>
      bytes.subarray(piece * pieceBytes, (piece + 1) * pieceBytes),
    );
  }

  /** @throws StreamError when the shape breaks a limit: then it is no attack that goes on */
  send(pieces: readonly Buffer[]): void {
    const { direction } = this.#shape;
    for (const piece of pieces) this.#legs.read(direction, piece);
    this.#clock.advance(betweenMs);
    for (const out of Object.values(this.#legs.out)) {
      for (const text of out) this.written += text.length;
      out.length = 0;
    }
    if (this.#legs.failure instanceof StreamError) throw this.#legs.failure;
  }

  /** All of a stanza but its last byte. */
  begin(pieces: readonly Buffer[]): void {
    const last = pieces.at(-1)!;
    for (const piece of [...pieces.slice(0, -1), last.subarray(0, -1)])
      // A copy, as what is read from a socket is: what is held of it counts.
      this.#legs.read(this.#shape.direction, Buffer.from(piece));
  }

  end(): void {
    void this.#legs.relay.end();
  }
}
