/** Values that must not be printed by accident. */
import { inspect } from 'node:util';

const redacted = '[redacted]';

/** A value that identifies a person or comes from the wire. It can be compared, passed on, and revealed on purpose.
 *  Printed by accident (a template, JSON, a log call, `util.inspect`) it reads `[redacted]`. */
export class Sensitive<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  /** Returns the value itself. A reviewer should check every call. */
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
