/** Programs written with a client library, compiled where they run: the tests test the library that is installed. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Program } from './client.ts';
import { programs } from './programs.ts';

/** A C program of `c/`, linked with `library`. */
export function compiledC(source: string, library: string): Program {
  return compiled(programs.gcc, ['-O1', join(import.meta.dirname, 'c', source), `-l${library}`]);
}

/** A C++ program of `cpp/`, linked with `library`. */
export function compiledCpp(source: string, library: string): Program {
  return compiled(programs.gpp, ['-std=c++17', join(import.meta.dirname, 'cpp', source), `-l${library}`]);
}

/** Compiles when it is first run, and keeps the program as long as this process runs. */
function compiled(compiler: string, args: readonly string[]): Program {
  let program: Promise<string> | undefined;
  return async () => ({ program: await (program ??= compile(compiler, args)), args: [] });
}

async function compile(compiler: string, args: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'narthex-compiled-'));
  process.once('exit', () => rmSync(folder, { recursive: true }));
  const program = join(folder, 'client');
  await promisify(execFile)(compiler, ['-Wall', '-Werror', '-o', program, ...args]);
  return program;
}
