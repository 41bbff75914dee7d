/** Reads a stanza in the form in which nearly all are written: no prefix but that of `xml:lang`, one space before each
 *  attribute, known namespaces, nothing to decode. It writes the tape that the scanner would write, in one loop over the
 *  structural bytes, in WebAssembly (plain.as.ts). Anything else, and everything that is refused, is left to the scanner,
 *  which begins the stanza anew: errors have one place. The normal form of such a stanza is copies of its parts, and is
 *  written there too. */
import type { InternTable, Names } from '../../stanza/names.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { NormalForm } from '../../stanza/stanza.ts';
import { element, end as endRecord, undeclaredNamespace } from '../../stanza/tape.ts';
import type { StreamLimits } from '../limits.ts';
import { result, type StructureModule } from './module.ts';

/** The result of `read` for another form. */
export const notPlain = -1;

/** The stanza to read. */
export interface PlainInput {
  /** Index of the structural position of the stanza's `<`. */
  readonly first: number;
  /** Bytes and structural positions of the slice. */
  readonly byteLength: number;
  readonly count: number;
  readonly names: Names;
  readonly limits: StreamLimits;
  /** Namespace of the stream's stanzas. */
  readonly contentNamespace: number;
}

/** Limits in the order of plain.as.ts. */
const limitsInOrder = [
  'stanzaBytesMax',
  'tagBytesMax',
  'nameBytesMax',
  'depthMax',
  'elementsMax',
  'attributesMax',
  'namespacesMax',
] as const satisfies readonly (keyof StreamLimits)[];
/** Settings after the limits: four namespaces, and of each table of names three. */
const settingsLength = limitsInOrder.length + 4 + 2 * 3;
/** Longest tape, in integers; as in plain.as.ts. */
const tapeLengthMax = 1_024;
/** Bytes after the normal form that are written too. */
const overshootBytes = 16;
const integerMax = 0x7fff_ffff;
/** Addresses from here on are the compiler's. */
const vocabularyEnd = 500_000;

export class PlainStanza implements NormalForm {
  /** The tape of the last stanza, valid until the next call. */
  readonly tape: Int32Array;
  /** Integers of it. */
  tapeLength = 0;
  readonly #module: StructureModule;
  readonly #settings: Int32Array;
  readonly #results: Int32Array;
  readonly #normal: Uint8Array;
  /** Bytes of the longest normal form since `forget`. */
  #longest = 0;
  #names: Names | undefined;
  #limits: StreamLimits | undefined;
  /** Whether the vocabulary has room. */
  #fits = false;

  /** @param bytesMax of a slice */
  constructor(module: StructureModule, bytesMax: number) {
    const { buffer } = module.memory;
    this.#module = module;
    this.tape = new Int32Array(buffer, module.tapeOffset(), tapeLengthMax);
    this.#results = new Int32Array(buffer, module.resultsOffset(), Object.keys(result).length);
    this.#settings = new Int32Array(buffer, module.settingsOffset(), settingsLength);
    this.#normal = new Uint8Array(buffer, module.normalOffset(), bytesMax + overshootBytes);
  }

  /** Reads a stanza of the last slice that was indexed.
   *  @returns the index of the structural position of its last `>`; `notPlain` for any other form, or half a stanza */
  read({ first, byteLength, count, names, limits, contentNamespace }: PlainInput): number {
    if (limits !== this.#limits) this.#setLimits(limits);
    if (names !== this.#names) this.#setNames(names);
    if (!this.#fits) return notPlain;
    const last = this.#module.readPlain(first, count, byteLength, contentNamespace);
    this.tapeLength = this.#results[result.tapeLength]!;
    return last;
  }

  writeNormal(contentNamespace: number): Uint8Array | undefined {
    const byteLength = this.#module.writeNormal(contentNamespace);
    // Whatever was written: a normal form is no longer than its stanza, and may have been left unfinished.
    const stanzaBytes = this.tape[this.tape[element.end]! + endRecord.tagEnd]!;
    this.#longest = Math.max(this.#longest, stanzaBytes);
    return byteLength === notPlain ? undefined : this.#normal.subarray(0, byteLength);
  }

  /** Overwrites what is left of earlier stanzas. */
  forget(): void {
    this.#normal.fill(0, 0, this.#longest + overshootBytes);
    this.#longest = 0;
  }

  #setLimits(limits: StreamLimits): void {
    this.#limits = limits;
    limitsInOrder.forEach((name, at) => {
      this.#settings[at] = Math.min(limits[name], integerMax);
    });
  }

  /** Copies a vocabulary. One process has one for all of its streams. */
  #setNames(names: Names): void {
    this.#names = names;
    const { namespaces, locals } = names;
    const start = this.#module.vocabularyOffset();
    this.#fits = start + bytesOf(locals) + bytesOf(namespaces) <= vocabularyEnd;
    if (!this.#fits) return;
    const { buffer } = this.#module.memory;
    const middle = start + bytesOf(locals);
    this.#settings.set(
      [
        ...[ns.streams, ns.xml, ns.xmlns].map((name) => names.namespace(name)),
        undeclaredNamespace,
        ...copyTable(locals, buffer, start),
        ...copyTable(namespaces, buffer, middle),
      ],
      limitsInOrder.length,
    );
  }
}

const integerBytes = Int32Array.BYTES_PER_ELEMENT;
/** Address and length of a name. */
const entryBytes = 2 * integerBytes;

/** Returns the bytes that a copy of a table takes: slots, entries, names, up to a whole integer. */
function bytesOf({ slots, encoded }: InternTable): number {
  const nameBytes = encoded.reduce((sum, { length }) => sum + length, 0);
  return slots.byteLength + encoded.length * entryBytes + Math.ceil(nameBytes / integerBytes) * integerBytes;
}

/** Copies a table to an address.
 *  @returns the mask of its slots, the address of the slots, the address of the entries */
function copyTable({ slots, encoded }: InternTable, memory: ArrayBuffer, at: number): readonly number[] {
  new Int32Array(memory, at, slots.length).set(slots);
  const entriesAt = at + slots.byteLength;
  const entries = new Int32Array(memory, entriesAt, encoded.length * 2);
  const bytes = new Uint8Array(memory);
  let nameAt = entriesAt + entries.byteLength;
  encoded.forEach((name, index) => {
    entries.set([nameAt, name.length], index * 2);
    bytes.set(name, nameAt);
    nameAt += name.length;
  });
  return [slots.length - 1, at, entriesAt];
}
