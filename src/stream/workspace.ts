import { OutputMemory } from './output-memory.ts';
import type { Structure } from './structure/structure.ts';
import { createNameClasses } from './xml-names.ts';

/** Scratch memory that a scanner needs while a stanza is incomplete: its tape and its open elements. Between stanzas
 *  it is returned to the workspace, so that idle sessions hold none. */
export interface ParseScratch {
  tape: Int32Array;
  /** For each open element: tape index, number of bindings outside it, default namespace outside it. */
  readonly open: Int32Array;
  /** For each namespace declaration in scope: offset and end of the prefix, namespace id, tape index of its record. */
  readonly bindings: Int32Array;
  /** For each namespace declaration in scope: its decoded name, where the bytes differ from it. */
  readonly decodedNames: (string | undefined)[];
}

const tapeInitial = 1_024;
/** Largest tape that is kept for the next stanza, in integers. */
const tapeKeptMax = 65_536;
const scratchKeptMax = 64;

export const openStride = 3;
export const bindingStride = 4;

/** Memory shared by every scanner of a process: the structural index, the name classes, scratch memory to lend.
 *  Scanning is synchronous, so one index serves all; a stanza that arrives in pieces keeps its scratch memory until
 *  it is complete. */
export class Workspace {
  readonly structure: Structure;
  /** Memory for the bytes of stanzas that leave changed, and of several that leave together. */
  readonly output = new OutputMemory();
  /** Result of `createNameClasses`. */
  readonly nameClasses: Uint8Array;
  /** Hashes and tape indexes that find duplicate attributes in one tag. */
  readonly attributeHashes: Int32Array;
  readonly attributeTable: Int32Array;
  readonly #depthMax: number;
  readonly #namespacesMax: number;
  readonly #kept: ParseScratch[] = [];

  constructor(
    structure: Structure,
    {
      depthMax,
      namespacesMax,
      attributesMax,
    }: { depthMax: number; namespacesMax: number; attributesMax: number },
  ) {
    this.structure = structure;
    this.nameClasses = createNameClasses();
    this.#depthMax = depthMax;
    this.#namespacesMax = namespacesMax;
    this.attributeHashes = new Int32Array(attributesMax + 1);
    this.attributeTable = new Int32Array(1 << Math.ceil(Math.log2(attributesMax * 2 + 2)));
  }

  /** Overwrites the bytes that were indexed, and lets go of the memory for output. Called when a session has ended; the
   *  tapes have numbers only. */
  forget(): void {
    this.structure.forget();
    this.output.retire();
  }

  takeScratch(): ParseScratch {
    return (
      this.#kept.pop() ?? {
        tape: new Int32Array(tapeInitial),
        open: new Int32Array((this.#depthMax + 1) * openStride),
        bindings: new Int32Array((this.#namespacesMax + 1) * bindingStride),
        decodedNames: [],
      }
    );
  }

  returnScratch(scratch: ParseScratch): void {
    // Setting the length costs the same for an empty array.
    if (scratch.decodedNames.length > 0) scratch.decodedNames.length = 0;
    if (this.#kept.length < scratchKeptMax && scratch.tape.length <= tapeKeptMax) this.#kept.push(scratch);
  }
}
