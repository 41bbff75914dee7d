/** Every log event is written somewhere. (test/errors holds error codes to the same.) */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { logEvents } from '../../src/observability/events.ts';
import { readSource } from './source.ts';

const root = new URL('../..', import.meta.url).pathname;
const table = 'src/observability/events.ts';

it('every log event is written by some file under src/', () => {
  const sources = globSync('src/**/*.ts', { cwd: root })
    .filter((file) => file !== table && !/\.(wasm|as)\.ts$/.test(file))
    .map((file) => readFileSync(join(root, file), 'utf8'));
  const isWritten = (event: string): boolean =>
    sources
      .filter((source) => source.includes(event))
      .some((source) => readSource(source).strings.some(({ text }) => text === event));
  expect(Object.keys(logEvents).filter((event) => !isWritten(event))).toEqual([]);
});
