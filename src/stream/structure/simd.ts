/** The structural index by WebAssembly SIMD. */
import { instantiate, result, type StructureModule } from './module.ts';
import { PlainStanza } from './plain.ts';
import { sliceBytesMax, type Structure } from './structure.ts';

/** Longest slice that is copied by a loop: for shorter ones, a subarray costs more than the native copy saves. */
const loopBytesMax = 48;

/** Structural indexing with WebAssembly SIMD. */
export class SimdStructure implements Structure {
  readonly positions: Int32Array;
  invalidAt = -1;
  utf8State = 0;
  readonly plain: PlainStanza;
  readonly #module: StructureModule;
  readonly #results: Int32Array;
  readonly #input: Uint8Array;
  /** Bytes of the longest slice in `#input` since `forget`. */
  #longest = 0;

  constructor() {
    this.#module = instantiate();
    const { memory } = this.#module;
    this.#results = new Int32Array(memory.buffer, this.#module.resultsOffset(), Object.keys(result).length);
    this.#input = new Uint8Array(memory.buffer, 0, sliceBytesMax);
    this.positions = new Int32Array(memory.buffer, this.#module.outputOffset(), sliceBytesMax);
    this.plain = new PlainStanza(this.#module, sliceBytesMax);
  }

  index(bytes: Uint8Array, start: number, end: number, state: number): number {
    this.#longest = Math.max(this.#longest, end - start);
    this.#copy(bytes, start, end);
    const count = this.#module.index(end - start, state);
    this.invalidAt = this.#results[result.invalidAt]!;
    this.utf8State = this.#results[result.utf8State]!;
    return count;
  }

  #copy(bytes: Uint8Array, start: number, end: number): void {
    if (end - start > loopBytesMax)
      this.#input.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
    else for (let i = start; i < end; i += 1) this.#input[i - start] = bytes[i]!;
  }

  forget(): void {
    this.#input.fill(0, 0, this.#longest);
    this.#longest = 0;
    this.plain.forget();
  }
}
