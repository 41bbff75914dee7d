/** The structural index by WebAssembly SIMD. */
import { PortableStructure } from './portable.ts';
import { simdModule } from './simd.wasm.ts';
import { sliceBytesMax, type Structure } from './structure.ts';

// The part of the WebAssembly API in use; full declarations come only with those of the browser.
declare const WebAssembly: {
  readonly Module: new (binary: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  outputOffset(): number;
  getInvalidAt(): number;
  getUtf8State(): number;
  index(length: number, state: number): number;
}

/** Slices of fewer bytes take the portable path: copying them costs more than SIMD saves (bench row `structure`). */
const simdBytesMin = 64;

/** Structural indexing with WebAssembly SIMD; short slices take the portable path. */
export class SimdStructure implements Structure {
  readonly positions: Int32Array;
  invalidAt = -1;
  utf8State = 0;
  readonly #exports: Exports;
  readonly #input: Uint8Array;
  readonly #portable: PortableStructure;
  /** Bytes of the longest slice in `#input` since `forget`. */
  #longest = 0;

  constructor() {
    const module = new WebAssembly.Module(Buffer.from(simdModule, 'base64'));
    const instance = new WebAssembly.Instance(module, {});
    this.#exports = instance.exports as Exports;
    const { memory } = this.#exports;
    this.#input = new Uint8Array(memory.buffer, 0, sliceBytesMax);
    this.positions = new Int32Array(memory.buffer, this.#exports.outputOffset(), sliceBytesMax);
    this.#portable = new PortableStructure(this.positions);
  }

  index(bytes: Uint8Array, start: number, end: number, state: number): number {
    if (end - start < simdBytesMin) {
      const count = this.#portable.index(bytes, start, end, state);
      this.invalidAt = this.#portable.invalidAt;
      this.utf8State = this.#portable.utf8State;
      return count;
    }
    this.#longest = Math.max(this.#longest, end - start);
    this.#input.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
    const count = this.#exports.index(end - start, state);
    this.invalidAt = this.#exports.getInvalidAt();
    this.utf8State = this.#exports.getUtf8State();
    return count;
  }

  forget(): void {
    this.#input.fill(0, 0, this.#longest);
    this.#longest = 0;
  }
}
