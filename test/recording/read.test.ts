import { describe, expect, it } from 'vitest';
import { readRecording, RecordingUnusable } from '../../src/recording/read.ts';
import { recordLineBytesMax, renderRecord, type RecordingRecord } from '../../src/recording/record.ts';
import { sampleRecords } from './recordings.ts';

const [header, , session, stanza, end] = sampleRecords;
const whole: readonly RecordingRecord[] = sampleRecords;

async function* chunksOf(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(text: string, size = 65_536): Promise<RecordingRecord[]> {
  const records: RecordingRecord[] = [];
  for await (const record of readRecording(chunksOf(text, size), 'juliet.jsonl')) records.push(record);
  return records;
}

async function refusal(text: string): Promise<RecordingUnusable> {
  try {
    await read(text);
  } catch (error) {
    if (error instanceof RecordingUnusable) return error;
    throw error;
  }
  throw new Error('it was read');
}

const textOf = (...records: readonly object[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join('');

describe('a recording', () => {
  it.each([1, 7, 65_536])('is read as it was written, in pieces of %i bytes', async (size) => {
    expect(await read(whole.map(renderRecord).join(''), size)).toEqual(whole);
  });

  it('may end without an end, with sessions that learn their account', async () => {
    const known = { ...session, account: 'abcdefgh@ijklmnop', resource: 'qrstuvwx', established: true };
    const { xml: _, ...own } = { ...stanza, received: 0, forwarded: 90 };
    const records = [header, session, stanza, known, own];
    expect(await read(textOf(...records))).toEqual(records);
  });

  it('is yielded before the rest of it was read', async () => {
    let asked = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(textOf(header, session));
      for (; ; asked += 1) yield Buffer.from(textOf(stanza));
    }
    let seen = 0;
    for await (const _ of readRecording(endless(), 'juliet.jsonl')) {
      seen += 1;
      if (seen === 100) break;
    }
    expect(asked).toBeLessThanOrEqual(seen);
  });
});

describe('a recording that cannot be read', () => {
  it.each([
    ['an empty file', '', 1, 'the file has no line of a recording'],
    ['another first line', textOf(session), 1, 'the first line is no `recording`'],
    [
      'a second beginning',
      textOf(header, header),
      2,
      'a second recording begins: one file has one recording',
    ],
    ['text', `${textOf(header)}<stream/>\n`, 2, 'the line is no record: it is not JSON'],
    ['an empty line', `${textOf(header)}\n`, 2, 'the line is no record: it is not JSON'],
    ['a torn line', textOf(header, session, stanza).slice(0, -9), 3, 'the line is no record: it is not JSON'],
    ['a list', `${textOf(header)}[]\n`, 2, 'the line is no record: it is no JSON object'],
    [
      'an unknown kind',
      textOf(header, { kind: 'juliet' }),
      2,
      'the line is no record: it has no known `kind`',
    ],
    [
      'an unknown property',
      textOf(header, { ...session, juliet: 1 }),
      2,
      'the line is no record: it has a property that the format lacks',
    ],
    [
      'a negative size',
      textOf(header, session, { ...stanza, received: -1 }),
      3,
      'the line is no record: `received` is missing, or of another form',
    ],
    [
      'another direction',
      textOf(header, session, { ...stanza, direction: 'juliet' }),
      3,
      'the line is no record: `direction` is missing, or of another form',
    ],
    [
      'a stanza before its session',
      textOf(header, stanza),
      2,
      'the stanza is of a session that has not begun',
    ],
    [
      'a number that is left out',
      textOf(header, { ...session, session: 2 }),
      2,
      'the number of the session leaves one out',
    ],
    ['something after the end', textOf(header, end, session), 3, 'a record follows the end'],
  ])('because of %s', async (_, text, line, reason) => {
    const { code, message } = await refusal(text);
    expect({ code, message }).toEqual({
      code: 'ERR_RECORDING_FORMAT',
      message: `juliet.jsonl:${line}: ${reason}`,
    });
  });

  it('because of its format', async () => {
    const { code, line, reason } = await refusal(textOf({ ...header, format: 2 }));
    expect({ code, line, reason }).toEqual({
      code: 'ERR_RECORDING_VERSION',
      line: 1,
      reason: 'the recording has format 2',
    });
  });

  it('because of a line that is longer than any that is written', async () => {
    const long = { ...stanza, xml: 'x'.repeat(recordLineBytesMax) };
    const { code, line } = await refusal(textOf(header, session, long, stanza));
    expect({ code, line }).toEqual({ code: 'ERR_RECORDING_LINE', line: 3 });
  });

  it('quotes nothing of the line', async () => {
    const { message } = await refusal(textOf(header, { kind: 'marker', marker: 'marker' }));
    expect(message).not.toContain('marker');
  });
});
