import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readBase64url, writeBase64url } from '../../src/minimisation/base64url.ts';

const target = Buffer.alloc(400);
const read = (text: string): Buffer | undefined => {
  const bytes = Buffer.from(`>${text}<`);
  const length = readBase64url(bytes, 1, bytes.length - 1, target);
  return length === -1 ? undefined : Buffer.from(target.subarray(0, length));
};

it('writes and reads the same text as Node', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(50), (given, rest) => {
      const bytes = Buffer.from(given);
      const text = writeBase64url(Buffer.concat([bytes, Buffer.alloc(rest, 0xff)]), bytes.length).toString();
      expect(text).toBe(bytes.toString('base64url'));
      expect(read(text)).toEqual(bytes);
    }),
  );
});

it('reads nothing that is not written so', () => {
  const texts = fc.string({
    unit: fc.constantFrom('A', 'Q', 'z', '_', '-', '=', '+', '/', ' ', 'é', '\0'),
    maxLength: 12,
  });
  fc.assert(
    fc.property(texts, (text) => {
      const bytes = Buffer.from(text, 'base64url');
      expect(read(text)).toEqual(bytes.toString('base64url') === text ? bytes : undefined);
    }),
    { numRuns: 5_000 },
  );
});
