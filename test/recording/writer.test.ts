import { describe, expect, it } from 'vitest';
import { renderRecord, type RecordingRecord } from '../../src/recording/record.ts';
import { RecordingWriter, type RecordingEnd, type RecordingSink } from '../../src/recording/writer.ts';
import { eventually } from '../support/wait.ts';

const stanza = (bytes: number): RecordingRecord => ({
  kind: 'stanza',
  session: 1,
  direction: 'to-client',
  at: 1,
  received: bytes,
  forwarded: bytes,
  waited: 0,
  xml: 'x'.repeat(bytes),
});

/** A disk that is as fast as the test lets it be. */
class Disk implements RecordingSink {
  text = '';
  closed = false;
  fails: 'append' | 'close' | undefined;
  /** While set, nothing is written. */
  blocked: Promise<void> | undefined;
  appends = 0;

  async append(lines: string): Promise<void> {
    this.appends += 1;
    await this.blocked;
    if (this.fails === 'append') throw new Error('ENOSPC');
    this.text += lines;
  }

  async close(): Promise<void> {
    this.closed = true;
    if (this.fails === 'close') throw new Error('EIO');
  }
}

interface Bench {
  readonly writer: RecordingWriter;
  readonly disk: Disk;
  readonly ends: RecordingEnd[];
  /** How often recording was stopped. */
  readonly stopped: () => number;
  readonly kinds: () => string[];
}

function bench(bytesMax = 1_000_000, backlogBytesMax = 1_000_000): Bench {
  const disk = new Disk();
  const ends: RecordingEnd[] = [];
  let stops = 0;
  const writer = new RecordingWriter({
    sink: disk,
    bytesMax,
    backlogBytesMax,
    now: () => 7,
    stopped: () => (stops += 1),
    ended: (end) => ends.push(end),
  });
  const kinds = (): string[] =>
    disk.text
      .split('\n')
      .slice(0, -1)
      .map((line) => {
        const { kind, reason } = JSON.parse(line) as { kind: string; reason?: string };
        return reason ?? kind;
      });
  return { writer, disk, ends, stopped: () => stops, kinds };
}

describe('a recording', () => {
  it('is written in order, with its end', async () => {
    const { writer, disk, ends, stopped } = bench();
    for (let bytes = 0; bytes < 50; bytes += 1) writer.write(stanza(bytes));
    await writer.end('stopped');
    const lines = Array.from({ length: 50 }, (_, bytes) => renderRecord(stanza(bytes)));
    const end = renderRecord({ kind: 'end', at: 7, reason: 'stopped', stanzas: 50 });
    expect(disk.text).toBe([...lines, end].join(''));
    expect(ends).toEqual([{ reason: 'stopped', stanzas: 50, bytes: disk.text.length }]);
    expect(stopped()).toBe(1);
    expect(disk.closed).toBe(true);
  });

  it('is written in few pieces, however many stanzas one turn has', async () => {
    const { writer, disk } = bench();
    for (let count = 0; count < 1_000; count += 1) writer.write(stanza(10));
    await writer.end('stopped');
    expect(disk.appends).toBeLessThan(5);
  });

  it('ends before it is larger than it may be', async () => {
    const { writer, disk, ends, kinds } = bench(2_000);
    for (let count = 0; count < 100; count += 1) writer.write(stanza(100));
    await eventually(() => ends.length > 0);
    expect(kinds().at(-1)).toBe('size');
    expect(kinds().length).toBeGreaterThan(3);
    expect(disk.text.length).toBeLessThanOrEqual(2_000);
    expect(ends[0]).toEqual({ reason: 'size', stanzas: kinds().length - 1, bytes: disk.text.length });
  });

  it('ends once: what comes later changes nothing', async () => {
    const { writer, disk, ends } = bench();
    await writer.end('duration');
    const { text } = disk;
    writer.write(stanza(1));
    await writer.end('stopped');
    expect(disk.text).toBe(text);
    expect(ends).toMatchObject([{ reason: 'duration' }]);
  });

  it('ends when the disk is too slow for the traffic', async () => {
    const { writer, disk, ends, kinds } = bench(1_000_000, 1_000);
    const { promise, resolve } = Promise.withResolvers<void>();
    disk.blocked = promise;
    for (let count = 0; count < 100; count += 1) writer.write(stanza(100));
    expect(writer.isOver).toBe(true);
    resolve();
    await eventually(() => ends.length > 0);
    expect(kinds().at(-1)).toBe('overrun');
  });

  it('ends when it cannot be written, without a further line', async () => {
    const { writer, disk, ends, stopped, kinds } = bench();
    writer.write(stanza(1));
    await eventually(() => disk.text !== '');
    disk.fails = 'append';
    writer.write(stanza(2));
    await eventually(() => ends.length > 0);
    writer.write(stanza(3));
    expect(kinds()).toEqual(['stanza']);
    expect(ends).toEqual([{ reason: 'write-failed', stanzas: 2, bytes: disk.text.length }]);
    expect([stopped(), disk.closed]).toEqual([1, true]);
    await writer.end('stopped');
    expect(ends).toHaveLength(1);
  });

  it('stops once, also where what waits at its end cannot be written', async () => {
    const { writer, disk, ends, stopped } = bench();
    disk.fails = 'append';
    writer.write(stanza(1));
    await writer.end('duration');
    expect(ends).toMatchObject([{ reason: 'write-failed', bytes: 0 }]);
    expect(stopped()).toBe(1);
  });

  it('says that it failed when its end cannot be written', async () => {
    const { writer, disk, ends, stopped } = bench();
    disk.fails = 'close';
    await writer.end('duration');
    expect(ends).toMatchObject([{ reason: 'write-failed' }]);
    expect(stopped()).toBe(1);
  });

  it('has a stanza without its XML where the line would be longer than a reader takes', async () => {
    const { writer, disk } = bench(10_000_000, 10_000_000);
    writer.write(stanza(1_048_600));
    await writer.end('stopped');
    const [line] = disk.text.split('\n');
    expect(JSON.parse(line!)).toMatchObject({ received: 1_048_600, forwarded: 1_048_600 });
    expect(line).not.toContain('xml');
  });
});
