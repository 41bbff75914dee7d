/** Values that must not be printed by accident. */
import { inspect } from 'node:util';

const redacted = '[redacted]';

/** A value that identifies a person or comes from the wire. It can be compared, passed on and revealed on
 *  purpose; printed by accident (a template, JSON, a log call, `util.inspect`) it says `[redacted]`. */
export class Sensitive<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  /** The value itself. Every call site is a place where a reviewer should stop. */
  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [inspect.custom](): string {
    return redacted;
  }
}
