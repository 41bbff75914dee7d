/** The counters of streams as records that all replicas have, so that a stream can be resumed at another one (XEP-0198 §5).
 *  Live streams are written at most once a second, and only when their counts have changed; an ended one is written once
 *  more. A record that is older than its connection is recognised by counts of a peer that are beyond it.
 *
 *  A stream has several records, which its resumptions take in turn: a connection that was replaced may still write its own,
 *  and cannot overwrite a newer one. */
import { stateKinds } from '../../state/kinds.ts';
import type { StateStore } from '../../state/store.ts';
import type { Schedule } from '../timers.ts';
import { generationOf, type ManagedStream } from './managed-stream.ts';
import { readStream, writeStream } from './saved-stream.ts';

export interface StreamRecordsOptions {
  readonly state: StateStore;
  /** Milliseconds for which a stream can be resumed after its last write. */
  readonly lifeMs: number;
  /** Returns monotonic milliseconds. */
  readonly now: () => number;
  readonly schedule: Schedule;
}

/** Milliseconds between two writes of one stream, at least. */
export const writeIntervalMs = 1_000;

/** Milliseconds between two looks for changed streams. */
const lookIntervalMs = 250;

/** A live stream. */
interface Followed {
  readonly stream: ManagedStream;
  /** Revision of its counts, time of its last write, and epoch of the store then; undefined before the first. */
  written?: { readonly revision: number; readonly at: number; readonly epoch: number };
  /** Whether a write is in progress. */
  writing: boolean;
}

const kind = 'resumption';

/** Records of one stream. A connection has ended before as many later ones have begun: the gatekeeper ends it when the next
 *  resumes. */
const recordsOfStream = 4;

export class StreamRecords {
  readonly #options: StreamRecordsOptions;
  readonly #followed = new Map<string, Followed>();
  /** Writes of ended streams, and removals, that are in progress. */
  readonly #pending = new Set<Promise<boolean>>();
  #cancel: (() => void) | undefined;

  constructor(options: StreamRecordsOptions) {
    this.#options = options;
  }

  /** Number of live streams. */
  get followed(): number {
    return this.#followed.size;
  }

  /** Returns the newest counters of a stream; undefined for none, and while the store does not answer. */
  async find(key: string): Promise<ManagedStream | undefined> {
    const found = await Promise.all(
      turns.map(async (generation) => {
        try {
          const record = await this.#options.state.get(kind, nameOf(key, generation));
          return record && readStream(record);
        } catch {
          return undefined;
        }
      }),
    );
    return found.reduce((newest, each) =>
      newest === undefined || (each !== undefined && generationOf(each) > generationOf(newest))
        ? each
        : newest,
    );
  }

  /** Writes a live stream from now on, the first time at the next look. One that was just resumed is written at once, since
   *  the record that it came from is outdated. */
  follow(key: string, stream: ManagedStream): void {
    const followed: Followed = { stream, writing: false };
    this.#followed.set(key, followed);
    const generation = generationOf(stream);
    if (generation > 0) {
      void this.#writeLive(key, followed);
      void this.#track(this.#options.state.delete(kind, nameOf(key, generation - 1)));
    }
    this.#cancel ??= this.#options.schedule(lookIntervalMs, () => this.#look());
  }

  /** Writes an ended stream for the last time.
   *  @returns whether it is written */
  async conclude(key: string, stream: ManagedStream): Promise<boolean> {
    this.leave(key, stream);
    return await this.#track(this.#write(key, stream, true));
  }

  /** Stops writing a stream. */
  leave(key: string, stream: ManagedStream): void {
    if (this.#followed.get(key)?.stream === stream) this.#followed.delete(key);
  }

  /** Removes the records of a stream. */
  remove(key: string): void {
    for (const generation of turns)
      void this.#track(this.#options.state.delete(kind, nameOf(key, generation)));
  }

  /** Resolves when no write of an ended stream is in progress. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** Stops looking for changed streams. */
  close(): void {
    this.#cancel?.();
    this.#followed.clear();
  }

  #look(): void {
    this.#cancel = undefined;
    for (const [key, followed] of this.#followed)
      if (this.#isDue(followed)) void this.#writeLive(key, followed);
    if (this.#followed.size > 0) this.#cancel = this.#options.schedule(lookIntervalMs, () => this.#look());
  }

  /** Returns whether a stream has changed and may be written again, or its record is halfway to its end or may be lost. */
  #isDue({ stream, written, writing }: Followed): boolean {
    if (writing) return false;
    if (written === undefined) return true;
    const age = this.#options.now() - written.at;
    if (age < writeIntervalMs) return false;
    const isKept = written.epoch === this.#options.state.epoch && age <= this.#options.lifeMs / 2;
    return !isKept || written.revision !== revisionOf(stream);
  }

  async #writeLive(key: string, followed: Followed): Promise<void> {
    followed.writing = true;
    const { state, now } = this.#options;
    followed.written = { revision: revisionOf(followed.stream), at: now(), epoch: state.epoch };
    try {
      await this.#write(key, followed.stream, false);
    } catch {
      // Any revision differs from this one, so that the next look after the interval writes again.
      followed.written = { ...followed.written, revision: -1 };
    } finally {
      followed.writing = false;
    }
  }

  /** Writes the record of a stream, or removes it where the stream has too many unacknowledged runs for one. */
  async #write(key: string, stream: ManagedStream, final: boolean): Promise<void> {
    const { state, lifeMs } = this.#options;
    const name = nameOf(key, generationOf(stream));
    const record = writeStream(stream, final);
    if (record.length > stateKinds[kind].valueBytesMax) await state.delete(kind, name);
    else await state.set(kind, name, record, Math.min(lifeMs, stateKinds[kind].ttlMsMax));
  }

  /** Keeps an operation until it ends. The store reports its failures.
   *  @returns whether it has succeeded */
  #track(operation: Promise<void>): Promise<boolean> {
    const tracked = operation
      .then(
        () => true,
        () => false,
      )
      .finally(() => {
        this.#pending.delete(tracked);
      });
    this.#pending.add(tracked);
    return tracked;
  }
}

const turns = Array.from({ length: recordsOfStream }, (_, turn) => turn);

function nameOf(key: string, generation: number): string {
  return `${generation % recordsOfStream} ${key}`;
}

function revisionOf({ toGatekeeper, toClient }: ManagedStream): number {
  return toGatekeeper.revision + toClient.revision;
}
