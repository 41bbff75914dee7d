import { readFile } from 'node:fs/promises';

export const structureFolder = new URL('../../src/stream/structure/', import.meta.url);

/** Compiles simd.as.ts with AssemblyScript (a development dependency) and returns the module in base64. */
export async function compileStructure(): Promise<string> {
  const { default: asc } = await import('assemblyscript/asc');
  const source = await readFile(new URL('simd.as.ts', structureFolder), 'utf8');
  let binary: Uint8Array | undefined;
  const { error } = await asc.main(
    ['simd.ts', '--outFile', 'simd.wasm', '-O3', '--runtime', 'stub', '--enable', 'simd', '--noAssert',
     '--initialMemory', '6', '--maximumMemory', '6', '--memoryBase', '340000'], // prettier-ignore
    {
      readFile: (name: string) => (name === 'simd.ts' ? source : null),
      writeFile: (_name: string, contents: string | Uint8Array) => {
        if (typeof contents !== 'string') binary = contents;
      },
      listFiles: () => [],
    },
  );
  if (error !== null || binary === undefined) throw new Error('AssemblyScript failed', { cause: error });
  return Buffer.from(binary).toString('base64');
}
