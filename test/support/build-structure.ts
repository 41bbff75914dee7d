// Compiles simd.as.ts and writes simd.wasm.ts, which is committed: a checkout runs without a compiler, and a test
// compiles again and compares. `npm run build:wasm`
import { writeFileSync } from 'node:fs';
import { compileStructure, structureFolder } from './compile-structure.ts';

const base64 = await compileStructure();
writeFileSync(
  new URL('simd.wasm.ts', structureFolder),
  `// Generated from simd.as.ts by \`npm run build:wasm\`; a test compiles it again and compares.\nexport const simdModule =\n  '${base64}';\n`,
);
