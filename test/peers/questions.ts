/** Questions to a client program, each with a number, and the answers that come back in any order. */
import { within } from '../support/wait.ts';

const answerTimeoutMs = 60_000;

export class Questions {
  readonly #owner: string;
  readonly #open = new Map<string, PromiseWithResolvers<readonly string[]>>();
  #asked = 0;
  #end: Error | undefined;

  constructor(owner: string) {
    this.#owner = owner;
  }

  /** @param send called with the number; false when the program is gone
   *  @throws Error with the reason of the refusal, or after `timeoutMs` without an answer */
  async ask(send: (number: string) => boolean, timeoutMs = answerTimeoutMs): Promise<readonly string[]> {
    if (this.#end) throw this.#end;
    const number = String((this.#asked += 1));
    const answer = Promise.withResolvers<readonly string[]>();
    this.#open.set(number, answer);
    try {
      if (!send(number)) throw new Error(`${this.#owner} is gone`);
      return await within(timeoutMs, `${this.#owner} waiting for an answer`, answer.promise);
    } finally {
      this.#open.delete(number);
    }
  }

  done(number: string, words: readonly string[]): void {
    this.#open.get(number)?.resolve(words);
  }

  refused(number: string, reason: string): void {
    this.#open.get(number)?.reject(new Error(`${this.#owner}: ${reason}`));
  }

  /** No more answers will come: every question fails with `reason`. */
  end(reason: Error): void {
    this.#end = reason;
    for (const { reject } of this.#open.values()) reject(reason);
  }
}
