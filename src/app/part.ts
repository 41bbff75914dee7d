/** The life of a proxy's parts: all are opened, refreshed, drained and closed in the same way. */
export interface Part {
  /** Reads the files of the part again. Unusable files are reported, and the earlier contents stay in force. */
  refresh?(): Promise<void> | void;
  /** Stops accepting, and waits until pending work is finished, for `graceMs` milliseconds at most. */
  drain?(graceMs: number): Promise<void>;
  /** Releases everything. Called once, after `drain` where the part has it. */
  close(): Promise<void> | void;
}

/** The parts of one owner. Like an `AsyncDisposableStack`, which Node 22 lacks. */
export class Parts implements Part {
  readonly #parts: Part[] = [];

  /** Adds a part and returns it. */
  track<T extends Part>(part: T): T {
    this.#parts.push(part);
    return part;
  }

  /** Refreshes all parts at once. */
  async refresh(): Promise<void> {
    await Promise.all(this.#parts.map(async (part) => part.refresh?.()));
  }

  /** Drains all parts at once. */
  async drain(graceMs: number): Promise<void> {
    await Promise.all(this.#parts.map(async (part) => part.drain?.(graceMs)));
  }

  /** Closes the parts, the last one first. Each is closed, even when another fails.
   *  @throws the first failure, after all were closed */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (const part of this.#parts.splice(0).toReversed()) {
      try {
        await part.close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}

/** A part that consists of others. */
interface Assembled extends Part {
  refresh(): Promise<void>;
  drain(graceMs: number): Promise<void>;
  close(): Promise<void>;
}

/** Builds an object of parts, and returns it as a part that owns them.
 *  @param build tracks each part as soon as it is open
 *  @throws the error of `build`, after closing the parts that it had opened */
export async function assemble<T extends object>(
  build: (parts: Parts) => Promise<T> | T,
): Promise<T & Assembled> {
  const parts = new Parts();
  try {
    const built = await build(parts);
    return {
      ...built,
      refresh: () => parts.refresh(),
      drain: (graceMs) => parts.drain(graceMs),
      close: () => parts.close(),
    };
  } catch (error) {
    // The error of `build` is the one to report.
    await parts.close().catch(() => {});
    throw error;
  }
}
