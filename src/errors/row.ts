/** One row of the table of errors: everything that is decided by a code alone. ERRORS.md, the HTTP statuses, the exit codes
 *  and the texts that clients are sent are projections of these rows. */
import type { ExitName } from './exit.ts';

export interface ErrorRow {
  /** What happened, as one sentence. Over HTTP it is the `detail` of the problem document, so nothing of a request is in it. */
  readonly cause: string;
  /** What the operator can do, as one or two sentences. */
  readonly remedy: string;
  /** Stream error conditions that it is sent with (RFC 6120 §4.9.3), the first one by default. */
  readonly conditions?: readonly string[];
  /** Text that a client is sent with the condition. */
  readonly text?: string;
  /** Status over HTTP. */
  readonly status?: number;
  /** How a command ends that fails with it; by default as its section says. */
  readonly exit?: ExitName;
}
