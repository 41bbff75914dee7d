/** The WebAssembly module of this folder: simd.as.ts and plain.as.ts, which share their memory. */
import { simdModule } from './simd.wasm.ts';

// The part of the WebAssembly API in use; full declarations come only with those of the browser.
declare const WebAssembly: {
  readonly Module: new (binary: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

/** What the module exports. */
export interface StructureModule {
  readonly memory: { readonly buffer: ArrayBuffer };
  outputOffset(): number;
  resultsOffset(): number;
  index(length: number, state: number): number;
  tapeOffset(): number;
  settingsOffset(): number;
  vocabularyOffset(): number;
  normalOffset(): number;
  readPlain(first: number, count: number, byteLength: number, contentNamespace: number): number;
  writeNormal(contentNamespace: number): number;
}

/** Integers at `resultsOffset`: of `index` where the slice is invalid and the UTF-8 state after it, of `readPlain` the
 *  length of the tape. */
export const result = { invalidAt: 0, utf8State: 1, tapeLength: 2 } as const;

/** Compiled once for all instances. */
let compiled: object | undefined;

/** Makes an instance with memory of its own. */
export function instantiate(): StructureModule {
  compiled ??= new WebAssembly.Module(Buffer.from(simdModule, 'base64'));
  return new WebAssembly.Instance(compiled, {}).exports as StructureModule;
}
