/** Processes of the bench: each is bound to one processor, so that the load never takes time from what is measured. */
import { execFileSync, spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** Processors: whatever is measured has one, with all its threads, and the load generator the other. */
export const processors = { contender: 0, load: 1 } as const;

/** Starts this program again as one that runs ahead of what else the machine does, with root's rights: otherwise the
 *  threads on which its code is compiled may wait for seconds.
 *  @returns its exit code when it has ended, or undefined in a process that is ahead or cannot be.
 *  @throws Error on a machine with one processor. */
export async function runAhead(): Promise<number | undefined> {
  if (cpus().length < 2) throw new Error('the bench needs two processors: one for the load');
  if (!mayRunAhead() || readFileSync('/proc/self/autogroup', 'latin1').includes('nice -20')) return undefined;
  const child = spawnAhead(process.execPath, [...process.execArgv, ...process.argv.slice(1)], 'inherit');
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

function mayRunAhead(): boolean {
  return process.getuid?.() === 0 && existsSync('/proc/self/autogroup');
}

/** Starts a program that ends with this one, however this one ends; with root's rights at the highest priority, in a
 *  session of its own, which is a scheduling group of its own (sched(7), autogroups) and is given the greatest weight.
 *  Where the kernel has autogroups switched off, the priority alone counts. */
function spawnAhead(program: string, args: readonly string[], stdio: StdioOptions): ChildProcess {
  const detached = mayRunAhead();
  const ahead = detached ? ['nice', '-n', '-20'] : [];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...ahead, program, ...args], { stdio, detached });
  if (detached) writeFileSync(`/proc/${child.pid}/autogroup`, '-20');
  return child;
}

/** Binds a running process with all its threads. */
export function pin(pid: number, processor: number): void {
  execFileSync('taskset', ['-a', '-c', '-p', String(processor), String(pid)], { stdio: 'ignore' });
}

/** Starts a program on one processor, where its threads and children stay. */
export function spawnPinned(
  processor: number,
  program: string,
  args: readonly string[],
  stdio: StdioOptions,
): ChildProcess {
  return spawnAhead('taskset', ['-c', String(processor), program, ...args], stdio);
}

/** Ends a process and waits for its end. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** CPU time of all threads of a process so far, in microseconds: the first field of each thread's schedstat is
 *  nanoseconds on a processor. */
export function cpuMicroseconds(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`))
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]);
  return nanoseconds / 1_000;
}

/** Time for which the main thread of a process was ready and did not run, so far, in microseconds: the second field. */
export function waitingMicroseconds(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'latin1').split(' ')[1]) / 1_000;
}
