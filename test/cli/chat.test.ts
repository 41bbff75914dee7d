import { describe, expect, it } from 'vitest';
import { runChat, type ChatIo } from '../../src/cli/chat.ts';

interface MemoryIo extends ChatIo {
  readonly written: string[];
}

function memoryIo(...chunks: readonly string[]): MemoryIo {
  const written: string[] = [];
  return {
    written,
    async *read() {
      for (const chunk of chunks) yield Buffer.from(chunk);
    },
    write: (text) => {
      written.push(text);
    },
  };
}

const lines = (io: MemoryIo): string[] => io.written.join('').trimEnd().split('\n');

describe('narthex chat', () => {
  it('answers line by line, however they are cut, and exits with 65 when one was bad', async () => {
    const io = memoryIo('00f80313', '08fc0131\r\nxx\n\n00f80113');
    expect(await runChat('decode', '-', { format: 'json' }, io)).toBe(65);
    expect(lines(io).map((line) => JSON.parse(line) as unknown)).toEqual([
      { tag: 'message', attrs: { id: '1' }, content: null },
      { error: 'ERR_CHAT_HEX' },
      { tag: 'message', attrs: {}, content: null },
    ]);
  });

  it('distinguishes XML from JSON, and inverts itself', async () => {
    const frames = '00f8031308ec79\n00f80213fc020001\n';
    const decoded = memoryIo(frames);
    await runChat('decode', '-', {}, decoded);
    const json = memoryIo(frames);
    await runChat('decode', '-', { format: 'json' }, json);
    const encoded = memoryIo(...decoded.written, ...json.written);
    expect(await runChat('encode', '-', {}, encoded)).toBe(0);
    const expected = frames.trimEnd().split('\n');
    expect(lines(encoded)).toEqual([...expected, ...expected]);
  });

  it('skips a line over 4 MiB, and goes on', async () => {
    const io = memoryIo(...Array.from({ length: 5 }, () => '0'.repeat(1024 * 1024)), '\n00f80113\n');
    expect(await runChat('decode', '-', {}, io)).toBe(65);
    expect(lines(io)[0]).toBe('{"error":"ERR_CHAT_LINE_SIZE"}');
    expect(lines(io)[1]).toMatch(/^<message /);
  });
});
