/** docs/recording.md against the code. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { recordingEnds } from '../../src/observability/events.ts';
import { maskedMax } from '../../src/recording/mask.ts';
import { endReasons, parseRecord, recordLineBytesMax } from '../../src/recording/record.ts';
import { wordCharsMin } from '../../src/recording/tokens.ts';
import { backlogBytesMax } from '../../src/recording/writer.ts';
import { sampleRecords } from './recordings.ts';

const page = readFileSync(new URL('../../docs/recording.md', import.meta.url), 'utf8');
const [records = ''] = page.split('\n## Tokens');
const rows = new Map(
  [...records.matchAll(/^\| `([a-z-]+)` +\| (.*) \|$/gm)].map(([, kind, holds]) => [kind!, holds!]),
);

describe('docs/recording.md', () => {
  it.each(sampleRecords.map((record) => [record.kind, record] as const))(
    'names every property of a record `%s`',
    (kind, record) => {
      const described = [...rows.get(kind)!.matchAll(/`(\w+)`/g)].map(([, word]) => word!);
      for (const property of Object.keys(record).filter((name) => name !== 'kind'))
        expect([property, described.includes(property)]).toEqual([property, true]);
      expect(parseRecord(JSON.stringify(record))).toEqual({ kind: 'record', record });
    },
  );

  it('has a row for each kind, and none for another', () => {
    expect([...rows.keys()].toSorted()).toEqual(sampleRecords.map(({ kind }) => kind).toSorted());
  });

  it('names every reason for an end, as the log does', () => {
    for (const reason of endReasons) expect(rows.get('end')).toContain(`\`${reason}\``);
    expect(recordingEnds).toEqual(endReasons);
  });

  it('has the limits of the code', () => {
    expect(page).toContain(`at most ${recordLineBytesMax.toLocaleString('en')} bytes`);
    expect(page).toContain(`more than ${backlogBytesMax / 1_048_576} MiB wait`);
    expect(page).toContain(`more than ${maskedMax.toLocaleString('en')} values`);
    expect(wordCharsMin).toBe(8);
    expect(page).toContain('at least eight');
  });
});
