/** A command cannot do what it was asked to, for a reason of the closed table. */
export class Refusal<Code extends string> extends Error {
  readonly code: Code;

  /** @param message one sentence without code and remedy */
  constructor(code: Code, message: string) {
    super(message);
    this.code = code;
  }
}
