/** One row of the table of errors: every property that depends on the code alone. ERRORS.md, the HTTP statuses, the
 *  exit codes and the texts for clients are generated from these rows. */
import type { ExitName } from './exit.ts';

export interface ErrorRow {
  /** What happened, in one sentence. Over HTTP it is the `detail` of the problem document, so it has nothing of a
   *  request. */
  readonly cause: string;
  /** What the operator can do, in one or two sentences. */
  readonly remedy: string;
  /** Stream error conditions that it is sent with (RFC 6120 §4.9.3); the first is the default. */
  readonly conditions?: readonly string[];
  /** Text that is sent to a client with the condition. */
  readonly text?: string;
  /** HTTP status. */
  readonly status?: number;
  /** Exit of a command that fails with it; by default that of its section. */
  readonly exit?: ExitName;
}
