import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TemporaryFolder } from '../../../src/app/demo/temporary-folder.ts';

it('has files and folders that only this user may open, until it is closed', () => {
  const folder = new TemporaryFolder();
  const keys = folder.makeFolder('keys');
  const file = folder.write('keys/spring.pem', 'key');
  expect(readFileSync(file, 'utf8')).toBe('key');
  expect([statSync(folder.path), statSync(keys), statSync(file)].map(({ mode }) => mode & 0o777)).toEqual([
    0o700, 0o700, 0o600,
  ]);
  folder.close();
  expect(existsSync(folder.path)).toBe(false);
});

it('names the file that cannot be written', () => {
  const folder = new TemporaryFolder();
  const refused = (name: string) => ({
    code: 'ERR_TEMPORARY_FILE',
    message: `${join(folder.path, name)} cannot be written (ENOENT)`,
  });
  expect(() => folder.write('missing/file', 'text')).toThrow(
    expect.objectContaining(refused('missing/file')),
  );
  expect(() => folder.makeFolder('missing/folder')).toThrow(
    expect.objectContaining(refused('missing/folder')),
  );
  folder.close();
});
