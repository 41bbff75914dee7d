/** docs/shared-state.md against the code. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { failuresInRowMax } from '../../src/state/link.ts';
import { stateKinds, type StateKindRow } from '../../src/state/kinds.ts';
import { stateSecretBytesMin } from '../../src/state/sealing.ts';
import { neededCommands } from '../peers/redis.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/shared-state.md'), 'utf8');

it('the page lists every kind with what it holds, for how long, and how it is padded', () => {
  const rows = page
    .split('\n')
    .filter((line) => /^\| `[a-z]+` /.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
  expect(rows).toEqual(
    Object.entries<StateKindRow>(stateKinds).map(
      ([kind, { holds, personal = '', ttlMsMax, paddedToBytes }]) => [
        `\`${kind}\``,
        holds,
        personal,
        `${ttlMsMax / 3_600_000} h`,
        `${paddedToBytes} bytes`,
      ],
    ),
  );
});

it('the page gives the user the commands that the store needs, which redis-server was asked', () => {
  const [, commands] = /^user narthex .* -@all (.*)$/m.exec(page)!;
  expect(commands!.split(' ').map((word) => word.slice(1))).toEqual([...neededCommands]);
});

it('the page has the figures of the code', () => {
  expect(failuresInRowMax).toBe(5);
  expect(page).toContain('five in a row without an answer');
  expect(page).toContain(`a secret below ${stateSecretBytesMin} bytes`);
});
