import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStrictJson } from '../../src/http/strict-json.ts';

const parse = (text: string, depthMax = 16) => parseStrictJson(Buffer.from(text), { depthMax });

const nested = (depth: number): string => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;

describe('strict JSON', () => {
  it('reads every object that JSON.stringify writes, alike', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (value) => {
        const text = JSON.stringify(value);
        expect(parse(text)).toEqual({ kind: 'object', value: JSON.parse(text) });
      }),
    );
  });

  it('notices any member that is written twice, at any depth', () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue({ maxDepth: 2 }), fc.nat(6), (name, value, depth) => {
        const member = `${JSON.stringify(name)}:${JSON.stringify(value)}`;
        const twice = `{${member},${member}}`;
        const nested = `{"a":${'['.repeat(depth)}${twice}${']'.repeat(depth)}}`;
        expect(parse(nested)).toEqual({ kind: 'duplicate-member' });
      }),
    );
  });

  it.each([
    ['an escaped name', String.raw`{"sub":1,"\u0073ub":2}`],
    ['white space before the colon', '{"sub" :1,"sub"\n:2}'],
  ])('notices a double after %s', (_, text) => {
    expect(parse(text)).toEqual({ kind: 'duplicate-member' });
  });

  it('does not mistake a value or a bracket in a string for structure', () => {
    expect(parse(String.raw`{"a":"a","b":"\"a\":{[","c":["a","a"]}`).kind).toBe('object');
  });

  it.each([
    '',
    'null',
    '[]',
    '"a"',
    '1',
    '{',
    '{"a":1}x',
    "{'a':1}",
    '{"a":1,}',
    '\u{feff}{"a":1}',
    '{"a":NaN}',
  ])('refuses %j', (text) => {
    expect(parse(text)).toEqual({ kind: 'malformed' });
  });

  it('refuses bytes that are not UTF-8', () => {
    const bytes = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]);
    expect(parseStrictJson(bytes, { depthMax: 4 })).toEqual({ kind: 'malformed' });
  });

  it('refuses nesting above the limit and accepts the limit itself', () => {
    expect(parse(nested(4), 4).kind).toBe('object');
    expect(parse(nested(5), 4).kind).toBe('malformed');
  });
});
