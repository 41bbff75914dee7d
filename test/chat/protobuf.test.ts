import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChatError } from '../../src/chat/error.ts';
import { readFields, writeFields, type Field } from '../../src/chat/protobuf.ts';
import { defaultChatLimits } from '../../src/chat/limits.ts';
import { encodeClientPayload } from '../../src/chat/client-payload.ts';
import { unpackFields } from '../../src/simulator/chat/fields.ts';
import { samplePayload } from './chat-pair.ts';

const code = 'ERR_CHAT_HANDSHAKE_MESSAGE';
const read = (bytes: Uint8Array): ReturnType<typeof readFields> =>
  readFields(bytes, { 1: 'bytes', 2: 'number' }, code);
const refuses = (bytes: readonly number[]): void => {
  expect(() => read(Buffer.from(bytes))).toThrow(new ChatError(code));
};

describe('Protocol Buffers', () => {
  it('writes the same bytes as a second implementation', () => {
    const number = fc.integer({ min: 1, max: 100 });
    const field: fc.Arbitrary<Field> = fc.oneof(
      fc.tuple(number, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
      fc.tuple(number, fc.uint8Array({ maxLength: 300 })),
      fc.tuple(number, fc.boolean()),
    );
    fc.assert(
      fc.property(fc.array(field), (fields) => {
        const writer = new BinaryWriter();
        for (const [id, value] of fields) {
          if (value instanceof Uint8Array) writer.tag(id, 2).bytes(value);
          else writer.tag(id, 0).uint64(BigInt(value));
        }
        expect(writeFields(fields)).toEqual(Buffer.from(writer.finish()));
      }),
    );
  });

  it('reads the bytes of a second implementation', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.uint8Array({ maxLength: 300 }),
        (value, bytes) => {
          const message = writeFields([
            [7, 5],
            [1, bytes],
            [2, value],
            [9, bytes],
          ]);
          const fields = read(message);
          const reader = new BinaryReader(message);
          const seen = new Map<number, unknown>();
          while (reader.pos < reader.len) {
            const [id, type] = reader.tag();
            seen.set(id, type === WireType.Varint ? BigInt(reader.uint64()) : Buffer.from(reader.bytes()));
          }
          expect(fields.bytes.get(1)).toEqual(seen.get(1));
          expect(fields.numbers.get(2)).toBe(seen.get(2));
          expect([fields.bytes.size, fields.numbers.size]).toEqual([1, 1]);
        },
      ),
    );
  });

  it('skips unknown fields of every type but groups', () => {
    expect(
      read(Buffer.from([0x18, 1, 0x21, 1, 2, 3, 4, 5, 6, 7, 8, 0x2a, 1, 9, 0x35, 1, 2, 3, 4])).numbers.size,
    ).toBe(0);
    refuses([0x1b]);
    refuses([0x1c]);
  });

  it('refuses a field that is cut off, repeated, of another type, or too large', () => {
    refuses([0x08, 1]);
    refuses([0x12, 1, 1]);
    refuses([0x0a, 1, 1, 0x0a, 1, 1]);
    refuses([0x10, 1, 0x10, 1]);
    refuses([0x0a, 2, 1]);
    refuses([0x0a]);
    refuses([0x10]);
    refuses([0x10, 0x80]);
    refuses([0x10, ...Array.from({ length: 10 }, () => 0xff), 1]);
    refuses([0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]);
    refuses([0x00, 1]);
    refuses([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
  });
});

describe('the client payload', () => {
  it('has the fields of its list and no other', () => {
    const fields = unpackFields(
      encodeClientPayload(
        { ...samplePayload, accountId: 7n, username: 8n, passive: false, pull: true },
        defaultChatLimits,
      ),
    );
    expect([...fields.keys()].sort((one, other) => one - other)).toEqual([1, 3, 5, 20, 33, 38]);
    expect(fields.get(20)).toBe(2);
    expect([...unpackFields(fields.get(5) as Uint8Array).keys()]).toEqual([1, 2]);
    expect([...unpackFields(fields.get(38) as Uint8Array).keys()]).toEqual([1, 2, 3]);
    expect([...unpackFields(encodeClientPayload(samplePayload, defaultChatLimits)).keys()]).toEqual([
      5, 20, 38,
    ]);
  });

  it('is filled up to a multiple', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4096 }),
        fc.constantFrom(16, 64, 256, 1024),
        (length, padToBytes) => {
          const token = Buffer.alloc(length, 'x');
          const padded = encodeClientPayload({ ...samplePayload, token, padToBytes }, defaultChatLimits);
          const plain = encodeClientPayload({ ...samplePayload, token }, defaultChatLimits);
          expect(padded.length % padToBytes).toBe(0);
          expect(padded.length - plain.length).toBeLessThan(2 * padToBytes + 4);
          expect(padded.subarray(0, plain.length)).toEqual(plain);
        },
      ),
    );
  });

  it('refuses a token that is empty or too long', () => {
    for (const length of [0, 4097])
      expect(() =>
        encodeClientPayload({ ...samplePayload, token: Buffer.alloc(length) }, defaultChatLimits),
      ).toThrow(new ChatError('ERR_CHAT_PAYLOAD_SIZE'));
  });
});
