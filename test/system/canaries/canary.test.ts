/** The search for canaries finds them. */
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { Canaries } from './canary.ts';

const ways: readonly (readonly [string, (value: string) => string])[] = [
  ['as it is', (value) => value],
  ['in capitals', (value) => value.toUpperCase()],
  ['cut off', (value) => value.slice(0, 8)],
  ['backwards', (value) => [...value].reverse().join('')],
  ['in base64', (value) => Buffer.from(value).toString('base64')],
  ['in base64 after a byte', (value) => Buffer.from(`\0${value}`).toString('base64')],
  ['in base64url after two', (value) => Buffer.from(`ab${value}`).toString('base64url')],
  ['in hexadecimal', (value) => Buffer.from(value).toString('hex')],
  ['in percent encoding', (value) => Buffer.from(value).toString('hex').replaceAll(/../g, '%$&')],
  ['as a buffer in JSON', (value) => JSON.stringify(Buffer.from(value))],
  ['as a hash', (value) => createHash('sha256').update(value).digest('base64url')],
];

it.each(ways)('a value %s', (_, write) => {
  const canaries = new Canaries();
  const value = canaries.at('somewhere');
  canaries.at('elsewhere');
  expect(canaries.found(`{"level":"info","x":"${write(value)}"}`)).toContainEqual(
    expect.stringMatching(/^somewhere: /),
  );
  expect(canaries.found('{"level":"info"}')).toEqual([]);
});
