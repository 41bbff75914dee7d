import { readFile } from 'node:fs/promises';

export const structureFolder = new URL('../../src/stream/structure/', import.meta.url);

/** Compiles simd.as.ts and plain.as.ts with AssemblyScript (a development dependency) to one module, and returns it in
 *  base64. */
export async function compileStructure(): Promise<string> {
  const { default: asc } = await import('assemblyscript/asc');
  const sources = new Map<string, string>();
  for (const name of ['simd', 'plain'])
    sources.set(`${name}.ts`, await readFile(new URL(`${name}.as.ts`, structureFolder), 'utf8'));
  let binary: Uint8Array | undefined;
  const { error } = await asc.main(
    [...sources.keys(), '--outFile', 'simd.wasm', '-O3', '--runtime', 'stub', '--enable', 'simd', '--noAssert',
     '--initialMemory', '10', '--maximumMemory', '10', '--memoryBase', '500000'], // prettier-ignore
    {
      readFile: (name: string) => sources.get(name) ?? null,
      writeFile: (_name: string, contents: string | Uint8Array) => {
        if (typeof contents !== 'string') binary = contents;
      },
      listFiles: () => [],
    },
  );
  if (error !== null || binary === undefined) throw new Error('AssemblyScript failed', { cause: error });
  return Buffer.from(binary).toString('base64');
}
