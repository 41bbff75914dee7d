import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fileBytesMax, readRegularFile, whyOf } from '../../src/documents/read.ts';
import { temporaryFolder } from '../support/temporary.ts';

function why(path: string): string {
  try {
    return `${readRegularFile(path).length} bytes`;
  } catch (error) {
    return whyOf(error);
  }
}

it('reads regular files up to the limit, through links too, and names the kind of others', async () => {
  await using folder = await temporaryFolder();
  const at = (name: string): string => join(folder.path, name);
  writeFileSync(at('empty'), '');
  writeFileSync(at('most'), Buffer.alloc(fileBytesMax, 'x'));
  writeFileSync(at('sparse'), '');
  truncateSync(at('sparse'), 2 ** 40);
  mkdirSync(at('folder'));
  symlinkSync('most', at('link'));
  symlinkSync('loop', at('loop'));
  // Opening a pipe that no process writes to would wait forever.
  execFileSync('/usr/bin/mkfifo', [at('pipe')]);
  expect(readRegularFile(at('link')).equals(Buffer.alloc(fileBytesMax, 'x'))).toBe(true);
  expect({
    empty: why(at('empty')),
    most: why(at('most')),
    sparse: why(at('sparse')),
    folder: why(at('folder')),
    loop: why(at('loop')),
    pipe: why(at('pipe')),
    device: why('/dev/zero'),
    missing: why(at('missing')),
  }).toEqual({
    empty: '0 bytes',
    most: `${fileBytesMax} bytes`,
    sparse: `more than ${fileBytesMax} bytes`,
    folder: 'not a regular file',
    loop: 'ELOOP',
    pipe: 'not a regular file',
    device: 'not a regular file',
    missing: 'ENOENT',
  });
});

it('has nothing of an exception that reading did not throw', () => {
  expect(whyOf(new Error('juliet'))).toBe('unknown reason');
});
