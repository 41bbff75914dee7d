/** Content of elements: canonical base64, decoded into memory that holds nothing else. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ContentBytes } from '../../src/chat/content-bytes.ts';

describe('content in base64', () => {
  it('is read as Node reads it, whatever was read before', () => {
    const content = new ContentBytes();
    const sizes = fc.array(fc.oneof(fc.nat(200), fc.nat(100_000)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(sizes, fc.nat(255), (lengths, first) => {
        for (const length of lengths) {
          const bytes = Buffer.from(Buffer.alloc(length).map((_, at) => (first + at) & 255));
          expect(content.decode(bytes.toString('base64')).equals(bytes)).toBe(true);
        }
      }),
    );
  });

  it.each(['MwoQ=', 'Mwo', 'M w o Q', '===', '-_==', 'MwoQ!', 'MwpR', 'Mwp='])(
    '%j is decoded or refused',
    (text) => {
      const decode = (): string => new ContentBytes().decode(text).toString('base64');
      if (Buffer.from(text, 'base64').toString('base64') === text) expect(decode()).toBe(text);
      else expect(decode).toThrow(expect.objectContaining({ code: 'ERR_CHAT_BASE64' }));
    },
  );

  it('shares no memory with a buffer of Node', () => {
    const content = new ContentBytes();
    for (const length of [3, 1_024, 65_536, 65_537, 3]) {
      const { buffer, byteOffset } = content.decode(Buffer.alloc(length).toString('base64'));
      expect([buffer === Buffer.from('x').buffer, byteOffset]).toEqual([false, 0]);
    }
  });

  it('keeps no more memory than one use may leave', () => {
    const content = new ContentBytes();
    const large = content.decode(Buffer.alloc(200_000).toString('base64')).buffer;
    expect(content.decode('MwoQ').buffer).not.toBe(large);
  });
});
