/** Refuses a session that begins while the process does not keep up with those it has. */
import { StreamError } from '../stanza/error.ts';
import type { Machine } from './machine.ts';

/** @throws StreamError ERR_OVERLOAD */
export function requireCapacity({ options }: Machine): void {
  if (options.overloaded()) throw new StreamError('resource-constraint', { code: 'ERR_OVERLOAD' });
}
