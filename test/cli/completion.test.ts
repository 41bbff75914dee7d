/** `narthex completion`: the scripts complete in the shells they are for. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { folderWith } from '../config/folder.ts';
import { programs } from '../peers/programs.ts';
import { describeWithPeers } from '../peers/require.ts';
import { narthex } from './narthex.ts';

const run = promisify(execFile);

/** What the shells complete to, for the words before the cursor; the last one is under it. */
type Complete = (words: readonly string[]) => Promise<readonly string[]>;

async function script(shell: string): Promise<string> {
  const { exit, stdout, stderr } = await narthex(['completion', shell]);
  expect([exit, stderr]).toEqual([0, '']);
  return stdout;
}

/** Runs a program of a shell in a folder with the script, two files and a folder; returns its lines, sorted. */
async function lines(
  program: string,
  args: readonly string[],
  completion: string,
): Promise<readonly string[]> {
  const folder = await folderWith({ completion, 'house.yaml': '', 'other file.yaml': '' });
  const { stdout } = await run(program, args, {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder },
  });
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .toSorted();
}

const quotedWords = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(' ');

/** The same for each shell. */
function describeCompletion(complete: Complete): void {
  it('knows the commands', async () => {
    const all = await complete(['']);
    for (const name of ['init', 'check', 'serve', 'policy', 'completion', 'help'])
      expect(all).toContain(name);
    expect(await complete(['po'])).toEqual(['policy']);
  });

  it('knows the commands of a command', async () => {
    expect(await complete(['policy', ''])).toEqual([
      'buckets',
      'check',
      'diff',
      'explain',
      'fields',
      'help',
      'test',
    ]);
    expect(await complete(['audit', 'can'])).toEqual(['canaries']);
  });

  it('knows the options of the current command, and of no other', async () => {
    const options = await complete(['policy', 'diff', 'balanced', '--']);
    expect(options).toContain('--fail-on');
    expect(options).not.toContain('--stanza');
    expect(await complete(['check', '--fo'])).toEqual(['--format']);
  });

  it('knows the words that an option takes', async () => {
    expect(await complete(['policy', 'check', '--format', ''])).toEqual(['json', 'sarif', 'text']);
    expect(await complete(['policy', 'diff', '--fail-on', 'm'])).toEqual(['more']);
    expect(await complete(['completion', 'z'])).toEqual(['zsh']);
  });

  it('offers files where a file is taken, and the names of shipped policies where a policy is', async () => {
    expect(await complete(['check', 'h'])).toEqual(['house.yaml']);
    expect(await complete(['policy', 'explain', '--stanza', 'ho'])).toEqual(['house.yaml']);
    const policies = await complete(['policy', 'explain', '']);
    for (const each of ['balanced', 'passthrough', 'strict', 'house.yaml']) expect(policies).toContain(each);
  });

  it('takes no value of an option for a command', async () => {
    expect(await complete(['check', 'policy', '--fo'])).toEqual(['--format']);
  });
}

describeWithPeers(['bash'], 'completion in bash', () => {
  let text = '';
  beforeAll(async () => {
    text = await script('bash');
  });
  const complete: Complete = (words) => {
    const call = `source completion; COMP_WORDS=(narthex ${quotedWords(words)}); COMP_CWORD=${words.length}; _narthex; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return lines(programs.bash, ['--norc', '-euc', call], text);
  };
  describeCompletion(complete);

  it('completes --option=value, which bash takes for three words', async () => {
    expect(await complete(['check', '--format', '=', 'j'])).toEqual(['json']);
    expect(await complete(['check', '--format', '='])).toEqual(['json', 'text']);
  });

  it('keeps a file name with a space in one piece', async () => {
    expect(await complete(['check', 'ot'])).toEqual(['other file.yaml']);
  });
});

describeWithPeers(['zsh'], 'completion in zsh', () => {
  let text = '';
  beforeAll(async () => {
    text = await script('zsh');
  });
  // The functions of zsh's own that the script calls work in its line editor only; these print what they are given.
  const stubs = `compdef() { :; }
_describe() { local word; for word in "\${(@P)@[-1]}"; do print -r -- "\${word%%:*}"; done; }
compadd() { shift; print -rl -- "\${(@P)1}"; }
_files() { print -rl -- *(N); }
`;
  const complete: Complete = async (words) => {
    const call = `${stubs}source ./completion; words=(narthex ${quotedWords(words)}); CURRENT=${words.length + 1}; _narthex`;
    const all = await lines(programs.zsh, ['-f', '-c', call], text);
    return all
      .filter((word) => word !== 'completion' || words.length === 1)
      .filter((word) => word.startsWith(words.at(-1)!));
  };
  describeCompletion(complete);
});

describeWithPeers(['fish'], 'completion in fish', () => {
  let text = '';
  beforeAll(async () => {
    text = await script('fish');
  });
  describeCompletion(async (words) => {
    const line = ['narthex', ...words].join(' ');
    const all = await lines(
      programs.fish,
      ['--no-config', '-c', `source completion; complete -C '${line}'`],
      text,
    );
    return all.map((each) => each.split('\t')[0]!).toSorted();
  });
});

describe('narthex completion', () => {
  it('is for the three shells only', async () => {
    const { exit, stderr } = await narthex(['completion', 'tcsh']);
    expect(exit).toBe(64);
    expect(stderr).toContain('Allowed choices are bash, zsh, fish.');
  });
});
