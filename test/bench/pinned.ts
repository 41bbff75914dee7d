/** Processes of the bench: each is bound to one processor, so that the load never takes time from what is measured. */
import { execFileSync, spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { constants, cpus, setPriority } from 'node:os';

/** Processors: whatever is measured has one, with all its threads, and the load generator the other. */
export const processors = { contender: 0, load: 1 } as const;

/** Lets this process run ahead of what else the machine does, where it may.
 *  @throws Error on a machine with one processor. */
export function prepareBench(): void {
  if (cpus().length < 2) throw new Error('the bench needs two processors: one for the load');
  if (process.getuid?.() === 0) setPriority(constants.priority.PRIORITY_HIGHEST);
}

/** Binds a running process with all its threads. */
export function pin(pid: number, processor: number): void {
  execFileSync('taskset', ['-a', '-c', '-p', String(processor), String(pid)], { stdio: 'ignore' });
}

/** Starts a program on one processor, where its threads and children stay; with root's rights, ahead of what else the
 *  machine does. It ends with the bench, however that ends. */
export function spawnPinned(
  processor: number,
  program: string,
  args: readonly string[],
  stdio: StdioOptions,
): ChildProcess {
  const bound = ['-c', String(processor), 'setpriv', '--pdeathsig', 'KILL', program, ...args];
  if (process.getuid?.() !== 0) return spawn('taskset', bound, { stdio });
  // A session of its own is a scheduling group of its own (sched(7), autogroups), which is given the weight.
  const child = spawn('nice', ['-n', '-20', 'taskset', ...bound], { stdio, detached: true });
  if (existsSync('/proc/self/autogroup')) writeFileSync(`/proc/${child.pid}/autogroup`, '-20');
  return child;
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
