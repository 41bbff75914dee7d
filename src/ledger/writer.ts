/** Writes one stream of the ledger. Records are written in batches: a batch is on disk whole or not at all, and ends
 *  with a signed checkpoint. While writing fails, the caller keeps its counts; the first batch that succeeds again
 *  begins with a `gap` record. */
import type { InForce, Program, RecordBody, Retired } from './body.ts';
import { RetiredFiles } from './retired.ts';
import type { CheckpointSigner } from './checkpoint.ts';
import { noHash, renderRecord, type Position } from './record.ts';

/** Where batches go. `rotate` begins another file; a stream on standard output has none. */
export interface LedgerSink {
  /** @throws the file system's error */
  append(batch: string): Promise<void>;
  /** Whether the file has reached its size or age. */
  readonly isFull: boolean;
  /** Begins the next file, whose number it returns.
   *  @throws the file system's error */
  rotate(): Promise<number>;
  close(): Promise<void>;
}

/** A head is what an auditor keeps elsewhere: a stream, and its last record. */
export interface Head extends Position {
  readonly stream: string;
}

/** Since when writing has failed. */
export interface LedgerFailure {
  /** Milliseconds since 1970. */
  readonly since: number;
  /** The operating system's code, such as ENOSPC. */
  readonly cause: string;
  readonly attempts: number;
}

export interface LedgerWriterOptions {
  /** Random, 16 hexadecimal digits; one for each process. */
  readonly stream: string;
  readonly program: Program;
  /** Files that were removed before this process began. */
  readonly retired?: readonly Retired[];
  readonly sink: LedgerSink;
  readonly signer: CheckpointSigner;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Writing began to fail, or works again (undefined). */
  readonly changed: (failure: LedgerFailure | undefined) => void;
}

export class LedgerWriter {
  readonly #options: LedgerWriterOptions;
  #position: Position = { n: 0, hash: noHash };
  #failure: LedgerFailure | undefined;
  /** The number of a file that has no record yet. */
  #nextFile: number | undefined;
  /** What the records on disk say is in force, by gatekeeper. */
  readonly #inForce = new Map<string, InForce>();
  readonly #retired: RetiredFiles;
  /** Batches are written one after another. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: LedgerWriterOptions) {
    this.#options = options;
    this.#retired = new RetiredFiles(options.retired);
  }

  get head(): Head {
    return { stream: this.#options.stream, ...this.#position };
  }

  /** undefined while writing works. */
  get failure(): LedgerFailure | undefined {
    return this.#failure;
  }

  /** Writes a batch.
   *  @returns whether it is on disk */
  append(bodies: readonly RecordBody[]): Promise<boolean> {
    const written = this.#last.then(() => this.#append(bodies));
    this.#last = written;
    return written;
  }

  /** Waits for the batches before it, writes that the stream ends in order, and closes the sink. */
  async close(): Promise<void> {
    await this.append([{ kind: 'closed', stream: this.#options.stream }]);
    await this.#options.sink.close();
  }

  async #append(bodies: readonly RecordBody[]): Promise<boolean> {
    const { sink } = this.#options;
    try {
      if (sink.isFull) this.#nextFile = await sink.rotate();
      await this.#write([...this.#beginning(), ...this.#gap(), ...bodies]);
      this.#nextFile = undefined;
    } catch (error) {
      this.#failed(error);
      return false;
    }
    for (const body of bodies) {
      if (body.kind === 'in-force') this.#inForce.set(body.gatekeeper, body);
      if (body.kind === 'retired') this.#retired.add(body);
    }
    if (this.#failure !== undefined) this.#changeTo(undefined);
    return true;
  }

  /** Returns the first records of another file: that the stream goes on, what is in force, which files were removed. */
  #beginning(): readonly RecordBody[] {
    const { stream, program } = this.#options;
    if (this.#nextFile === undefined) return [];
    return [
      { kind: 'continued', stream, file: this.#nextFile, ...program },
      ...this.#inForce.values(),
      ...this.#retired.records(),
    ];
  }

  /** Writes records and their checkpoint. The stream goes on only after they are on disk.
   *  @throws the file system's error */
  async #write(bodies: readonly RecordBody[]): Promise<void> {
    const { sink, signer, stream, now } = this.#options;
    const at = now();
    let batch = '';
    let position = this.#position;
    const add = (body: RecordBody): void => {
      const rendered = renderRecord(position, at, body);
      batch += rendered.line;
      position = rendered.position;
    };
    for (const body of bodies) add(body);
    add({ kind: 'checkpoint', stream, key: signer.key, signature: signer.sign(stream, position) });
    await sink.append(batch);
    this.#position = position;
  }

  #gap(): readonly RecordBody[] {
    if (this.#failure === undefined) return [];
    const { since, cause, attempts } = this.#failure;
    const [from, to] = [since, this.#options.now()].map((time) => new Date(time).toISOString());
    return [{ kind: 'gap', from: from!, to: to!, cause, attempts }];
  }

  #failed(error: unknown): void {
    const { since = this.#options.now(), attempts = 0 } = this.#failure ?? {};
    this.#changeTo({ since, cause: causeOf(error), attempts: attempts + 1 });
  }

  #changeTo(failure: LedgerFailure | undefined): void {
    this.#failure = failure;
    this.#options.changed(failure);
  }
}

/** Returns the operating system's code of an error. */
function causeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,30}$/.test(code) ? code : 'UNKNOWN';
}
