import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChatError } from '../../src/chat/error.ts';
import { frameHeader, FrameReader } from '../../src/chat/frames.ts';

function read(reader: FrameReader, chunks: readonly Uint8Array[]): string[] {
  const frames: string[] = [];
  for (const chunk of chunks) reader.push(chunk, (frame) => frames.push(Buffer.from(frame).toString('hex')));
  return frames;
}

describe('frames', () => {
  it('are delivered whole, however they are split', () => {
    const frame = fc.uint8Array({ maxLength: 50 });
    fc.assert(
      fc.property(
        fc.array(frame),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }),
        (frames, cuts) => {
          const stream = Buffer.concat(frames.flatMap((bytes) => [frameHeader(bytes.length), bytes]));
          const chunks: Buffer[] = [];
          for (let at = 0, turn = 0; at < stream.length; turn += 1) {
            const size = cuts[turn % cuts.length]!;
            chunks.push(stream.subarray(at, at + size));
            at += size;
          }
          const reader = new FrameReader(1000);
          expect(read(reader, chunks)).toEqual(frames.map((bytes) => Buffer.from(bytes).toString('hex')));
          expect(reader.bytesHeld).toBe(0);
        },
      ),
    );
  });

  it('are refused when their length is announced', () => {
    const reader = new FrameReader(1000);
    expect(read(reader, [frameHeader(1000)])).toEqual([]);
    expect(() => read(new FrameReader(1000), [frameHeader(1001)])).toThrow(
      new ChatError('ERR_CHAT_FRAME_SIZE'),
    );
    expect(() => frameHeader(2 ** 24)).toThrow(new ChatError('ERR_CHAT_FRAME_SIZE'));
  });

  it('are held as they arrive, not as they are announced', () => {
    const reader = new FrameReader(2 ** 24 - 1);
    read(reader, [frameHeader(2 ** 24 - 1), Buffer.alloc(10)]);
    expect(reader.bytesHeld).toBe(13);
  });
});
