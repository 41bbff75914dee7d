/** Messages in the order they came, handed out one by one to a test that waits for them. */
import { within } from '../support/wait.ts';

export interface ReceivedMessage {
  /** The sender's full JID. */
  readonly from: string;
  readonly body: string;
}

const receiveTimeoutMs = 30_000;

export class Inbox {
  readonly #owner: string;
  readonly #waiting: ReceivedMessage[] = [];
  #next = Promise.withResolvers<void>();
  #end: Error | undefined;

  constructor(owner: string) {
    this.#owner = owner;
  }

  add(message: ReceivedMessage): void {
    this.#waiting.push(message);
    this.#wake();
  }

  /** No more will come: every wait for one fails with `reason`. */
  end(reason: Error): void {
    this.#end = reason;
    this.#wake();
  }

  /** The oldest message not yet handed out. */
  async next(timeoutMs: number = receiveTimeoutMs): Promise<ReceivedMessage> {
    for (;;) {
      const message = this.#waiting.shift();
      if (message) return message;
      if (this.#end) throw this.#end;
      await within(timeoutMs, `${this.#owner} waiting for a message`, this.#next.promise);
    }
  }

  #wake(): void {
    this.#next.resolve();
    this.#next = Promise.withResolvers<void>();
  }
}
