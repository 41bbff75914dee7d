/** Reads a recording as a stream: in memory is one line, and a number for each session. */
import { boundedLines } from '../documents/bounded-lines.ts';
import type { RecordingErrorCode } from '../errors/recording.ts';
import { Refusal } from '../errors/refusal.ts';
import { parseRecord, recordLineBytesMax, type RecordingRecord } from './record.ts';

/** Why a recording cannot be read further. */
export class RecordingUnusable extends Refusal<RecordingErrorCode> {
  override readonly name = 'RecordingUnusable';
  readonly file: string;
  /** Number of the line, from 1. */
  readonly line: number;
  /** What is wrong, without a full stop. */
  readonly reason: string;

  constructor(code: RecordingErrorCode, file: string, line: number, reason: string) {
    super(code, `${file}:${line}: ${reason}`);
    this.file = file;
    this.line = line;
    this.reason = reason;
  }
}

/** Yields every record in order. The first is the `recording`, a session comes before its stanzas, and nothing follows
 *  the end.
 *  @param chunks the bytes of the file
 *  @param file its name, for errors
 *  @throws RecordingUnusable ERR_RECORDING_FORMAT, ERR_RECORDING_VERSION, ERR_RECORDING_LINE; the error of `chunks` */
export async function* readRecording(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
): AsyncGenerator<RecordingRecord, void> {
  const order = new RecordOrder();
  let line = 0;
  for await (const read of boundedLines(chunks, recordLineBytesMax)) {
    line += 1;
    const fail = (code: RecordingErrorCode, reason: string): RecordingUnusable =>
      new RecordingUnusable(code, file, line, reason);
    if (read.kind === 'too-long')
      throw fail('ERR_RECORDING_LINE', `the line has more than ${recordLineBytesMax} bytes`);
    const parsed = parseRecord(read.text);
    if (parsed.kind === 'other-format')
      throw fail('ERR_RECORDING_VERSION', `the recording has format ${parsed.format}`);
    if (parsed.kind === 'malformed')
      throw fail('ERR_RECORDING_FORMAT', `the line is no record: ${parsed.reason}`);
    const misplaced = order.take(parsed.record);
    if (misplaced !== undefined) throw fail('ERR_RECORDING_FORMAT', misplaced);
    yield parsed.record;
  }
  if (line === 0)
    throw new RecordingUnusable('ERR_RECORDING_FORMAT', file, 1, 'the file has no line of a recording');
}

/** Which record may follow which. */
class RecordOrder {
  #begun = false;
  #ended = false;
  /** Number of the last session that began. Sessions are numbered in their order. */
  #sessions = 0;

  /** Returns why a record stands in a wrong place; undefined where it may stand. */
  take(record: RecordingRecord): string | undefined {
    const begins = record.kind === 'recording';
    if (begins && this.#begun) return 'a second recording begins: one file has one recording';
    if (!begins && !this.#begun) return 'the first line is no `recording`';
    if (this.#ended) return 'a record follows the end';
    this.#begun = true;
    if (record.kind === 'end') this.#ended = true;
    if (record.kind === 'session') {
      if (record.session > this.#sessions + 1) return 'the number of the session leaves one out';
      this.#sessions = Math.max(this.#sessions, record.session);
    }
    if (record.kind === 'stanza' && record.session > this.#sessions)
      return 'the stanza is of a session that has not begun';
    return undefined;
  }
}
