/** Counts stanzas by size and kind, for padding. */
import type { SizeGroup } from './buckets.ts';
import type { Stanza } from '../stanza/stanza.ts';

/** Kinds that are counted apart; further ones are counted together. */
export const kindsMax = 64;
/** Most groups of sizes. Where there are more sizes, they are rounded up to a grain. */
export const groupsMax = 512;

const otherKind = 'others';

export class SizeCounts {
  readonly #kinds = new Map<string, number>();
  /** By size: number of stanzas of each kind. */
  readonly #counts = new Map<number, Uint32Array>();
  #stanzas = 0;
  #bytes = 0;

  get stanzas(): number {
    return this.#stanzas;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Number of different sizes. */
  get sizes(): number {
    return this.#counts.size;
  }

  /** The kinds, in the order of `SizeGroup.kinds`. */
  get kinds(): readonly string[] {
    return [...this.#kinds.keys()];
  }

  /** Adds a stanza.
   *  @param kind by `kindOf`
   *  @param size in bytes, without padding */
  add(kind: string, size: number): void {
    this.#stanzas += 1;
    this.#bytes += size;
    let counts = this.#counts.get(size);
    if (counts === undefined) this.#counts.set(size, (counts = new Uint32Array(kindsMax)));
    counts[this.#indexOf(kind)]! += 1;
  }

  #indexOf(kind: string): number {
    const known = this.#kinds.get(kind);
    if (known !== undefined) return known;
    if (this.#kinds.size < kindsMax - 1) {
      this.#kinds.set(kind, this.#kinds.size);
      return this.#kinds.size - 1;
    }
    if (!this.#kinds.has(otherKind)) this.#kinds.set(otherKind, kindsMax - 1);
    return kindsMax - 1;
  }

  /** Returns the groups by size, ascending, each of one size where there are few, with the grain in bytes. */
  groups(): { readonly groups: readonly SizeGroup[]; readonly grain: number } {
    for (let grain = 1; ; grain *= 2) {
      const ends = new Set<number>();
      for (const size of this.#counts.keys()) ends.add(Math.ceil(size / grain) * grain);
      if (ends.size <= groupsMax) return { groups: this.#grouped(grain), grain };
    }
  }

  /** Returns a group for each size, ascending. */
  exact(): readonly SizeGroup[] {
    return this.#grouped(1);
  }

  #grouped(grain: number): SizeGroup[] {
    const byEnd = new Map<number, { smallest: number; bytes: number; kinds: number[] }>();
    for (const [size, counts] of this.#counts) {
      const end = Math.ceil(size / grain) * grain;
      let group = byEnd.get(end);
      if (group === undefined)
        byEnd.set(end, (group = { smallest: size, bytes: 0, kinds: this.kinds.map(() => 0) }));
      group.smallest = Math.min(group.smallest, size);
      for (let kind = 0; kind < group.kinds.length; kind += 1) {
        group.kinds[kind]! += counts[kind]!;
        group.bytes += size * counts[kind]!;
      }
    }
    return [...byEnd]
      .map(([end, group]) => ({ end, ...group }))
      .toSorted((one, other) => one.end - other.end);
  }
}

/** Returns the kind of a stanza: its name, its type, and the name of its first child. */
export function kindOf(stanza: Stanza): string {
  const child = stanza.firstChild();
  const type = stanza.attributeValue(0, 'type') ?? '';
  const content = child === -1 ? '' : `{${stanza.namespaceName(child)}}${stanza.localName(child)}`;
  return `${stanza.kind} ${type} ${content}`;
}
