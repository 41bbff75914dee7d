/** Looks at something when told that it may have changed: one look at a time; a sign during a look makes another. */
export class Looking {
  readonly #lookOnce: () => Promise<void>;
  #underWay: Promise<void> | undefined;
  #again = false;

  constructor(lookOnce: () => Promise<void>) {
    this.#lookOnce = lookOnce;
  }

  /** Resolves when what has changed until now was seen. */
  look(): Promise<void> {
    this.#again = this.#underWay !== undefined;
    this.#underWay ??= this.#lookUntilQuiet().finally(() => (this.#underWay = undefined));
    return this.#underWay;
  }

  async #lookUntilQuiet(): Promise<void> {
    do {
      this.#again = false;
      await this.#lookOnce();
    } while (this.#again);
  }
}
