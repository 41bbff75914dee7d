import { ConfigError, formatProblem } from '../config/problem.ts';
import { ListenError, listenErrors } from '../http/serve.ts';
import { SetupError, type SetupErrorCode } from '../transport/error.ts';
import { SimulatorError } from '../simulator/error.ts';
import { exitCodes } from './exit.ts';

/** Errors of the set-up that are about the machine, not about the configuration. */
const unavailable: ReadonlySet<SetupErrorCode> = new Set([
  'ERR_PORT_IN_USE',
  'ERR_PORT_PERMISSION',
  'ERR_ADDRESS_NOT_AVAILABLE',
  'ERR_LISTEN',
]);

/** Says on standard error what went wrong, where and what to do; never a stack for what the user can mend.
 *  @returns the exit code. */
export function report(error: unknown): number {
  if (error instanceof ConfigError) {
    for (const problem of error.problems) complain(formatProblem(problem));
    return exitCodes.config;
  }
  if (error instanceof SetupError) {
    complain(`narthex: error ${error.message}`);
    complain(`  ${error.wayOut}`);
    return unavailable.has(error.code) ? exitCodes.unavailable : exitCodes.config;
  }
  if (error instanceof ListenError) {
    complain(`narthex: error ${error.code}: ${error.message}`);
    complain(`  ${listenErrors[error.code].wayOut}`);
    return exitCodes.unavailable;
  }
  if (error instanceof SimulatorError) {
    complain(`narthex: error ${error.message}`);
    return exitCodes.software;
  }
  complain(
    `narthex: error ERR_INTERNAL: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  );
  return exitCodes.software;
}

function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}
