/**
 * Child processes of the tests. Each is stopped by its own process id and awaited; none outlives the test worker.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Added to a minimal environment; the tests' own environment is not passed on. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly folder: string;
  /** Receives standard error, and standard output unless it is read as lines. */
  readonly log: string;
}

export interface PeerProcess {
  /** Its process id; undefined when it could not be started. */
  readonly pid: number | undefined;
  /** Resolves when the process is gone, with its exit code or the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** Writes one line to standard input; false once the process is gone. */
  write(line: string): boolean;
  closeInput(): void;
  /** The last 4,000 characters of its log, for error messages. */
  logTail(): string;
  /** Sends `signal`, by default SIGTERM, and SIGKILL five seconds later. Resolves when the process is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const killAfterMs = 5_000;
const logTailCharacters = 4_000;

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** @param onLine - receives each line of standard output; without it the output goes to the log. */
export function startProcess(command: Command, onLine?: (line: string) => void): PeerProcess {
  const log = openSync(command.log, 'a');
  const child = spawn(command.program, command.args, {
    cwd: command.folder,
    env: { PATH: '/usr/bin:/bin', HOME: command.folder, LANG: 'C.UTF-8', ...command.environment },
    stdio: ['pipe', onLine ? 'pipe' : log, log],
  });
  closeSync(log);
  running.add(child);
  const ended = ending(child);
  void ended.then(() => running.delete(child));
  if (onLine) createInterface({ input: child.stdout! }).on('line', onLine);
  // A process that went away is reported by `ended`; writing to it is no second error.
  child.stdin!.on('error', () => {});

  return {
    pid: child.pid,
    ended,
    write: (line) => child.stdin!.writable && child.stdin!.write(`${line}\n`),
    closeInput: () => child.stdin!.end(),
    logTail: () => readFileSync(command.log, 'utf8').slice(-logTailCharacters),
    stop: (signal = 'SIGTERM') => stop(child, ended, signal),
  };
}

async function ending(child: ChildProcess): Promise<number | string> {
  const [code, signal] = (await Promise.race([
    once(child, 'exit'),
    once(child, 'error').then(([error]: unknown[]) => [String(error)]),
  ])) as [number | string | null, string | null];
  return code ?? signal ?? 'unknown';
}

async function stop(child: ChildProcess, ended: Promise<unknown>, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  await ended;
  clearTimeout(timer);
}
