import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader, prefaceBytes } from '../../../../src/http/server/http2/frame-reader.ts';
import { frame, preface, uint32, type FrameName } from '../../support/raw-http2.ts';

type Seen = readonly [type: number, flags: number, length: number, errorCode: number];

function read(pieces: readonly Uint8Array[], skip = 0): { seen: Seen[]; atBoundary: boolean } {
  const seen: Seen[] = [];
  const reader = new FrameReader(skip, ({ type, flags, length, errorCode }) =>
    seen.push([type, flags, length, errorCode]),
  );
  for (const piece of pieces) for (let at = 0; at < piece.length;) at += reader.read(piece.subarray(at));
  return { seen, atBoundary: reader.atBoundary };
}

const bytewise = (bytes: Uint8Array): Uint8Array[] => Array.from(bytes, (byte) => Uint8Array.of(byte));

describe('the reader of frames', () => {
  it('passes over the preface, and reads heads and error codes', () => {
    const bytes = Buffer.concat([
      preface,
      frame('SETTINGS', 1, 0),
      frame('DATA', 0, 3, Buffer.alloc(20)),
      frame('RST_STREAM', 0, 3, uint32(8)),
      frame('GOAWAY', 0, 0, Buffer.concat([uint32(7), uint32(11), Buffer.from('why')])),
    ]);
    expect(preface).toHaveLength(prefaceBytes);
    const seen: Seen[] = [
      [4, 1, 0, 0],
      [0, 0, 20, 0],
      [3, 0, 4, 8],
      [7, 0, 11, 11],
    ];
    expect(read([bytes], prefaceBytes)).toEqual({ seen, atBoundary: true });
    expect(read(bytewise(bytes), prefaceBytes)).toEqual({ seen, atBoundary: true });
  });

  it('stops after a frame with fields, and after some others', () => {
    const reader = new FrameReader(0, () => {});
    const request = frame('HEADERS', 5, 1, Buffer.alloc(30));
    const ping = frame('PING', 0, 0, Buffer.alloc(8));
    expect(reader.read(Buffer.concat([ping, request, request]))).toBe(ping.length + request.length);
    expect(reader.read(Buffer.concat([frame('CONTINUATION', 4, 1), ping]))).toBe(9);
    expect(reader.read(Buffer.concat(Array.from({ length: 100 }, () => ping)))).toBe(16 * ping.length);
    // Not in the middle of a frame.
    expect(reader.read(Buffer.concat([request, request]).subarray(0, 20))).toBe(20);
    expect(reader.read(Buffer.concat([request, request]).subarray(20))).toBe(request.length - 20);
  });

  it('is at a boundary after a frame and nowhere else', () => {
    const bytes = Buffer.concat([frame('DATA', 0, 1, Buffer.alloc(3)), frame('PING', 0, 0, Buffer.alloc(8))]);
    const ends = [...bytes.keys()].filter((at) => read([bytes.subarray(0, at)]).atBoundary);
    expect(ends).toEqual([0, 12]);
  });

  it('takes a RST_STREAM or GOAWAY that is too short for one without a code', () => {
    const bytes = Buffer.concat([frame('RST_STREAM', 0, 1, Buffer.alloc(3)), frame('GOAWAY', 0, 0, Buffer.alloc(4))]); // prettier-ignore
    expect(read([bytes]).seen).toEqual([
      [3, 0, 3, 0],
      [7, 0, 4, 0],
    ]);
  });

  it('finds the same frames however the bytes are split', () => {
    const names: FrameName[] = ['DATA', 'HEADERS', 'RST_STREAM', 'GOAWAY', 'WINDOW_UPDATE', 'UNKNOWN'];
    const frames = fc.array(
      fc
        .tuple(fc.constantFrom(...names), fc.nat(255), fc.nat(1000), fc.uint8Array({ maxLength: 40 }))
        .map(([name, flags, stream, payload]) => frame(name, flags, stream, payload)),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(frames, fc.array(fc.nat(500), { maxLength: 8 }), (list, cuts) => {
        const bytes = Buffer.concat(list);
        const at = [0, ...cuts.filter((cut) => cut < bytes.length), bytes.length].toSorted((a, b) => a - b);
        const pieces = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
        const { seen, atBoundary } = read(pieces);
        expect(seen).toHaveLength(list.length);
        expect(seen).toEqual(read([bytes]).seen);
        expect(seen).toEqual(read(bytewise(bytes)).seen);
        expect(atBoundary).toBe(true);
      }),
    );
  });
});
