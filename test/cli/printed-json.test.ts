import { expect, it } from 'vitest';
import { printedJson } from './narthex.ts';

it('is what a command printed', () => {
  expect(printedJson({ exit: 0, stdout: '{"a":1}\n', stderr: 'a warning' })).toEqual({ a: 1 });
});

it('is not there when the command failed: its exit code and standard error are the reason', () => {
  expect(() => printedJson({ exit: 69, stdout: '', stderr: 'narthex: error ERR_FILE\n' })).toThrow(
    /exit code 69.*narthex: error ERR_FILE/s,
  );
});
