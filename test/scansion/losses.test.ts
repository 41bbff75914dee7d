import { describe, expect, it } from 'vitest';
import { lossesOf, passes, playAll } from './losses.ts';
import type { Venue } from './venue.ts';

const failure = { line: 1, reason: 'nothing more came' };
const scripts = ['steady', 'chance', 'lost'].map((name) => ({ name, text: '' }));

/** A venue in which `chance` fails the first time in each column, and `lost` under strict. */
function venue(): { readonly venue: Venue; readonly played: string[] } {
  const played: string[] = [];
  const play: Venue['play'] = async ({ script: { name }, policy = 'direct' }) => {
    const run = `${name} ${policy}`;
    const isFirst = !played.includes(run);
    played.push(run);
    const fails = (name === 'chance' && isFirst) || (name === 'lost' && policy === 'strict');
    return { failure: fails ? failure : undefined, acted: [] };
  };
  return { venue: { play, close: () => Promise.resolve() }, played };
}

const columns = ['direct', 'strict'];
const named = (rows: Awaited<ReturnType<typeof playAll>>): string[] =>
  lossesOf(rows).map(({ script: { name }, policy }) => `${name} ${policy}`);

describe('scripts that are played in every column', () => {
  it('are lost where they pass directly and fail under a policy', async () => {
    const rows = await playAll(venue().venue, scripts, columns, 2);
    expect(named(rows)).toEqual(['lost strict']);
    expect(rows.map(({ failures }) => passes(failures, 'direct'))).toEqual([true, false, true]);
  });

  it('are played once more where they come out otherwise than known', async () => {
    const { venue: at, played } = venue();
    const rows = await playAll(
      at,
      scripts,
      columns,
      2,
      ({ name }, column) => `${name} ${column}` === 'lost strict',
    );
    expect(named(rows)).toEqual(['lost strict']);
    expect(rows.every(({ failures }) => passes(failures, 'direct'))).toBe(true);
    expect(played.filter((run) => run === 'lost strict')).toHaveLength(1);
    expect(played.filter((run) => run === 'chance strict')).toHaveLength(2);
  });

  it('are lost still where they fail twice', async () => {
    const { venue: at, played } = venue();
    expect(named(await playAll(at, scripts, columns, 2, () => false))).toEqual(['lost strict']);
    expect(played.filter((run) => run === 'lost strict')).toHaveLength(2);
  });
});
