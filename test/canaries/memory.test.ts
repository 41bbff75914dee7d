/** The memory of another process, read in three ways: a value is found where it is, and only there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { HeapSnapshot } from '../../src/canaries/heap-snapshot.ts';
import { Inspector } from '../../src/canaries/inspector.ts';
import { formsOf } from '../../src/canaries/forms.ts';
import { makeMarker } from '../../src/canaries/marker.ts';
import { writableMemory } from '../../src/canaries/process-memory.ts';
import { Search } from '../../src/canaries/search.ts';
import { randomBytes } from 'node:crypto';

/** Keeps the first value in a string of a map, the second in a buffer, and no third. */
const program = `
  class Keeper { #kept; constructor(text) { this.#kept = new Map([[1, text]]); } get size() { return this.#kept.size; } }
  globalThis.keeper = new Keeper(process.argv[1]);
  globalThis.buffer = Buffer.from(process.argv[2]);
  process.argv.length = 0; process.execArgv.length = 0;
  setInterval(() => globalThis.keeper.size + globalThis.buffer.length, 1000);
`;

async function keepingProcess(values: readonly string[]) {
  const args = ['--inspect=127.0.0.1:0', '--heap-snapshot-string-limit=100000', '-e', program, ...values];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let printed = '';
  const { promise: listening, resolve } = Promise.withResolvers<string>();
  child.stderr.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
    const url = /ws:\/\/\S+/.exec(printed)?.[0];
    if (url !== undefined) resolve(url);
  });
  const inspector = await Inspector.open(await listening);
  return {
    inspector,
    pid: child.pid!,
    async [Symbol.asyncDispose]() {
      inspector.close();
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

describe('the memory of a process', () => {
  it('is searched by string, by buffer and by page', async () => {
    const markers = ['string', 'buffer', 'nowhere'].map(() => makeMarker('word', randomBytes));
    const search = new Search(markers.map(formsOf));
    const given = markers.slice(0, 2).map(({ value }) => value);
    await using kept = await keepingProcess(given);
    // The program has run when its object is there.
    while ((await kept.inspector.evaluate('globalThis.buffer !== undefined')).value !== true);

    const snapshot = new HeapSnapshot(await kept.inspector.heapSnapshot());
    const inStrings = snapshot.search(search);
    const path = inStrings.filter(({ canary }) => canary === 0).map(({ keptBy }) => keptBy.join(' '));
    expect(path.join('\n')).toMatch(/Keeper/);
    expect(path.join('\n')).not.toContain(markers[0]!.value);
    expect(inStrings.some(({ canary }) => canary === 2)).toBe(false);

    const inBuffers = new Set<number>();
    let ways = '';
    for await (const { bytes, snapshotId } of kept.inspector.arrayBuffers()) {
      const found = new Set<number>();
      search.each(bytes, ({ canary }) => void found.add(canary));
      if (found.has(1)) ways += snapshot.keptBy(await snapshotId()).join(' ');
      found.forEach((canary) => inBuffers.add(canary));
    }
    expect([...inBuffers]).toEqual([1]);
    expect(ways).toContain('buffer');

    const inPages = new Set<number>();
    for await (const piece of writableMemory(kept.pid, search.longest))
      search.each(piece, ({ canary }) => void inPages.add(canary));
    expect([...inPages].toSorted((one, other) => one - other)).toEqual([0, 1]);
  }, 60_000);
});
