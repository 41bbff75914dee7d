/** One end of the connection between the supervisor and a worker: questions with answers, and notices. */
import type { Message, Notice } from './messages.ts';

/** What a process and its child have of each other. */
export interface Connection {
  send?(message: Message, done: (error: Error | null) => void): unknown;
  on(event: 'message', take: (message: Message) => void): unknown;
  on(event: 'disconnect', take: () => void): unknown;
  disconnect?(): void;
  readonly connected: boolean;
}

/** Functions by name that the other end may call. */
export type Answers = Readonly<Record<string, (...args: never[]) => unknown>>;

/** The other end is gone, or did not answer in time. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** How long the other end may take to answer; reading every file again may take longer. */
const answerMs = 5_000;
const reloadMs = 60_000;

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: NoAnswer) => void;
  readonly timer: NodeJS.Timeout;
}

export interface ChannelOptions {
  readonly answers: Answers;
  readonly onNotice: (notice: Notice) => void;
  readonly onEnd: () => void;
}

export class Channel {
  readonly #connection: Connection;
  readonly #waiting = new Map<number, Waiting>();
  #questions = 0;

  constructor(connection: Connection, { answers, onNotice, onEnd }: ChannelOptions) {
    this.#connection = connection;
    connection.on('message', (message) => {
      if (message.kind === 'notice') onNotice(message.notice);
      else if (message.kind === 'question') void this.#answer(message, answers);
      else this.#settle(message);
    });
    connection.on('disconnect', () => {
      for (const id of this.#waiting.keys()) this.#settle({ kind: 'no-answer', id });
      onEnd();
    });
  }

  notify(notice: Notice): void {
    this.#send({ kind: 'notice', notice });
  }

  /** Calls a function of the other end.
   *  @throws NoAnswer when that end is gone, when the function throws, and when it takes too long */
  ask(name: string, args: readonly unknown[]): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const id = (this.#questions += 1);
    const patienceMs = name === 'reload' ? reloadMs : answerMs;
    const timer = setTimeout(() => this.#settle({ kind: 'no-answer', id }), patienceMs);
    this.#waiting.set(id, { resolve, reject, timer });
    this.#send({ kind: 'question', id, name, args });
    return promise;
  }

  async #answer({ id, name, args }: Extract<Message, { kind: 'question' }>, answers: Answers): Promise<void> {
    try {
      const value = await answers[name]!(...(args as never[]));
      this.#send({ kind: 'answer', id, value });
    } catch {
      this.#send({ kind: 'no-answer', id });
    }
  }

  #settle(message: Extract<Message, { kind: 'answer' | 'no-answer' }>): void {
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) return;
    this.#waiting.delete(message.id);
    clearTimeout(waiting.timer);
    if (message.kind === 'answer') waiting.resolve(message.value);
    else waiting.reject(new NoAnswer('the other process did not answer'));
  }

  #send(message: Message): void {
    if (!this.#connection.connected) {
      if (message.kind === 'question') this.#settle({ kind: 'no-answer', id: message.id });
      return;
    }
    // Without a function of its own, Node reports a failed send as an error of the process.
    this.#connection.send?.(message, () => {});
  }
}

/** Returns functions that call those of the other end. */
export function remote<Questions extends object>(channel: Channel): Remote<Questions> {
  return new Proxy({} as Remote<Questions>, {
    get:
      (_, name) =>
      (...args: readonly unknown[]) =>
        channel.ask(String(name), args),
  });
}

export type Remote<Questions> = {
  readonly [Name in keyof Questions]: Questions[Name] extends (...args: infer Args) => infer Value
    ? (...args: Args) => Promise<Awaited<Value>>
    : never;
};
