/** Writes the records of one recording, up to its size, and ends it: at its size, after its time, when it cannot be
 *  written, or when the proxy stops. What is recorded waits in memory until it is written, up to a limit. */
import { renderRecord, recordLineBytesMax, type EndReason, type RecordingRecord } from './record.ts';

/** Bytes that may wait for the disk. A recording whose disk is slower than its traffic ends. */
export const backlogBytesMax = 16_777_216;

/** Room for the last line. */
const endBytes = 256;

export interface RecordingSink {
  /** Appends whole lines.
   *  @throws the file system's error; nothing of the lines is left in the file then */
  append(lines: string): Promise<void>;
  /** @throws the file system's error */
  close(): Promise<void>;
}

/** How a recording ended. */
export interface RecordingEnd {
  readonly reason: EndReason;
  readonly stanzas: number;
  /** Size of the file. */
  readonly bytes: number;
}

export interface RecordingWriterOptions {
  readonly sink: RecordingSink;
  readonly bytesMax: number;
  readonly backlogBytesMax?: number;
  /** Returns shifted milliseconds since 1970. */
  readonly now: () => number;
  /** Called once, as soon as nothing more is recorded. */
  readonly stopped: () => void;
  /** Called once, when the file is closed. */
  readonly ended: (end: RecordingEnd) => void;
}

export class RecordingWriter {
  readonly #options: RecordingWriterOptions;
  #lines: string[] = [];
  #waitingBytes = 0;
  /** Bytes of the lines that were taken, and of those that are in the file. */
  #bytes = 0;
  #writtenBytes = 0;
  #stanzas = 0;
  #reason: EndReason | undefined;
  #writing: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: RecordingWriterOptions) {
    this.#options = options;
  }

  get isOver(): boolean {
    return this.#reason !== undefined;
  }

  /** Takes a record. One that has no room left ends the recording. */
  write(record: RecordingRecord): void {
    if (this.#reason !== undefined) return;
    const line = lineOf(record);
    const bytes = Buffer.byteLength(line);
    const { bytesMax, backlogBytesMax: waitingMax = backlogBytesMax } = this.#options;
    if (this.#bytes + bytes > bytesMax - endBytes) return void this.end('size');
    if (this.#waitingBytes + bytes > waitingMax) return void this.end('overrun');
    if (record.kind === 'stanza') this.#stanzas += 1;
    this.#take(line, bytes);
  }

  /** Ends the recording. Resolves when the file is closed. */
  end(reason: EndReason): Promise<void> {
    this.#stop(reason);
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #stop(reason: EndReason): void {
    if (this.#reason !== undefined) return;
    const { now, stopped } = this.#options;
    const at = now();
    this.#reason = reason;
    if (reason !== 'write-failed') {
      const line = renderRecord({ kind: 'end', at, reason, stanzas: this.#stanzas });
      this.#take(line, Buffer.byteLength(line));
    }
    stopped();
  }

  #take(line: string, bytes: number): void {
    this.#lines.push(line);
    this.#bytes += bytes;
    this.#waitingBytes += bytes;
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    // Lines of one turn of the event loop are written together.
    await Promise.resolve();
    while (this.#lines.length > 0) {
      const lines = this.#lines.join('');
      const bytes = this.#waitingBytes;
      this.#lines = [];
      try {
        await this.#options.sink.append(lines);
      } catch {
        this.#lines = [];
        if (this.#reason === undefined) this.#options.stopped();
        this.#reason = 'write-failed';
        this.#writing = undefined;
        void (this.#closing ??= this.#close());
        return;
      }
      this.#writtenBytes += bytes;
      this.#waitingBytes -= bytes;
    }
    this.#writing = undefined;
  }

  async #close(): Promise<void> {
    await this.#writing;
    try {
      await this.#options.sink.close();
    } catch {
      this.#reason = 'write-failed';
    }
    this.#options.ended({ reason: this.#reason!, stanzas: this.#stanzas, bytes: this.#writtenBytes });
  }
}

/** Renders a record, without its XML where the line would be too long to be read. */
function lineOf(record: RecordingRecord): string {
  const line = renderRecord(record);
  if (record.kind !== 'stanza' || line.length <= recordLineBytesMax) return line;
  const { xml: _, ...sizes } = record;
  return renderRecord(sizes);
}
