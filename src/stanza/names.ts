import { equalAt } from './equal-at.ts';

/** The vocabulary: namespace names and local names that the product uses, interned to small integers.
 *
 *  The scanner looks up every element, attribute and namespace name once, by its bytes, and writes the id on the
 *  tape; later code compares ids. A name outside the vocabulary has id 0. It is never added at run time, because a
 *  peer could grow the table without bound. */
export interface Names {
  /** Returns the id of a namespace name; 0 when the vocabulary lacks it, and for the empty string (no namespace). */
  namespace(name: string): number;
  /** Returns the id of a local name; 0 when the vocabulary lacks it. */
  local(name: string): number;
  readonly namespaces: InternTable;
  readonly locals: InternTable;
}

/** Interns names; duplicates get one id. Ids are valid in this vocabulary only. */
export function createNames(namespaces: Iterable<string>, locals: Iterable<string>): Names {
  const namespaceTable = new InternTable(namespaces);
  const localTable = new InternTable(locals);
  return {
    namespace: (name) => namespaceTable.idOf(name),
    local: (name) => localTable.idOf(name),
    namespaces: namespaceTable,
    locals: localTable,
  };
}

/** Start value of FNV-1a, 32 bit. Callers that read the bytes anyway compute the hash with `hashStep`. */
export const hashSeed = 0x811c9dc5 | 0;

export function hashStep(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x01000193);
}

/** An immutable open-addressing table from byte strings to 1, 2, 3, … */
export class InternTable {
  /** Ids by hash, 0 for an empty slot. A name whose slot is taken has the next empty one. Its length is a power of two. */
  readonly slots: Int32Array;
  /** The names in UTF-8, by id, from 1 on. */
  readonly encoded: readonly Uint8Array[];
  readonly #names: readonly string[];
  readonly #mask: number;
  readonly #ids: ReadonlyMap<string, number>;

  constructor(names: Iterable<string>) {
    this.#names = [...new Set(names)].filter((name) => name !== '');
    const encoder = new TextEncoder();
    this.encoded = this.#names.map((name) => encoder.encode(name));
    this.#ids = new Map(this.#names.map((name, index) => [name, index + 1]));
    // At most a quarter full, so that a look-up rarely probes twice.
    const size = 1 << Math.max(4, Math.ceil(Math.log2(this.#names.length * 4 + 1)));
    this.#mask = size - 1;
    this.slots = new Int32Array(size);
    this.encoded.forEach((bytes, index) => {
      let hash = hashSeed;
      for (const byte of bytes) hash = hashStep(hash, byte);
      let slot = hash & this.#mask;
      while (this.slots[slot] !== 0) slot = (slot + 1) & this.#mask;
      this.slots[slot] = index + 1;
    });
  }

  get size(): number {
    return this.#names.length;
  }

  idOf(name: string): number {
    return this.#ids.get(name) ?? 0;
  }

  nameOf(id: number): string | undefined {
    return this.#names[id - 1];
  }

  /** Returns the id of `bytes[start, end)`, 0 when unknown.
   *  @param hash FNV-1a of the bytes, computed by the caller */
  find(bytes: Uint8Array, start: number, end: number, hash: number): number {
    let slot = hash & this.#mask;
    for (;;) {
      const id = this.slots[slot]!;
      if (id === 0) return 0;
      const known = this.encoded[id - 1]!;
      if (known.length === end - start && equalAt(bytes, start, known)) return id;
      slot = (slot + 1) & this.#mask;
    }
  }
}
