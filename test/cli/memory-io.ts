import type { CommandIo } from '../../src/cli/command-io.ts';

/** A world of files in memory, and what a command wrote into it. */
export interface MemoryIo extends CommandIo {
  readonly output: string;
}

export function memoryIo(files: Readonly<Record<string, string>>): MemoryIo {
  const io = {
    output: '',
    async *lines(path: string) {
      await Promise.resolve();
      const file = files[path];
      if (file === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      yield* file.split(/\r?\n/);
    },
    write(text: string) {
      io.output += text;
    },
  };
  return io;
}
