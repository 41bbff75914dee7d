/** Sizes to which stanzas are padded, so that their size reveals as little as the allowed overhead permits.
 *
 *  A bucket ends at an observed size, and stanzas are padded to the end of theirs. What is minimised is a sum over the
 *  buckets: the entropy of the bucket, or the mutual information of bucket and kind of stanza. The minimum under a limit
 *  of padding bytes is found exactly, by dynamic programming over the sizes: partial solutions are kept unless another is
 *  as good in padding, leakage and number of buckets. A Lagrangian bound (Held and Karp 1971, Mathematical Programming 1,
 *  6–25) drops those from which no better solution than the best known can follow. */

/** Stanzas of sizes that are always padded alike. */
export interface SizeGroup {
  /** Size in bytes to which they can be padded: at least the largest. */
  readonly end: number;
  /** Their smallest size, and the sum of their sizes. */
  readonly smallest: number;
  readonly bytes: number;
  /** Number of stanzas by kind. */
  readonly kinds: readonly number[];
}

/** What an observer of the size learns. */
export type Leakage = 'size' | 'kind';

export interface BucketLimits {
  /** Bytes of padding, of all stanzas together. */
  readonly paddingMax: number;
  readonly bucketsMax: number;
  /** Bytes of padding of one stanza. */
  readonly stanzaPaddingMax: number;
}

/** Buckets and what they cost. */
export interface Buckets {
  /** Sizes in bytes, ascending. */
  readonly ends: readonly number[];
  /** Bits. */
  readonly leakage: number;
  /** Bytes. */
  readonly padding: number;
}

/** A solution for the first groups. */
interface Partial {
  readonly padding: number;
  readonly leakage: number;
  readonly buckets: number;
  readonly end: number;
  readonly before: Partial | undefined;
}

/** Leakages that differ by less are equal. */
const tolerance = 1e-12;
/** Number of multipliers of the bound. */
const multipliers = 24;

/** Returns the buckets with the least leakage; undefined where none keep the limits.
 *  @param groups by size, ascending */
export function optimalBuckets(
  groups: readonly SizeGroup[],
  leakage: Leakage,
  limits: BucketLimits,
): Buckets | undefined {
  if (groups.length === 0) return undefined;
  const segments = new Segments(groups, leakage, limits.stanzaPaddingMax);
  const bound = new LagrangianBound(segments, limits);
  let best = bound.best;
  const { count } = segments;
  const open: Partial[][] = Array.from({ length: count + 1 }, () => []);
  open[0]!.push({ padding: 0, leakage: 0, buckets: 0, end: 0, before: undefined });
  for (let from = 0; from < count; from += 1)
    for (const partial of undominated(open[from]!)) {
      if (bound.from(partial) >= (best?.leakage ?? Infinity) - tolerance) continue;
      for (let to = from + 1; to <= count; to += 1) {
        if (!segments.isAllowed(from, to)) break;
        const padding = partial.padding + segments.padding(from, to);
        // More sizes in a bucket take more padding, whatever they are.
        if (padding > limits.paddingMax) break;
        const next: Partial = {
          padding,
          leakage: partial.leakage + segments.leakage(from, to),
          buckets: partial.buckets + 1,
          end: to,
          before: partial,
        };
        if (to === count) {
          if (best === undefined || next.leakage < best.leakage - tolerance) best = next;
        } else if (
          next.buckets < limits.bucketsMax &&
          bound.from(next) < (best?.leakage ?? Infinity) - tolerance
        )
          open[to]!.push(next);
      }
    }
  return best === undefined ? undefined : bucketsOf(best, groups);
}

/** Returns the leakage and padding of given buckets.
 *  @param padTo returns the size on the wire of a stanza of this size, in bytes */
export function measureBuckets(
  groups: readonly SizeGroup[],
  leakage: Leakage,
  padTo: (bytes: number) => number,
): Pick<Buckets, 'leakage' | 'padding'> {
  const merged = new Map<number, number[]>();
  let padding = 0;
  for (const { end, bytes, kinds } of groups) {
    const stanzas = sum(kinds);
    const padded = padTo(end);
    padding += padded * stanzas - bytes;
    const known = merged.get(padded);
    merged.set(padded, known === undefined ? [...kinds] : known.map((each, kind) => each + kinds[kind]!));
  }
  const totals = totalsOf(groups);
  const leak = leakageOf(leakage, totals);
  return { leakage: sum([...merged.values()].map(leak)), padding };
}

/** Returns the partial solutions of which no other is as good in everything. */
function undominated(partials: readonly Partial[]): Partial[] {
  const kept: Partial[] = [];
  const sorted = partials.toSorted(
    (one, other) => one.padding - other.padding || one.leakage - other.leakage || one.buckets - other.buckets,
  );
  /** Least leakage so far, by number of buckets. */
  const least: number[] = [];
  for (const partial of sorted) {
    let dominated = false;
    for (let buckets = 0; buckets <= partial.buckets && !dominated; buckets += 1)
      dominated = (least[buckets] ?? Infinity) <= partial.leakage + tolerance;
    if (dominated) continue;
    kept.push(partial);
    least[partial.buckets] = Math.min(least[partial.buckets] ?? Infinity, partial.leakage);
  }
  return kept;
}

function bucketsOf({ leakage, padding, ...last }: Partial, groups: readonly SizeGroup[]): Buckets {
  const ends: number[] = [];
  for (let at: Partial | undefined = { leakage, padding, ...last }; at !== undefined; at = at.before)
    if (at.end > 0) ends.unshift(groups[at.end - 1]!.end);
  return { ends, leakage, padding };
}

/** Padding and leakage of every run of groups, by the sums of the groups before. */
class Segments {
  readonly count: number;
  readonly #groups: readonly SizeGroup[];
  readonly #stanzas: Float64Array;
  readonly #bytes: Float64Array;
  readonly #leakage: Float64Array;
  readonly #stanzaPaddingMax: number;

  constructor(groups: readonly SizeGroup[], leakage: Leakage, stanzaPaddingMax: number) {
    this.count = groups.length;
    this.#groups = groups;
    this.#stanzaPaddingMax = stanzaPaddingMax;
    this.#stanzas = new Float64Array(this.count + 1);
    this.#bytes = new Float64Array(this.count + 1);
    groups.forEach(({ bytes, kinds }, index) => {
      this.#stanzas[index + 1] = this.#stanzas[index]! + sum(kinds);
      this.#bytes[index + 1] = this.#bytes[index]! + bytes;
    });
    this.#leakage = new Float64Array((this.count + 1) ** 2);
    const leak = leakageOf(leakage, totalsOf(groups));
    for (let from = 0; from < this.count; from += 1) {
      const kinds = groups[from]!.kinds.map(() => 0);
      for (let to = from + 1; to <= this.count; to += 1) {
        groups[to - 1]!.kinds.forEach((stanzas, kind) => (kinds[kind]! += stanzas));
        this.#leakage[from * (this.count + 1) + to] = leak(kinds);
      }
    }
  }

  /** Returns whether the smallest stanza of a run can be padded to its end. */
  isAllowed(from: number, to: number): boolean {
    return this.#groups[to - 1]!.end - this.#groups[from]!.smallest <= this.#stanzaPaddingMax;
  }

  padding(from: number, to: number): number {
    const stanzas = this.#stanzas[to]! - this.#stanzas[from]!;
    return this.#groups[to - 1]!.end * stanzas - (this.#bytes[to]! - this.#bytes[from]!);
  }

  leakage(from: number, to: number): number {
    return this.#leakage[from * (this.count + 1) + to]!;
  }
}

/** For several prices of a byte: the least leakage plus price from each group on, by the buckets that are left. */
class LagrangianBound {
  /** The best solution that was met. */
  best: Partial | undefined;
  readonly #segments: Segments;
  readonly #limits: BucketLimits;
  readonly #tables: { readonly price: number; readonly values: Float64Array }[] = [];

  constructor(segments: Segments, limits: BucketLimits) {
    this.#segments = segments;
    this.#limits = limits;
    // The price at which the padding just keeps its limit is searched for on a logarithmic scale.
    let low = -60;
    let high = 10;
    if (this.#add(0)) return;
    for (let i = 1; i < multipliers; i += 1) {
      const middle = (low + high) / 2;
      if (this.#add(2 ** middle)) high = middle;
      else low = middle;
    }
  }

  /** Returns a leakage below which no solution lies that begins with this one. */
  from({ end, buckets, padding, leakage }: Partial): number {
    const place = this.#place(end, this.#limits.bucketsMax - buckets);
    let most = 0;
    for (const { price, values } of this.#tables)
      most = Math.max(most, values[place]! + price * (padding - this.#limits.paddingMax));
    return leakage + most;
  }

  #place(group: number, buckets: number): number {
    return buckets * (this.#segments.count + 1) + group;
  }

  /** Adds a price.
   *  @returns whether its solution keeps the limit of padding */
  #add(price: number): boolean {
    const { count } = this.#segments;
    const values = new Float64Array((this.#limits.bucketsMax + 1) * (count + 1)).fill(Infinity);
    const choices = new Int32Array(values.length);
    for (let left = 0; left <= this.#limits.bucketsMax; left += 1) {
      values[this.#place(count, left)] = 0;
      if (left > 0)
        for (let from = count - 1; from >= 0; from -= 1) this.#choose(values, choices, price, from, left);
    }
    this.#tables.push({ price, values });
    return this.#meet(choices, values);
  }

  #choose(values: Float64Array, choices: Int32Array, price: number, from: number, left: number): void {
    const segments = this.#segments;
    let least = Infinity;
    let choice = 0;
    for (let to = from + 1; to <= segments.count && segments.isAllowed(from, to); to += 1) {
      const rest = values[this.#place(to, left - 1)]!;
      const cost = segments.leakage(from, to) + price * segments.padding(from, to) + rest;
      if (cost >= least) continue;
      least = cost;
      choice = to;
    }
    values[this.#place(from, left)] = least;
    choices[this.#place(from, left)] = choice;
  }

  /** Follows the choices, and notes their solution where it is the best. */
  #meet(choices: Int32Array, values: Float64Array): boolean {
    const { bucketsMax, paddingMax } = this.#limits;
    if (values[this.#place(0, bucketsMax)] === Infinity) return false;
    let partial: Partial = { padding: 0, leakage: 0, buckets: 0, end: 0, before: undefined };
    while (partial.end < this.#segments.count) {
      const to = choices[this.#place(partial.end, bucketsMax - partial.buckets)]!;
      partial = {
        padding: partial.padding + this.#segments.padding(partial.end, to),
        leakage: partial.leakage + this.#segments.leakage(partial.end, to),
        buckets: partial.buckets + 1,
        end: to,
        before: partial,
      };
    }
    if (partial.padding > paddingMax) return false;
    if (this.best === undefined || partial.leakage < this.best.leakage) this.best = partial;
    return true;
  }
}

interface Totals {
  readonly stanzas: number;
  readonly kinds: readonly number[];
}

function totalsOf(groups: readonly SizeGroup[]): Totals {
  const kinds = groups[0]?.kinds.map((_, kind) => sum(groups.map((group) => group.kinds[kind]!))) ?? [];
  return { stanzas: sum(kinds), kinds };
}

/** Returns a function that gives the bits which one bucket adds, by its stanzas of each kind. */
function leakageOf(leakage: Leakage, totals: Totals): (kinds: readonly number[]) => number {
  const { stanzas: all } = totals;
  return (kinds) => {
    const stanzas = sum(kinds);
    if (stanzas === 0) return 0;
    if (leakage === 'size') return (-stanzas / all) * Math.log2(stanzas / all);
    let bits = 0;
    kinds.forEach((count, kind) => {
      if (count > 0) bits += (count / all) * Math.log2((count * all) / (stanzas * totals.kinds[kind]!));
    });
    return bits;
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
