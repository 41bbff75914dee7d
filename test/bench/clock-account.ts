/** Clock reads around calls: how much time each section of a program takes itself, without the sections that it calls.
 *  A file that is loaded by `--import` wraps methods of prototypes before anything is constructed; a process without
 *  it runs the methods as they are. Two clock reads that follow each other differ by 0.05 to 0.08 µs, which is included. */
import { performance } from 'node:perf_hooks';

/** Samples of each section, in microseconds. */
export type AccountSamples = Readonly<Record<string, readonly number[]>>;

/** Messages that an accounted process answers. */
export type AccountRequest = 'account:reset' | 'account:read';

const samplesMax = 8_192;

/** Any method with up to five parameters. */
type Method = (
  this: unknown,
  one?: unknown,
  two?: unknown,
  three?: unknown,
  four?: unknown,
  five?: unknown,
) => unknown;

export class ClockAccount {
  readonly #sections: readonly string[];
  /** Section within which others are its own: what it calls for its work. */
  readonly #whole: string | undefined;
  /** Microseconds of the sample that is being taken. */
  readonly #spent: Float64Array;
  readonly #samples: Float64Array;
  #taken = 0;
  #current = -1;
  #since = 0;

  readonly #now: () => number;

  /** The first section begins a sample: everything up to its next beginning is one. `now` is in milliseconds. */
  constructor(sections: readonly string[], whole?: string, now = (): number => performance.now()) {
    this.#sections = sections;
    this.#whole = whole;
    this.#spent = new Float64Array(sections.length);
    this.#samples = new Float64Array(sections.length * samplesMax);
    this.#now = now;
  }

  /** Answers requests that are sent to this process. @returns itself */
  answering(): this {
    process.on('message', (request: unknown) => this.#answer(request));
    process.channel?.unref();
    return this;
  }

  /** Accounts for a method from now on. */
  wrap<Name extends string>(section: string, prototype: Readonly<Record<Name, unknown>>, name: Name): void {
    const index = this.#sections.indexOf(section);
    const method = prototype[name] as Method;
    const enter = (): number => this.#enter(index);
    const leave = (outer: number): void => this.#leave(outer);
    const wrapped: Method = function accounted(one, two, three, four, five) {
      const outer = enter();
      try {
        return method.call(this, one, two, three, four, five);
      } finally {
        leave(outer);
      }
    };
    Object.defineProperty(prototype, name, { value: wrapped, writable: true, configurable: true });
  }

  #enter(index: number): number {
    const outer = this.#current;
    if (outer === -1 && index === 0) this.#take();
    const now = this.#now();
    if (outer !== -1) this.#spent[outer]! += now - this.#since;
    this.#since = now;
    if (outer === -1 || this.#sections[outer] !== this.#whole) this.#current = index;
    return outer;
  }

  #leave(outer: number): void {
    const now = this.#now();
    this.#spent[this.#current]! += now - this.#since;
    this.#since = now;
    this.#current = outer;
  }

  #take(): void {
    if (this.#taken < samplesMax) this.#samples.set(this.#spent, this.#taken * this.#spent.length);
    this.#taken += 1;
    this.#spent.fill(0);
  }

  #answer(request: unknown): void {
    if (request === ('account:reset' satisfies AccountRequest)) {
      this.reset();
      process.send!('reset');
    } else if (request === ('account:read' satisfies AccountRequest)) process.send!(this.read());
  }

  reset(): void {
    this.#taken = 0;
    this.#spent.fill(0);
  }

  /** Whole samples since the reset; the first would hold what had begun before it. */
  read(): AccountSamples {
    const count = Math.min(this.#taken, samplesMax);
    const width = this.#sections.length;
    return Object.fromEntries(
      this.#sections.map((section, index) => [
        section,
        Array.from(
          { length: Math.max(0, count - 1) },
          (_, n) => this.#samples[(n + 1) * width + index]! * 1_000,
        ),
      ]),
    );
  }
}
