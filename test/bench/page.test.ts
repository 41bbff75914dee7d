import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { benches } from './benches.ts';
import { earlierRuns, writePage, type Run } from './page.ts';
import type { Row } from './row.ts';

const flat = (value: number): Row['figure'] => ({
  median: value,
  lower: value * 0.9,
  upper: value * 1.1,
  count: 24,
});

const row = (name: string, changes: Partial<Row> = {}): Row => ({
  name,
  byteLength: 300,
  figure: flat(40),
  unit: 'µs per round trip',
  ratio: flat(1.3),
  yardstick: 'pipe',
  ...changes,
});

const relay: Row[] = [
  row('relay: narthex passthrough, chat, saturated', { aim: 1.25, ratio: flat(1.24) }),
  row('relay: narthex strict, capabilities, chat, saturated', { aim: 1.5, ratio: flat(1.83) }),
  row('relay: narthex balanced, capabilities, chat, saturated', { aim: 1.35, ratio: undefined }),
  row('relay: HAProxy, chat, saturated', {
    load: { eventsPerLoop: undefined, busy: 0.64, loadBusy: 0.97, discarded: 7 },
  }),
];
const accounting = Object.entries({
  'pipe, saturated: all': 25,
  'pipe, saturated: write': 5,
  'narthex strict, capabilities, saturated: all': 46,
  'narthex strict, capabilities, saturated: scan': 3,
  'narthex strict, capabilities, saturated: judge': 8,
  'narthex strict, capabilities, saturated: dispatch': 0.5,
  'narthex strict, capabilities, saturated: render': 2,
  'narthex strict, capabilities, saturated: write': 6,
}).map(([name, value]) => row(`accounting: ${name}`, { figure: flat(value), unit: 'µs per message' }));

const run: Run = {
  date: '2026-07-10',
  commit: 'abc1234',
  machine: {
    cpu: 'A processor',
    kernel: 'Linux 6',
    node: 'Node v24',
    openssl: 'OpenSSL 3',
    load: 'load average 0.1',
  },
  seconds: 540,
  results: [
    { bench: { name: 'relay', summary: 'What a message costs.' }, rows: relay },
    { bench: { name: 'accounting', summary: 'Where it goes.' }, rows: accounting },
  ],
};

const cells = (page: string, start: string): string[][] =>
  page
    .split('\n')
    .filter((line) => line.startsWith(`| ${start}`))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

describe('docs/benchmarks.md', () => {
  it('states machine, time and what was measured', async () => {
    const page = await writePage(run, '');
    for (const part of [
      '2026-07-10',
      'abc1234',
      'A processor',
      'Linux 6',
      'Node v24',
      'OpenSSL 3',
      '9 minutes',
    ])
      expect(page).toContain(part);
  });

  it('lists every aim, as met, missed or unknown', async () => {
    const [aims] = (await writePage(run, '')).split('## Runs');
    expect(cells(aims!, 'relay').map((line) => [line[0], line.at(-1)])).toEqual([
      ['relay: narthex passthrough, chat, saturated, 300 B', '≤ 1.25: met'],
      ['relay: narthex strict, capabilities, chat, saturated, 300 B', '≤ 1.5: missed'],
      ['relay: narthex balanced, capabilities, chat, saturated, 300 B', '≤ 1.35: unknown'],
    ]);
  });

  it('has each row with its spread, and the rows left out', async () => {
    const [, rows] = (await writePage(run, '')).split('## relay');
    expect(rows).toContain('What a message costs.');
    expect(cells(rows!, 'relay')).toHaveLength(relay.length);
    const [haproxy] = cells(rows!, 'relay: HAProxy');
    expect(haproxy).toEqual(
      expect.arrayContaining(['40.0 (36.0–44.0) µs per round trip', '1.30 (1.17–1.43)', '24, 7']),
    );
  });

  it('lists the surplus, largest first, and adds up', async () => {
    const page = await writePage(run, '');
    expect(page).toContain('a message costs 46.0 µs of CPU, 21.0 more than in the pipe (25.0)');
    const [, parts] = /Of these, in µs: (.*)\.$/m.exec(page)!;
    expect(parts!.split('; ')).toEqual([
      'judging 8.00',
      'what no clock read covers (events, reads, garbage) 6.50',
      'scanning 3.00',
      'rendering 2.00',
      'writing, beyond what the pipe writes 1.00',
      'dispatching 0.50',
    ]);
  });

  it('keeps the runs before, newest first', async () => {
    const first = await writePage(run, '');
    const second = await writePage({ ...run, date: '2026-07-11', commit: 'def5678' }, first);
    const third = await writePage({ ...run, date: '2026-07-12', commit: 'aaa0000' }, second);
    const runs = earlierRuns(third);
    expect(runs.map(({ date, commit }) => `${date} ${commit}`)).toEqual([
      '2026-07-12 aaa0000',
      '2026-07-11 def5678',
      '2026-07-10 abc1234',
    ]);
    expect(runs[2]!['passthrough, saturated']).toBe('1.24 (1.12–1.36)');
    expect(runs[2]!['balanced, saturated']).toBe('');
  });

  it.runIf(existsSync(new URL('../../docs/benchmarks.md', import.meta.url)))(
    'as it stands has a section for each bench (regenerate: npm run bench -- all)',
    () => {
      const page = readFileSync(new URL('../../docs/benchmarks.md', import.meta.url), 'utf8');
      const sections = [...page.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
      expect(sections).toEqual(['Aims', 'Where the surplus is', 'Runs', ...benches.map(({ name }) => name)]);
      expect(page).toContain('`npm run bench -- all`');
      expect(earlierRuns(page).length).toBeGreaterThan(0);
    },
  );
});
