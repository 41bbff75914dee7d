/** What each client shows, in bounded memory. A view is the set of values that one client shows in one cell: a field, for
 *  one audience, before or after a policy. Of a view are kept a digest and the number of its values.
 *
 *  Two caps keep the memory bounded, and both are reported:
 *
 *  - Past `viewsMax` views, the clients are sampled by a hash of their number (adaptive sampling): every figure is then
 *    about a random half, a quarter, … of them. Intervals stay valid, since clients are drawn at random anyway.
 *  - Past `valuesMax` values, long views are closed at half as many values as before, down to `closedFrom`. A closed
 *    view is compared by its first values. */
import { combined, hashFrom, highOf, lowOf, mixed } from './value-hash.ts';

export interface ViewLimits {
  /** Views of all clients. */
  readonly viewsMax: number;
  /** Values of all views, without the first of each. */
  readonly valuesMax: number;
}

/** About 25 MB together, when full. */
export const defaultViewLimits: ViewLimits = { viewsMax: 400_000, valuesMax: 400_000 };

/** Values of one view before any is closed, and the fewest at which one is. */
const viewValuesMax = 4_096;
const closedFrom = 64;

/** A view of one client. */
export interface View {
  readonly client: number;
  readonly cell: number;
  /** The same for equal sets of values. */
  readonly digest: number;
  /** Number of different values. */
  readonly values: number;
}

export class ClientViews {
  readonly #limits: ViewLimits;
  /** Number of zero bits that the hash of a client has which is kept. */
  #level = 0;
  #viewValuesMax = viewValuesMax;
  #closed = 0;
  readonly #views: ViewTable;
  readonly #values: ValueTable;

  constructor(limits: ViewLimits = defaultViewLimits) {
    this.#limits = limits;
    this.#views = new ViewTable(limits.viewsMax);
    this.#values = new ValueTable(limits.valuesMax);
  }

  /** One of this many clients is kept. */
  get oneIn(): number {
    return 2 ** this.#level;
  }

  /** Number of views that have more values than are compared. */
  get closedViews(): number {
    return this.#closed;
  }

  /** Returns whether a client is among those that are kept.
   *  @param client its number, from 0 */
  keeps(client: number): boolean {
    return (mixed(client + 1) & (2 ** this.#level - 1)) === 0;
  }

  /** Adds a value that a client shows.
   *  @param cell below 65,536
   *  @param value its hash */
  add(client: number, cell: number, value: number): void {
    if (!this.keeps(client)) return;
    const view = this.#views.find(client, cell);
    if (view === -1) {
      if (this.#views.size === this.#limits.viewsMax) this.#sample();
      if (this.keeps(client)) this.#views.append(client, cell, value);
      return;
    }
    if (this.#views.isFirst(view, value) || this.#values.has(client, cell, value)) return;
    if (this.#views.countOf(view) >= this.#viewValuesMax) {
      if (this.#views.close(view)) this.#closed += 1;
      return;
    }
    if (this.#values.size === this.#limits.valuesMax) {
      this.#shorten();
      // The view may be gone, or closed.
      this.add(client, cell, value);
      return;
    }
    this.#values.append(client, cell, value);
    this.#views.extend(view, value);
  }

  /** Closes long views; where that is not enough, samples the clients. */
  #shorten(): void {
    const half = this.#limits.valuesMax / 2;
    while (this.#values.size > half && this.#viewValuesMax > closedFrom) {
      this.#viewValuesMax /= 2;
      this.#values.filter(
        (client, cell) => this.#views.countOf(this.#views.find(client, cell)) < this.#viewValuesMax,
      );
    }
    if (this.#values.size > half) this.#sample();
  }

  #sample(): void {
    this.#level += 1;
    this.#views.filter((client) => this.keeps(client));
    this.#values.filter((client) => this.keeps(client));
    this.#closed = this.#views.closedCount();
  }

  /** Yields every view of the clients that are kept. */
  *[Symbol.iterator](): Generator<View, void> {
    yield* this.#views;
  }
}

/** Entries without gaps in typed arrays of their full size, of which only the used part takes memory, and an index by
 *  their hash: open addressing, at most half full. */
class EntryIndex {
  /** Number of the entry plus 1; 0 for a free slot. */
  readonly #slots: Uint32Array;

  constructor(entriesMax: number) {
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(2 * entriesMax + 2)));
  }

  /** Returns the entry that `matches`, -1 without one. */
  find(hash: number, matches: (entry: number) => boolean): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]! - 1;
      if (entry === -1 || matches(entry)) return entry;
    }
  }

  add(hash: number, entry: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = entry + 1;
  }

  clear(): void {
    this.#slots.fill(0);
  }
}

/** Views by client and cell. */
class ViewTable {
  readonly #clients: Uint32Array;
  readonly #cells: Uint16Array;
  readonly #firstHigh: Int32Array;
  readonly #firstLow: Int32Array;
  readonly #sumHigh: Int32Array;
  readonly #sumLow: Int32Array;
  readonly #values: Uint16Array;
  readonly #closed: Uint8Array;
  readonly #index: EntryIndex;
  size = 0;

  constructor(max: number) {
    this.#clients = new Uint32Array(max);
    this.#cells = new Uint16Array(max);
    this.#firstHigh = new Int32Array(max);
    this.#firstLow = new Int32Array(max);
    this.#sumHigh = new Int32Array(max);
    this.#sumLow = new Int32Array(max);
    this.#values = new Uint16Array(max);
    this.#closed = new Uint8Array(max);
    this.#index = new EntryIndex(max);
  }

  /** Returns the entry of a view, -1 without one. */
  find(client: number, cell: number): number {
    return this.#index.find(
      viewHash(client, cell),
      (entry) => this.#clients[entry] === client && this.#cells[entry] === cell,
    );
  }

  append(client: number, cell: number, value: number): void {
    const entry = this.size;
    this.#clients[entry] = client;
    this.#cells[entry] = cell;
    this.#firstHigh[entry] = highOf(value);
    this.#firstLow[entry] = lowOf(value);
    this.#sumHigh[entry] = 0;
    this.#sumLow[entry] = 0;
    this.#values[entry] = 0;
    this.#closed[entry] = 0;
    this.extend(entry, value);
    this.#index.add(viewHash(client, cell), entry);
    this.size += 1;
  }

  isFirst(entry: number, value: number): boolean {
    return this.#firstHigh[entry] === highOf(value) && this.#firstLow[entry] === lowOf(value);
  }

  countOf(entry: number): number {
    return this.#values[entry]!;
  }

  /** Adds a value to the digest: a sum, which does not depend on the order. */
  extend(entry: number, value: number): void {
    const spread = combined(value, 0);
    this.#sumHigh[entry] = (this.#sumHigh[entry]! + highOf(spread)) | 0;
    this.#sumLow[entry] = (this.#sumLow[entry]! + lowOf(spread)) | 0;
    this.#values[entry] = this.#values[entry]! + 1;
  }

  /** @returns whether it was open */
  close(entry: number): boolean {
    if (this.#closed[entry] === 1) return false;
    this.#closed[entry] = 1;
    return true;
  }

  closedCount(): number {
    let count = 0;
    for (let entry = 0; entry < this.size; entry += 1) count += this.#closed[entry]!;
    return count;
  }

  /** Keeps the views of some clients. */
  filter(keep: (client: number) => boolean): void {
    const columns = [
      this.#clients,
      this.#cells,
      this.#firstHigh,
      this.#firstLow,
      this.#sumHigh,
      this.#sumLow,
      this.#values,
      this.#closed,
    ];
    this.size = compact(columns, this.size, (entry) => keep(this.#clients[entry]!));
    this.#index.clear();
    for (let entry = 0; entry < this.size; entry += 1)
      this.#index.add(viewHash(this.#clients[entry]!, this.#cells[entry]!), entry);
  }

  *[Symbol.iterator](): Generator<View, void> {
    for (let entry = 0; entry < this.size; entry += 1) {
      const digest = hashFrom(this.#sumHigh[entry]!, this.#sumLow[entry]!);
      yield {
        client: this.#clients[entry]!,
        cell: this.#cells[entry]!,
        digest,
        values: this.#values[entry]!,
      };
    }
  }
}

/** Which values a view has, beyond its first. */
class ValueTable {
  readonly #clients: Uint32Array;
  readonly #cells: Uint16Array;
  readonly #high: Int32Array;
  readonly #low: Int32Array;
  readonly #index: EntryIndex;
  size = 0;

  constructor(max: number) {
    this.#clients = new Uint32Array(max);
    this.#cells = new Uint16Array(max);
    this.#high = new Int32Array(max);
    this.#low = new Int32Array(max);
    this.#index = new EntryIndex(max);
  }

  has(client: number, cell: number, value: number): boolean {
    const high = highOf(value);
    const low = lowOf(value);
    const found = this.#index.find(
      valueHash(client, cell, high, low),
      (entry) =>
        this.#low[entry] === low &&
        this.#high[entry] === high &&
        this.#clients[entry] === client &&
        this.#cells[entry] === cell,
    );
    return found !== -1;
  }

  append(client: number, cell: number, value: number): void {
    const entry = this.size;
    this.#clients[entry] = client;
    this.#cells[entry] = cell;
    this.#high[entry] = highOf(value);
    this.#low[entry] = lowOf(value);
    this.#index.add(this.#hashOf(entry), entry);
    this.size += 1;
  }

  /** Keeps the values of some views. */
  filter(keep: (client: number, cell: number) => boolean): void {
    const columns = [this.#clients, this.#cells, this.#high, this.#low];
    this.size = compact(columns, this.size, (entry) => keep(this.#clients[entry]!, this.#cells[entry]!));
    this.#index.clear();
    for (let entry = 0; entry < this.size; entry += 1) this.#index.add(this.#hashOf(entry), entry);
  }

  #hashOf(entry: number): number {
    return valueHash(this.#clients[entry]!, this.#cells[entry]!, this.#high[entry]!, this.#low[entry]!);
  }
}

function viewHash(client: number, cell: number): number {
  return mixed(Math.imul(client, 0x9e3779b1) ^ cell);
}

function valueHash(client: number, cell: number, high: number, low: number): number {
  return mixed(Math.imul(client, 0x9e3779b1) ^ Math.imul(cell, 0x85ebca6b) ^ high ^ low);
}

/** Moves the entries that are kept to the front of each column.
 *  @returns how many there are */
function compact(
  columns: readonly { [index: number]: number }[],
  size: number,
  keep: (entry: number) => boolean,
): number {
  let kept = 0;
  for (let entry = 0; entry < size; entry += 1) {
    if (!keep(entry)) continue;
    for (const column of columns) column[kept] = column[entry]!;
    kept += 1;
  }
  return kept;
}
