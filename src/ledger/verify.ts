/** Verifies the streams of a ledger: finds a record that was changed, removed, inserted or moved, and says where. */
import type { Retired } from './body.ts';
import type { CheckpointVerifier } from './checkpoint.ts';
import { noHash, parseRecord, type LedgerRecord, type Position } from './record.ts';
import type { Head } from './writer.ts';

/** - `malformed`: a line is no record.
 *  - `changed`: the hash of a line is not that of its bytes.
 *  - `missing`: numbers are left out before a record.
 *  - `out-of-order`: a record stands after one of a higher number, or twice.
 *  - `unchained`: a record follows another one than it did when it was written.
 *  - `bad-signature`: a checkpoint is not signed by the key, so the records since the checkpoint before are not proven.
 *  - `unknown-key`: a checkpoint is signed with a key that was not given.
 *  - `foreign`: a record names another stream than its file.
 *  - `missing-file`: a file of a stream is missing, and no record says that retention removed it.
 *  - `unsigned-end`: no checkpoint stands after the last records of a stream, and no later stream names its end. A
 *    process that was killed while it wrote leaves such an end too, until the next one starts.
 *  - `short-of-head`: a stream ends before the head that was kept elsewhere or that a later stream names, or has another
 *    record there.
 *  - `missing-stream`: a stream that a later one, or the head, names is not in the ledger. */
export type FindingCode =
  | 'malformed'
  | 'changed'
  | 'missing'
  | 'out-of-order'
  | 'unchained'
  | 'bad-signature'
  | 'unknown-key'
  | 'foreign'
  | 'missing-file'
  | 'unsigned-end'
  | 'short-of-head'
  | 'missing-stream';

/** @property line from 1; 0 when the finding is about a whole file or stream */
export interface Finding {
  readonly code: FindingCode;
  readonly stream: string;
  readonly file: string;
  readonly line: number;
  /** First and last number of the records concerned. */
  readonly records: readonly [first: number, last: number];
}

/** What was read of one stream. */
export interface VerifiedStream {
  readonly stream: string;
  /** Number of the first record that is left: more than 1 when retention has removed files. */
  readonly first: number;
  readonly last: Position;
  readonly records: number;
  /** Checkpoints whose signature holds. */
  readonly checkpoints: number;
  /** Bytes of an unfinished line at the end: the process was ended while it wrote. */
  readonly tornBytes: number;
  /** Whether the process ended in order. */
  readonly isClosed: boolean;
}

/** One file of a stream. `lines` yields the lines with their line feeds; the last one may have none. */
export interface StreamFile {
  readonly name: string;
  readonly stream: string;
  readonly file: number;
  lines(): AsyncIterable<string>;
}

export interface VerifyOptions {
  /** Without it signatures are not checked. */
  readonly verifier?: CheckpointVerifier | undefined;
  readonly head?: Head | undefined;
  /** Takes each record whose own hash is right, in the order of its stream. */
  readonly record?: (stream: string, record: LedgerRecord) => void;
}

export interface LedgerVerification {
  readonly streams: readonly VerifiedStream[];
  readonly findings: readonly Finding[];
}

/** Verifies files in the order of their streams and numbers. */
export async function verifyLedger(
  files: readonly StreamFile[],
  { verifier, head, record }: VerifyOptions,
): Promise<LedgerVerification> {
  const readers = new Map<string, StreamReader>();
  for (const file of files) {
    const known = readers.get(file.stream);
    const reader = known ?? new StreamReader(file.stream, verifier, head, record);
    readers.set(file.stream, reader);
    await reader.read(file);
  }
  const all = [...readers.values()];
  const retired = lastRetired(all.flatMap((reader) => reader.retired));
  const ends = new Map(
    all.flatMap(({ previous }) => (previous === undefined ? [] : [[previous.stream, previous]])),
  );
  for (const reader of all) reader.end(retired, ends.get(reader.stream));
  const findings = all.flatMap((reader) => reader.findings);
  return {
    streams: all.map((reader) => reader.summary()),
    findings: [...findings, ...missingStreams(all, retired, head)],
  };
}

/** Returns the last file of each stream. */
function lastRetired(records: readonly Retired[]): ReadonlyMap<string, Retired> {
  const last = new Map<string, Retired>();
  for (const record of records) {
    if (record.file > (last.get(record.stream)?.file ?? 0)) last.set(record.stream, record);
  }
  return last;
}

/** Finds streams that are named and not there. */
function missingStreams(
  readers: readonly StreamReader[],
  retired: ReadonlyMap<string, Retired>,
  head: Head | undefined,
): Finding[] {
  const present = new Set(readers.map(({ stream }) => stream));
  const findings: Finding[] = [];
  for (const { previous } of readers) {
    if (previous === undefined || present.has(previous.stream)) continue;
    if (retired.has(previous.stream)) continue;
    findings.push(missingStream(previous.stream, previous.n));
  }
  if (head !== undefined && !present.has(head.stream)) findings.push(missingStream(head.stream, head.n));
  return findings;
}

function missingStream(stream: string, last: number): Finding {
  return { code: 'missing-stream', stream, file: '', line: 0, records: [1, last] };
}

class StreamReader {
  readonly stream: string;
  readonly findings: Finding[] = [];
  /** Files that retention has removed, of any stream. */
  readonly retired: Retired[] = [];
  previous: Head | undefined;
  readonly #verifier: CheckpointVerifier | undefined;
  readonly #head: Head | undefined;
  readonly #take: VerifyOptions['record'];
  #first = 0;
  #firstPrevious = noHash;
  #last: Position = { n: 0, hash: noHash };
  #records = 0;
  #checkpoints = 0;
  /** The record that the last good checkpoint signed. */
  #signed = 0;
  #tornBytes = 0;
  #isClosed = false;
  #hasHead = false;
  #nextFile = 1;
  #file = '';
  #line = 0;
  /** Files before the first one that is there. */
  readonly #absentFiles: number[] = [];

  constructor(
    stream: string,
    verifier: CheckpointVerifier | undefined,
    head: Head | undefined,
    take: VerifyOptions['record'],
  ) {
    this.stream = stream;
    this.#verifier = verifier;
    this.#head = head?.stream === stream ? head : undefined;
    this.#take = take;
  }

  async read(file: StreamFile): Promise<void> {
    this.#file = file.name;
    this.#line = 0;
    const isFirst = this.#records === 0;
    for (; this.#nextFile < file.file; this.#nextFile += 1) this.#absentFiles.push(this.#nextFile);
    this.#nextFile = file.file + 1;
    for await (const line of file.lines()) {
      this.#line += 1;
      if (!line.endsWith('\n')) this.#tornBytes = Buffer.byteLength(line);
      else this.#readLine(line.slice(0, -1), isFirst && this.#line === 1);
    }
  }

  /** Ends the stream.
   *  @param retired the last file of each stream that some stream says was removed
   *  @param named the end of this stream as a later one found it */
  end(retired: ReadonlyMap<string, Retired>, named: Position | undefined): void {
    const removed = retired.get(this.stream);
    for (const file of this.#absentFiles) {
      if (file > (removed?.file ?? 0)) this.#find('missing-file', this.#first, this.#first, file);
    }
    // The first record that is left follows the last one of the file before it.
    const isNext = removed !== undefined && removed.lastRecord === this.#first - 1;
    if (isNext && removed.lastHash !== this.#firstPrevious)
      this.#find('unchained', this.#first, this.#first, removed.file + 1);
    const { n, hash } = this.#last;
    const isNamed = named?.n === n && named.hash === hash;
    if (this.#signed < n && !isNamed && this.findings.length === 0)
      this.#find('unsigned-end', this.#signed + 1, n);
    // What was removed can be named: its file may have been the last one with a record.
    const lastRemoved = Math.max(this.#first - 1, removed?.lastRecord ?? 0);
    if (named !== undefined && !isNamed && named.n >= n && named.n > lastRemoved)
      this.#find('short-of-head', Math.min(n + 1, named.n), named.n);
    const head = this.#head;
    if (head !== undefined && !this.#hasHead && head.n > lastRemoved)
      this.#find('short-of-head', Math.min(this.#last.n + 1, head.n), head.n);
  }

  summary(): VerifiedStream {
    return {
      stream: this.stream,
      first: this.#first,
      last: this.#last,
      records: this.#records,
      checkpoints: this.#checkpoints,
      tornBytes: this.#tornBytes,
      isClosed: this.#isClosed,
    };
  }

  #readLine(line: string, isFirst: boolean): void {
    const parsed = parseRecord(line);
    if (parsed.kind !== 'record') {
      const n = this.#last.n + 1;
      this.#find(parsed.kind, n, n);
      // The next record is expected to follow this one.
      this.#last = { n, hash: '' };
      return;
    }
    const { record } = parsed;
    if (isFirst) this.#begin(record);
    else this.#follow(record);
    this.#readBody(record);
    this.#last = { n: record.n, hash: record.hash };
    this.#records += 1;
    if (record.n === this.#head?.n) this.#hasHead = record.hash === this.#head.hash;
    this.#take?.(this.stream, record);
  }

  /** The first record that is left of the stream: its predecessors may have been removed with their files. */
  #begin(record: LedgerRecord): void {
    this.#first = record.n;
    this.#firstPrevious = record.prev;
    this.#signed = record.n - 1;
    const isStart = record.kind === 'opened' ? record.n === 1 && record.prev === noHash : record.n > 1;
    if (!isStart || (record.kind !== 'opened' && record.kind !== 'continued'))
      this.#find('missing', 1, record.n - 1);
  }

  #follow(record: LedgerRecord): void {
    const expected = this.#last.n + 1;
    if (record.n > expected) this.#find('missing', expected, record.n - 1);
    else if (record.n < expected) this.#find('out-of-order', record.n, record.n);
    else if (this.#last.hash !== '' && record.prev !== this.#last.hash)
      this.#find('unchained', record.n - 1, record.n);
  }

  #readBody(record: LedgerRecord): void {
    if ('stream' in record && record.kind !== 'retired' && record.stream !== this.stream)
      this.#find('foreign', record.n, record.n);
    if (record.kind === 'opened' && record.previous !== undefined) this.previous = record.previous;
    if (record.kind === 'retired') this.retired.push(record);
    if (record.kind === 'checkpoint') this.#readCheckpoint(record);
    this.#isClosed = record.kind === 'closed' || (this.#isClosed && record.kind === 'checkpoint');
  }

  #readCheckpoint(record: Extract<LedgerRecord, { kind: 'checkpoint' }>): void {
    const signed = { n: record.n - 1, hash: record.prev };
    const verifier = this.#verifier;
    if (verifier === undefined) this.#checkpoints += 1;
    else if (record.key !== verifier.key) this.#find('unknown-key', record.n, record.n);
    else if (verifier.verifies(this.stream, signed, record.signature)) this.#checkpoints += 1;
    else this.#find('bad-signature', this.#signed + 1, record.n);
    this.#signed = record.n;
  }

  #find(code: FindingCode, first: number, last: number, file?: number): void {
    const name = file === undefined ? this.#file : `${this.stream}-${String(file).padStart(6, '0')}.ledger`;
    const line = file === undefined && code !== 'short-of-head' ? this.#line : 0;
    this.findings.push({ code, stream: this.stream, file: name, line, records: [first, last] });
  }
}
