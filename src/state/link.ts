/** The connection to the server of a shared store: one at a time, made anew with a growing pause after it was lost. It is the
 *  circuit breaker as well: after several operations in a row without an answer the connection is given up, and until a new
 *  one has answered, operations fail at once. So a slow server holds up no one, and nothing queues without a bound. */
import type { StateLoss, StateObserver, StateOperation, StateOutcome } from './observer.ts';
import { StateUnavailable } from './store.ts';

/** One connection. A method rejects when the server answers with an error or the connection ends. */
export interface RecordServer {
  get(key: string): Promise<Buffer | null>;
  set(key: string, value: Buffer, ttlMs: number): Promise<unknown>;
  /** Returns whether the record was set: there was none. */
  setIfAbsent(key: string, value: Buffer, ttlMs: number): Promise<boolean>;
  delete(keys: readonly string[]): Promise<unknown>;
  /** Asks for an answer that needs no record. */
  ping(): Promise<unknown>;
  /** Resolves when the connection has ended, whatever the reason. */
  readonly ended: Promise<void>;
  close(): void;
}

/** The server has refused the user, the password or a command. */
export class RefusedByServer extends Error {
  override readonly name = 'RefusedByServer';
}

export interface LinkLimits {
  /** Milliseconds for one operation. */
  readonly timeoutMs: number;
  /** Milliseconds to connect, TLS and authentication included. */
  readonly connectTimeoutMs: number;
  /** Operations that wait for the server at once. */
  readonly operationsMax: number;
}

export interface LinkOptions {
  /** Makes a connection.
   *  @param signal aborted when it has taken too long
   *  @throws RefusedByServer, or any other error */
  readonly connect: (signal: AbortSignal) => Promise<RecordServer>;
  readonly limits: LinkLimits;
  readonly observer: StateObserver;
  /** Returns monotonic milliseconds. */
  readonly now: () => number;
  /** Runs `task` once after `milliseconds`. @returns a function that cancels it */
  readonly schedule: (milliseconds: number, task: () => void) => () => void;
  /** Returns a number from 0 to 1, exclusive. */
  readonly random: () => number;
}

/** Operations in a row without an answer, after which the connection is given up. */
export const failuresInRowMax = 5;

/** Milliseconds between the loss of a connection and the next attempt: doubled with each attempt that fails. Half of it is
 *  random, so that replicas do not connect at once. */
const pauseMs = { first: 100, max: 5_000 } as const;

export class StoreLink {
  readonly #options: LinkOptions;
  #server: RecordServer | undefined;
  #waiting = 0;
  #failuresInRow = 0;
  #attempts = 0;
  #connections = 0;
  #isDown = false;
  #isClosed = false;
  #cancel = (): void => {};

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Makes the first attempt to connect. Resolves after it, whatever its outcome; further ones follow by themselves. */
  start(): Promise<void> {
    return this.#connect();
  }

  /** Operations that wait for the server now. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Number of connections that have answered so far. */
  get connections(): number {
    return this.#connections;
  }

  /** Runs an operation on the connection.
   *  @throws StateUnavailable */
  async run<T>(operation: StateOperation, task: (server: RecordServer) => Promise<T>): Promise<T> {
    const { limits, observer, now } = this.#options;
    const server = this.#server;
    const unsent = server === undefined ? 'lost' : this.#waiting >= limits.operationsMax ? 'busy' : undefined;
    if (server === undefined || unsent !== undefined) {
      observer.operated(operation, unsent ?? 'lost', 0);
      throw new StateUnavailable();
    }
    const started = now();
    const conclude = (outcome: StateOutcome): void => {
      observer.operated(operation, outcome, now() - started);
      this.#judge(server, outcome === 'ok');
    };
    try {
      const result = await this.#inTime(this.#counted(task(server)));
      conclude('ok');
      return result;
    } catch (error) {
      conclude(error === late ? 'timeout' : 'failed');
      throw new StateUnavailable();
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
    this.#server?.close();
    this.#server = undefined;
  }

  /** Counts an operation until the server has answered, also when it is too late. */
  async #counted<T>(operation: Promise<T>): Promise<T> {
    this.#waiting += 1;
    try {
      return await operation;
    } finally {
      this.#waiting -= 1;
    }
  }

  /** @throws `late` */
  async #inTime<T>(operation: Promise<T>): Promise<T> {
    const { limits, schedule } = this.#options;
    const { promise: timeout, reject } = Promise.withResolvers<never>();
    const cancel = schedule(limits.timeoutMs, () => reject(late));
    // What comes after the timeout concerns no caller.
    operation.catch(() => {});
    try {
      return await Promise.race([operation, timeout]);
    } finally {
      cancel();
    }
  }

  #judge(server: RecordServer, isOk: boolean): void {
    if (server !== this.#server) return;
    this.#failuresInRow = isOk ? 0 : this.#failuresInRow + 1;
    if (this.#failuresInRow >= failuresInRowMax) this.#lose('failing');
  }

  async #connect(): Promise<void> {
    const { connect, limits } = this.#options;
    const abort = new AbortController();
    const cancel = this.#options.schedule(limits.connectTimeoutMs, () => abort.abort(late));
    let server: RecordServer | undefined;
    try {
      server = await connect(abort.signal);
      await this.#inTime(server.ping());
    } catch (error) {
      server?.close();
      this.#lose(error instanceof RefusedByServer ? 'refused' : 'unreachable');
      return;
    } finally {
      cancel();
    }
    if (this.#isClosed) server.close();
    else this.#use(server);
  }

  #use(server: RecordServer): void {
    this.#server = server;
    this.#connections += 1;
    this.#attempts = 0;
    this.#failuresInRow = 0;
    this.#isDown = false;
    this.#options.observer.up();
    void this.#watch(server);
  }

  async #watch(server: RecordServer): Promise<void> {
    await server.ended;
    if (server === this.#server) this.#lose('closed');
  }

  /** Gives the connection up, and schedules the next attempt. */
  #lose(why: StateLoss): void {
    if (this.#isClosed) return;
    const { observer, random, schedule } = this.#options;
    this.#server?.close();
    this.#server = undefined;
    if (!this.#isDown) {
      this.#isDown = true;
      observer.down(why);
    }
    const pause = Math.min(pauseMs.max, pauseMs.first * 2 ** this.#attempts);
    this.#attempts += 1;
    this.#cancel = schedule(pause * (0.5 + random() / 2), () => void this.#connect());
  }
}

/** The reason of a timeout. */
const late = new Error('late');
