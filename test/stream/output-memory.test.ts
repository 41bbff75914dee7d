/** Bytes of stanzas are in memory of their own, and what sessions share is overwritten. */
import { describe, expect, it } from 'vitest';
import { ownBytes, ownCopy, textOf } from '../../src/stanza/own-bytes.ts';
import { CopyOutput } from '../../src/stream/copy-output.ts';
import { OutputMemory } from '../../src/stream/output-memory.ts';
import { SimdStructure } from '../../src/stream/structure/simd.ts';

const secret = 'wherefore art thou Romeo, deny thy father and refuse thy name; or if thou wilt not';

describe('memory for output', () => {
  it('gives parts that do not overlap, of slabs that nothing else uses', () => {
    const memory = new OutputMemory();
    const parts = Array.from({ length: 200 }, (_, index) => memory.take(1_000).fill(index));
    expect(parts.every((part, index) => part.length === 1_000 && part.every((byte) => byte === index))).toBe(
      true,
    );
    expect(new Set(parts.map((part) => part.buffer)).size).toBe(4);
    expect(parts.map((part) => part.buffer)).not.toContain(Buffer.from('x').buffer);
  });

  it('gives long outputs memory of their own', () => {
    const memory = new OutputMemory();
    const [short, long] = [memory.take(10), memory.take(20_000)];
    expect([long.length, long.buffer.byteLength]).toEqual([20_000, 20_000]);
    expect(memory.take(10).buffer).toBe(short.buffer);
  });

  it('does not go on with a slab that was retired', () => {
    const memory = new OutputMemory();
    const before = memory.take(10);
    memory.retire();
    expect(memory.take(10).buffer).not.toBe(before.buffer);
  });
});

describe('bytes of their own', () => {
  it('share memory with nothing', () => {
    for (const bytes of [ownBytes('Ωmega'), ownCopy(Buffer.from('Ωm'), Buffer.from('ega'))]) {
      expect(textOf(bytes)).toBe('Ωmega');
      expect(bytes.buffer.byteLength).toBe(6);
    }
  });
});

describe('what is overwritten at the end of a session', () => {
  it('is the input of the structural index', () => {
    const structure = new SimdStructure();
    const memory = Buffer.from(structure.positions.buffer);
    structure.index(Buffer.from(`<body>${secret}</body>`), 0, secret.length + 13, 0);
    expect(memory.includes(secret)).toBe(true);
    structure.forget();
    expect(memory.includes(secret)).toBe(false);
  });

  it('is every output of the normal form, shorter ones later included', () => {
    const output = new CopyOutput(1_000);
    const source = Buffer.from(secret);
    const write = (length: number): Uint8Array => {
      output.begin(source, source.length, 1_000);
      output.range(0, length);
      return output.finish()!;
    };
    const long = write(source.length);
    write(4);
    expect(textOf(long)).toBe(secret);
    output.forget();
    expect(long.every((byte) => byte === 0)).toBe(true);
  });
});
