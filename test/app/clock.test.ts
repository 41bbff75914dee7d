import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/app/clock.ts';

const app = join(import.meta.dirname, '../../src/app');

it('is the only place of app/ that reads the time', () => {
  const readers = readdirSync(app, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .filter((file) =>
      /\b(?:Date\.now|performance\.now|new Date\(\))/.test(readFileSync(join(app, file), 'utf8')),
    );
  expect(readers).toEqual(['clock.ts']);
});

it('counts both in milliseconds', () => {
  expect(Math.abs(systemClock.wall() - Date.now())).toBeLessThan(60_000);
  expect(systemClock.monotonic()).toBeGreaterThan(0);
  expect(systemClock.monotonic()).toBeLessThan(performance.now() + 60_000);
});
