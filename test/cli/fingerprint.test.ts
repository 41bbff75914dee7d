import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { registerFingerprint, runFingerprint, type FingerprintArguments } from '../../src/cli/fingerprint.ts';
import { memoryIo } from './memory-io.ts';

const read = (name: string): Record<string, string>[] =>
  JSON.parse(readFileSync(new URL(`../signals/vectors/${name}.json`, import.meta.url), 'utf8')) as [];
const hellos = read('client-hello');
const syns = read('syn');

async function run(args: FingerprintArguments, input: string): Promise<unknown[]> {
  const io = memoryIo({ '-': input, captures: input });
  await runFingerprint(args, io);
  return io.output
    .split('\n')
    .slice(0, -1)
    .map((line): unknown => JSON.parse(line));
}

describe('narthex fingerprint', () => {
  it('prints JA4 for each ClientHello, as hex or JSON, as records or bare', async () => {
    const lines = hellos.flatMap(({ hello }) => [
      hello,
      JSON.stringify({ note: 'x', hello }),
      hello!.slice(10),
    ]);
    const expected = hellos.flatMap(({ ja4, ja4_r, ja4_stable_2 }) =>
      [1, 2, 3].map(() => ({ ja4, ja4_r, ja4_stable_2 })),
    );
    expect(await run({ clientHello: 'captures' }, lines.join('\n'))).toEqual(expected);
  });

  it('prints the p0f signature for each SYN', async () => {
    const lines = syns.flatMap(({ syn }) => [syn, ` ${syn!.toUpperCase()} `, '', JSON.stringify({ syn })]);
    const expected = syns.flatMap(({ p0f }) => [{ p0f }, { p0f }, { p0f }]);
    expect(await run({ syn: '-' }, `${lines.join('\r\n')}\n`)).toEqual(expected);
  });

  it('prints a reason for a line that it cannot read, and goes on', async () => {
    const lines = [
      'zz',
      'abc',
      '{"hello":1}',
      '{"syn":"45"}',
      '{',
      '3c',
      '1603010001',
      '010000',
      hellos[0]!['hello']!,
    ];
    const output = await run({ clientHello: '-' }, lines.join('\n'));
    expect(output.slice(0, -1)).toEqual([
      ...Array.from({ length: 5 }, () => ({ error: 'not-hex' })),
      { error: 'not-tls' },
      { error: 'incomplete' },
      { error: 'malformed' },
    ]);
    expect(output.at(-1)).toMatchObject({ ja4: hellos[0]!['ja4'] });
    expect(await run({ syn: '-' }, '45')).toEqual([{ error: 'malformed' }]);
  });

  it.each<[FingerprintArguments, string]>([
    [{}, 'ERR_OPTION: give one of --client-hello and --syn'],
    [{ syn: '-', clientHello: '-' }, 'ERR_OPTION: give one of --client-hello and --syn'],
    [{ syn: 'missing' }, 'ERR_FILE: missing cannot be read'],
  ])('does not take %o', async (args, message) => {
    const io = memoryIo({ '-': '' });
    await expect(runFingerprint(args, io)).rejects.toThrow(message);
    expect(io.output).toBe('');
  });

  it('is a command whose file may be left out', async () => {
    const io = memoryIo({ '-': syns[0]!['syn']! });
    const program = new Command();
    registerFingerprint(program, io);
    await program.parseAsync(['fingerprint', '--syn'], { from: 'user' });
    expect(JSON.parse(io.output)).toEqual({ p0f: syns[0]!['p0f'] });
  });
});
