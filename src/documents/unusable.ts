import type { Diagnostic } from './diagnostic.ts';

/** Thrown when files of the operator cannot be used, with everything that is wrong with them. A reload that meets it is
 *  rejected: what is in force stays in force. */
export abstract class Unusable extends Error {
  /** At least one. */
  abstract readonly diagnostics: readonly Diagnostic[];
}
