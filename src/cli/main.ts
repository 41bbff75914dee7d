/** The process of a command. */
import { exitCodes } from '../errors/exit.ts';
import { run } from './program.ts';
import { reportFailure, reportOutput } from './report.ts';

// In `narthex … | head` a closed pipe is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? exitCodes.ok : reportOutput(error.code ?? 'unknown', process.stderr));
});

// A defect outside of any command ends the process: its state is unknown.
process.on('uncaughtException', (error) => process.exit(reportFailure(error, process.stderr)));

await run(process.argv.slice(2));
