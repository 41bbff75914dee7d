import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readYaml, yamlCharactersMax, type YamlDocument } from '../../src/documents/yaml.ts';

function faultOf(text: string): string {
  const reading = readYaml('f.yaml', text);
  if (reading.kind === 'document') return 'none';
  const [{ what, place, reason }] = reading.faults as [(typeof reading.faults)[number]];
  return `${place.line}:${place.column} ${what}: ${reason}`;
}

describe('a YAML text', () => {
  it.each([
    ['a key twice', 'a: 1\na: 2\n', '2:1 duplicate-key: this key stands here twice'],
    ['a tab', 'a:\n\tb: 1\n', '2:1 syntax: a tab is used for indentation'],
    ['two documents', 'a: 1\n---\nb: 1\n', '2:1 syntax: a second document begins here'],
    ['a mapping as a key', '{a: b}: c\n', '1:1 syntax: a key is a text'],
    ['an unknown tag', 'a: !x b\n', '1:4 syntax: this tag is unknown'],
    ['an alias without an anchor', 'a: *b\n', '1:4 syntax: this alias names no anchor before it'],
    ['too many levels', `a: ${'['.repeat(70)}${']'.repeat(70)}\n`, '1:67 too-deep: values are nested in more than 64 levels'],
    ['a bomb of aliases', ['a0: &a0 [x]', ...Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(9)}]`)].join('\n'), '1:1 aliases: aliases expand to more than 100 nodes'],
    ['too much of it', `# ${'x'.repeat(yamlCharactersMax)}`, '1:1 too-large: the document has more than 262144 characters'],
  ])('with %s is refused at its place', (_, text, fault) => {
    expect(faultOf(text)).toBe(fault);
  }); // prettier-ignore

  it('with more levels than the stack has room for is refused as too deep', () => {
    expect(faultOf(`a: ${'['.repeat(50_000)}\n`)).toMatch(
      /too-deep: values are nested in more than 64 levels$/,
    );
  });

  it('is data with the place of each value and key, through aliases too', () => {
    const text = 'base: &b\n  x: [1, { y: 2 }]\nother: *b\nempty:\n';
    const { value, place, keyPlace } = readYaml('f.yaml', text) as YamlDocument;
    expect(value).toEqual({ base: { x: [1, { y: 2 }] }, other: { x: [1, { y: 2 }] }, empty: null });
    expect(place(['base', 'x', 1, 'y'])).toEqual({ file: 'f.yaml', line: 2, column: 15 });
    expect(keyPlace(['other', 'x', 1, 'y'])).toEqual({ file: 'f.yaml', line: 2, column: 12 });
    expect(keyPlace(['empty'])).toEqual({ file: 'f.yaml', line: 4, column: 1 });
    expect(place(['base', 'missing', 3])).toEqual(place(['base']));
  });

  it('is read or refused, whatever it is, and never anything else', () => {
    const word = fc.constantFrom('a', ':', ' ', '\n', '- ', '[', ']', '{', '}', '"', "'", '&a', '*a', '!!map', '|', '>', '#', '%', '?', '\t', '<<', ','); // prettier-ignore
    fc.assert(
      fc.property(fc.array(word, { maxLength: 40 }), (words) => {
        expect(['document', 'refused']).toContain(readYaml('f.yaml', words.join('')).kind);
      }),
      { numRuns: 2_000 },
    );
  });

  it('makes no key that JavaScript takes for its own', () => {
    const { value } = readYaml('f.yaml', '__proto__: { polluted: true }\n') as YamlDocument;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value as object)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
