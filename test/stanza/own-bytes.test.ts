/** Buffers that share their memory with no other. */
import { describe, expect, it } from 'vitest';
import { ownBytes, ownCopy, textOf } from '../../src/stanza/own-bytes.ts';

const texts = [
  '',
  'juliet',
  'grüße',
  '\u007F\u0080',
  '𝄞',
  'a'.repeat(64),
  'a'.repeat(65),
  `${'a'.repeat(63)}ß`,
];

describe('own bytes', () => {
  it.each(texts)('are the UTF-8 of a text: %j', (text) => {
    const bytes = ownBytes(text);
    expect(bytes.equals(Buffer.from(text))).toBe(true);
    expect(textOf(bytes)).toBe(text);
  });

  it.each(texts)('share no memory: %j', (text) => {
    const bytes = ownBytes(text);
    expect(bytes.buffer.byteLength).toBe(bytes.length);
  });
});

it('a copy has the parts one after the other, in memory of its own', () => {
  const copy = ownCopy(Buffer.from('ab'), new Uint8Array(0), Buffer.from('c'));
  expect(copy.toString()).toBe('abc');
  expect(copy.buffer.byteLength).toBe(3);
});
