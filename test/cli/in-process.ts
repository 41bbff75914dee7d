import { vi } from 'vitest';
import { run } from '../../src/cli/program.ts';
import { root, type Ended, type RunOptions } from './narthex.ts';

/** Collects what is written to a stream of this process until `end` is called. */
function collect(stream: NodeJS.WriteStream): { readonly text: () => string; readonly end: () => void } {
  let text = '';
  const write = vi.spyOn(stream, 'write').mockImplementation((chunk: string | Uint8Array) => {
    text += chunk.toString();
    return true;
  });
  return { text: () => text, end: () => write.mockRestore() };
}

/** Runs a command in the process of the test: what it reads of its process (folder, environment) and what it leaves
 *  there (output, exit code) are as by `narthex`, which starts a process and takes twenty times as long. One at a
 *  time. Not for commands that end the process or read standard input. */
export async function inProcess(
  args: readonly string[],
  { folder = root, environment = {} }: Pick<RunOptions, 'folder' | 'environment'> = {},
): Promise<Ended> {
  const before = { folder: process.cwd(), env: process.env };
  const [stdout, stderr] = [collect(process.stdout), collect(process.stderr)];
  process.chdir(folder);
  process.env = { PATH: before.env['PATH'], ...environment };
  try {
    await run(args);
    return { exit: Number(process.exitCode ?? 0), stdout: stdout.text(), stderr: stderr.text() };
  } finally {
    stdout.end();
    stderr.end();
    process.exitCode = undefined;
    process.env = before.env;
    process.chdir(before.folder);
  }
}
