/** Refuses new sessions while the process is overloaded. */
import { StreamError } from '../stanza/error.ts';
import type { Machine } from './machine.ts';

/** Throws while `options.overloaded` returns true.
 *  @throws StreamError ERR_OVERLOAD */
export function requireCapacity({ options }: Machine): void {
  if (options.overloaded()) throw new StreamError('resource-constraint', { code: 'ERR_OVERLOAD' });
}
