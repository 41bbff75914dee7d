/** Takes what the connections of a process read in one iteration of the event loop in two steps: all of it is scanned
 *  and judged, then all output is written. The code of each step stays in the processor's caches from one connection to
 *  the next. Taken one by one, each chunk finds them filled by two system calls.
 *
 *  Where each iteration has one read there is nothing to gain, and waiting for its end costs another iteration. So a
 *  batch is tried now and then, and chunks are taken at once until a batch has had two. */

/** Takes what one connection reads. Reports errors, throws none. */
export interface ChunkTaker {
  /** Scans a chunk and queues output.
   *  @returns whether `finish` is to follow: not after an error, nor where the chunk is kept for later */
  take(chunk: Uint8Array): boolean;
  /** Writes the output. */
  finish(): void;
}

/** Connections in a batch at most, which bounds what is held and how long the first one waits. */
const connectionsMax = 64;
/** Chunks that are taken at once after a batch of one: after the first such batch, and at most. */
const singles = { first: 2, max: 64 };

/** The batch of a process. */
export class ReadBatch {
  #connections: BatchedReads[] = [];
  #scheduled = false;
  /** Chunks to take at once before the next batch is tried. */
  #singlesLeft = 0;
  /** Chunks to take at once after the next batch of one. */
  #singlesNext = singles.first;
  readonly #afterReads = (): void => {
    this.#scheduled = false;
    this.take();
  };

  /** Decides about the next chunk. @returns whether it is to wait for the other reads of this iteration */
  waits(): boolean {
    if (this.#singlesLeft === 0) return true;
    this.#singlesLeft -= 1;
    return false;
  }

  /** Adds a connection whose chunk waits. Called outside of `take`. */
  add(connection: BatchedReads): void {
    this.#connections.push(connection);
    if (this.#connections.length === connectionsMax) this.take();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#afterReads);
    }
  }

  /** Takes all chunks that wait. */
  take(): void {
    const connections = this.#connections;
    if (connections.length === 0) return;
    this.#connections = [];
    this.#learn(connections.length);
    for (const connection of connections) connection.takeWaiting();
    for (const connection of connections) connection.finish();
  }

  #learn(length: number): void {
    if (length > 1) this.#singlesNext = singles.first;
    else {
      this.#singlesLeft = this.#singlesNext;
      this.#singlesNext = Math.min(2 * this.#singlesNext, singles.max);
    }
  }
}

/** The reads of one connection. */
export class BatchedReads {
  readonly #batch: ReadBatch;
  readonly #taker: ChunkTaker;
  #isBatched = false;
  #waiting: Uint8Array | undefined;
  /** Whether `finish` is to follow. */
  #taken = false;

  constructor(batch: ReadBatch, taker: ChunkTaker) {
    this.#batch = batch;
    this.#taker = taker;
  }

  /** Lets chunks wait for those of other connections from now on. */
  begin(): void {
    this.#isBatched = true;
  }

  /** Takes the chunk that waits, with its batch: the connection has read another one, or has ended. */
  settle(): void {
    if (this.#waiting !== undefined) this.#batch.take();
  }

  /** Takes a chunk now or with its batch. Called when no other one waits. */
  add(chunk: Uint8Array): void {
    if (this.#isBatched && this.#batch.waits()) {
      this.#waiting = chunk;
      this.#batch.add(this);
    } else if (this.#taker.take(chunk)) this.#taker.finish();
  }

  /** Called by the batch. */
  takeWaiting(): void {
    const chunk = this.#waiting!;
    this.#waiting = undefined;
    this.#taken = this.#taker.take(chunk);
  }

  /** Called by the batch. */
  finish(): void {
    if (this.#taken) this.#taker.finish();
  }
}
