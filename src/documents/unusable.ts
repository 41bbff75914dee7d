import type { Diagnostic } from './diagnostic.ts';

/** Thrown with every problem of files that cannot be used. It rejects a reload: the earlier contents stay in force. */
export abstract class Unusable extends Error {
  /** At least one. */
  abstract readonly diagnostics: readonly Diagnostic[];
}
