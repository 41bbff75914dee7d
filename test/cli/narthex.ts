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

/** Compiled code of earlier starts, kept by Node: with it a start takes half of the processor time. */
const { NODE_COMPILE_CACHE = '' } = process.env;

/** Runs the launcher that `npx narthex` runs. The environment has nothing but what is given, PATH, and the folder of
 *  compiled code. */
export function narthex(
  args: readonly string[],
  { folder = root, environment = {}, program = process.execPath, node = [], input = '' }: RunOptions = {},
): Promise<Ended> {
  const env = { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE, ...environment };
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

/** Returns the JSON that a command has printed.
 *  @throws Error with exit code and standard error, where that is not JSON */
export function printedJson({ exit, stdout, stderr }: Ended): unknown {
  try {
    return JSON.parse(stdout);
  } catch (cause) {
    const found = `exit code ${exit}, standard output ${JSON.stringify(stdout.slice(0, 200))}`;
    throw new Error(`no JSON was printed: ${found}, standard error:\n${stderr}`, { cause });
  }
}
