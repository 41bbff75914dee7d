/** Reads the stanzas of recordings: of what `narthex serve --record` has written, and of plain XML streams. A plain file has
 *  one direction of one stream, or of several one after the other; each is a session. */
import { createReadStream } from 'node:fs';
import type { SeenStanza } from '../../audit/field-values.ts';
import { readRecording, RecordingUnusable } from '../../recording/read.ts';
import type { RecordingRecord } from '../../recording/record.ts';
import type { Direction } from '../../stanza/direction.ts';
import { StreamError } from '../../stanza/error.ts';
import { bareJid } from '../../stanza/jid.ts';
import type { Names } from '../../stanza/names.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import type { StreamHeader } from '../../stream/header.ts';
import { defaultLimits } from '../../stream/limits.ts';
import { Scanner, type ScannerSink } from '../../stream/scanner.ts';
import { SimdStructure } from '../../stream/structure/simd.ts';
import { Workspace } from '../../stream/workspace.ts';
import type { RecordedSession } from './replay.ts';
import { StanzaScanner } from './stanza-scanner.ts';

/** Receives a stanza, which is valid during the call. */
export type StanzaSink = (session: RecordedSession, direction: Direction, seen: SeenStanza) => void;

export interface RecordedStreamsOptions {
  readonly names: Names;
  readonly sink: StanzaSink;
  /** Direction of plain XML streams. */
  readonly direction: Direction;
  /** Called after each chunk, with the bytes of it. */
  readonly progress: (bytes: number) => void;
}

/** A file that cannot be opened or read. */
export class RecordingMissing extends Error {
  override readonly name = 'RecordingMissing';
  readonly file: string;

  constructor(file: string) {
    super(`${file} cannot be read`);
    this.file = file;
  }
}

/** Reads recordings one after the other. Sessions are numbered through all of them. */
export class RecordedStreams {
  readonly #options: RecordedStreamsOptions;
  readonly #workspace = new Workspace(new SimdStructure(), defaultLimits);
  #sessions = 0;
  #stanzasWithoutXml = 0;

  constructor(options: RecordedStreamsOptions) {
    this.#options = options;
  }

  /** Number of sessions so far. */
  get sessions(): number {
    return this.#sessions;
  }

  /** Stanzas that a recording has without their XML: the proxy's own, and those above its limit. */
  get stanzasWithoutXml(): number {
    return this.#stanzasWithoutXml;
  }

  /** Reads a file, `-` for standard input. The first character tells a recording (JSON) from a stream (XML).
   *  @throws RecordingMissing; RecordingUnusable ERR_RECORDING_FORMAT, ERR_RECORDING_VERSION, ERR_RECORDING_LINE,
   *  ERR_AUDIT_STREAM */
  async read(file: string): Promise<void> {
    const chunks = this.#chunks(file);
    const { value: first, done } = await chunks.next();
    if (done === true) throw new RecordingUnusable('ERR_RECORDING_FORMAT', file, 1, 'the file is empty');
    const all = prepended(first, chunks);
    if (first.toString('utf8', 0, 64).trimStart().startsWith('{')) await this.#readRecording(file, all);
    else await this.#readStreams(file, all);
  }

  async *#chunks(file: string): AsyncGenerator<Buffer, void> {
    const source = file === '-' ? process.stdin : createReadStream(file, { highWaterMark: 65_536 });
    try {
      for await (const chunk of source) {
        const bytes = chunk as Buffer;
        yield bytes;
        this.#options.progress(bytes.length);
      }
    } catch (error) {
      if (error instanceof Error && 'syscall' in error) throw new RecordingMissing(file);
      throw error;
    }
  }

  // ---- recordings of `narthex serve --record` -------------------------------------------------------------------------

  async #readRecording(file: string, chunks: AsyncIterable<Buffer>): Promise<void> {
    const known = new Map<number, RecordedSession>();
    const scanner = new StanzaScanner(this.#options.names);
    const first = this.#sessions;
    let line = 0;
    for await (const record of readRecording(chunks, file)) {
      line += 1;
      if (record.kind === 'session') {
        const { session, gatekeeper, listener, account, resource, established } = record;
        const number = first + session - 1;
        known.set(session, { number, gatekeeper, listener, account, resource, established });
        this.#sessions = Math.max(this.#sessions, number + 1);
      } else if (record.kind === 'stanza') {
        this.#readRecord(record, known.get(record.session)!, scanner, { file, line });
      }
    }
  }

  #readRecord(
    { direction, received, xml }: Extract<RecordingRecord, { kind: 'stanza' }>,
    session: RecordedSession,
    scanner: StanzaScanner,
    { file, line }: { readonly file: string; readonly line: number },
  ): void {
    if (xml === undefined) {
      this.#stanzasWithoutXml += 1;
      return;
    }
    const wire = Buffer.from(xml);
    const use = (stanza: Stanza): void =>
      this.#options.sink(session, direction, { stanza, wire, size: received });
    try {
      scanner.read(wire, use);
    } catch (error) {
      if (!(error instanceof SyntaxError) && !(error instanceof StreamError)) throw error;
      throw new RecordingUnusable('ERR_RECORDING_FORMAT', file, line, 'its `xml` is not one stanza');
    }
  }

  // ---- plain XML streams ----------------------------------------------------------------------------------------------

  async #readStreams(file: string, chunks: AsyncIterable<Buffer>): Promise<void> {
    const reader = new StreamReader(this.#workspace, this.#options, () => this.#sessions++);
    const lines = new LineCounter();
    for await (const chunk of chunks) {
      lines.enter(chunk);
      try {
        reader.push(chunk);
      } catch (error) {
        if (!(error instanceof StreamError)) throw error;
        throw unreadableAt(file, lines.lineOf(reader.offsetOf(error)), error);
      }
    }
    if (reader.isUnfinished)
      throw new RecordingUnusable('ERR_AUDIT_STREAM', file, lines.last, 'the stream stops inside a stanza');
  }
}

function unreadableAt(file: string, line: number, { code, condition }: StreamError): RecordingUnusable {
  return new RecordingUnusable(
    'ERR_AUDIT_STREAM',
    file,
    line,
    `the stream is refused: ${code} (${condition})`,
  );
}

async function* prepended(first: Buffer, rest: AsyncGenerator<Buffer, void>): AsyncGenerator<Buffer, void> {
  yield first;
  yield* rest;
}

/** Finds the line of an offset in the last two chunks, and the nearest line for an earlier one. */
class LineCounter {
  #chunk: Buffer = Buffer.alloc(0);
  #start = 0;
  /** Line feeds before the chunk. */
  #before = 0;

  enter(chunk: Buffer): void {
    this.#before += countLines(this.#chunk, this.#chunk.length);
    this.#start += this.#chunk.length;
    this.#chunk = chunk;
  }

  /** Number of the last line so far. */
  get last(): number {
    return this.lineOf(this.#start + this.#chunk.length);
  }

  lineOf(offset: number): number {
    return 1 + this.#before + countLines(this.#chunk, offset - this.#start);
  }
}

function countLines(bytes: Buffer, end: number): number {
  let count = 0;
  for (let at = bytes.indexOf(0x0a); at !== -1 && at < end; at = bytes.indexOf(0x0a, at + 1)) count += 1;
  return count;
}

/** What may begin a stream: the declaration, or the header with the usual prefix. */
const beginnings = ['<?xml', '<stream:'].map((text) => Buffer.from(text));
const beginningBytesMax = 8;

/** Reads streams that follow each other. After an element that negotiates, a new header begins the same stream anew
 *  (RFC 6120 §4.3.3). */
class StreamReader {
  readonly #workspace: Workspace;
  readonly #options: RecordedStreamsOptions;
  readonly #begin: () => number;
  #scanner: Scanner | undefined;
  #session: RecordedSession | undefined;
  /** Whether the bytes that follow may begin the stream anew. */
  #mayRestart = false;
  #ended = false;
  /** Bytes that are too few to know what they begin. */
  #carried: Buffer = Buffer.alloc(0);
  /** Bytes that earlier scanners have taken. */
  #taken = 0;
  #scannerStart = 0;

  constructor(workspace: Workspace, options: RecordedStreamsOptions, begin: () => number) {
    this.#workspace = workspace;
    this.#options = options;
    this.#begin = begin;
  }

  get isUnfinished(): boolean {
    return this.#scanner !== undefined && !this.#scanner.atBoundary;
  }

  /** Returns the offset of an error in the file. */
  offsetOf({ detail }: StreamError): number {
    return this.#scannerStart + Number(detail['offset'] ?? 0);
  }

  push(chunk: Buffer): void {
    let rest = this.#carried.length === 0 ? chunk : Buffer.concat([this.#carried, chunk]);
    this.#carried = Buffer.alloc(0);
    while (rest.length > 0) {
      if (this.#scanner === undefined || this.#mayRestart) {
        const start = skipSpace(rest);
        if (this.#scanner === undefined) {
          this.#taken += start;
          rest = rest.subarray(start);
          if (rest.length === 0) return;
          this.#scanner = this.#newScanner();
        } else if (rest.length - start < beginningBytesMax) {
          this.#carried = rest;
          return;
        } else if (beginnings.some((each) => rest.subarray(start, start + each.length).equals(each))) {
          this.#taken += start;
          rest = rest.subarray(start);
          this.#scanner.restart();
        }
        this.#mayRestart = false;
      }
      const taken = this.#scanner.push(rest);
      this.#taken += taken;
      rest = rest.subarray(taken);
      if (this.#ended) {
        this.#scanner = undefined;
        this.#session = undefined;
        this.#ended = false;
      }
    }
  }

  #newScanner(): Scanner {
    this.#scannerStart = this.#taken;
    return new Scanner({
      names: this.#options.names,
      limits: defaultLimits,
      workspace: this.#workspace,
      sink: this.#sink(),
    });
  }

  #sink(): ScannerSink {
    return {
      header: (header) => this.#enter(header),
      stanza: (stanza) => {
        const seen = { stanza, wire: stanza.wire(), size: stanza.byteLength };
        this.#options.sink(this.#session!, this.#options.direction, seen);
        if (stanza.kind !== 'nonza' || !negotiates(stanza)) return;
        this.#mayRestart = true;
        this.#scanner!.halt();
      },
      whitespace: () => {},
      end: () => {
        this.#ended = true;
        this.#scanner!.halt();
      },
    };
  }

  #enter({ attributes }: StreamHeader): void {
    const own = this.#options.direction === 'to-gatekeeper' ? 'from' : 'to';
    const account = bareJid(attributes.get(own) ?? '');
    const known = this.#session;
    this.#session =
      known === undefined
        ? {
            number: this.#begin(),
            gatekeeper: 'gatekeeper',
            listener: '',
            account,
            resource: '',
            established: true,
          }
        : { ...known, account: account === '' ? known.account : account };
  }
}

function negotiates(stanza: Stanza): boolean {
  const namespace = stanza.namespaceName(0);
  return namespace === ns.sasl || namespace === ns.tls;
}

/** Returns the offset of the first byte that is no white space. */
function skipSpace(bytes: Buffer): number {
  let at = 0;
  while (at < bytes.length && (bytes[at] === 0x20 || (bytes[at]! >= 0x09 && bytes[at]! <= 0x0d))) at += 1;
  return at;
}
