import { spawn } from 'node:child_process';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../..');

export interface Ended {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly folder?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** The Node to run it with; that of the tests by default. */
  readonly program?: string;
  /** Arguments of Node itself. */
  readonly node?: readonly string[];
  /** What comes by standard input; nothing by default. */
  readonly input?: string;
}

/** Runs the launcher that `npx narthex` runs. The environment has nothing but what is given and PATH. */
export function narthex(
  args: readonly string[],
  { folder = root, environment = {}, program = process.execPath, node = [], input = '' }: RunOptions = {},
): Promise<Ended> {
  const env = { PATH: process.env['PATH'] ?? '', ...environment };
  const child = spawn(program, [...node, join(root, 'src/cli/narthex.js'), ...args], {
    cwd: folder,
    env,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.end(input);
  return new Promise((resolve) => child.on('close', (exit) => resolve({ exit, stdout, stderr })));
}
