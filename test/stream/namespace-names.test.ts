import { ParseOption, XmlDocument } from 'libxml2-wasm';
import { describe, expect, it } from 'vitest';
import { registeredNamespaces } from '../../src/policy/registered-namespaces.ts';
import { escapeAttribute } from '../../src/stanza/decode.ts';
import { isUriReference } from '../../src/stream/namespace-names.ts';
import { Random } from '../support/random.ts';

const pieces = [
  'a', 'Z', '1', ':', '/', '//', '?', '#', '@', '%', '%41', '%c3%A5', '.', '-', '_', '~', '!', '$', '&', "'", '(', ')', '*', '+', ',', ';',
  '=', 'urn:', 'http://', ':80', '[', ']', '{', '}', '|', '^', '`', '"', '<', '>', '\\', ' ', '\t', 'é', '\u{1f600}',
]; // prettier-ignore

/** What libxml2 has to say of documents in these namespaces: one message for each that it takes for no URI. */
function complaints(names: readonly string[]): readonly string[] {
  const children = names.map((name) => `<a xmlns='${escapeAttribute(name)}'/>`);
  try {
    XmlDocument.fromString(`<r>${children.join('')}</r>`, { option: ParseOption.XML_PARSE_NO_XXE }).dispose();
    return [];
  } catch (error) {
    return [String(error)];
  }
}

describe('a namespace name', () => {
  it('is accepted where an XMPP specification registers it', () => {
    expect(registeredNamespaces.filter((name) => !isUriReference(name))).toEqual([]);
  });

  it('that is accepted is a URI reference to libxml2', () => {
    const random = new Random(1);
    let accepted = 0;
    for (let batch = 0; batch < 40; batch += 1) {
      const names = Array.from({ length: 1_000 }, () =>
        Array.from({ length: 1 + random.below(6) }, () => random.pick(pieces)).join(''),
      ).filter(isUriReference);
      accepted += names.length;
      expect(complaints(names)).toEqual([]);
    }
    expect(accepted).toBeGreaterThan(2_000);
  });

  it('is judged in one pass over its characters, however it is made', () => {
    for (const piece of pieces) {
      const name = piece.repeat(16_384 / piece.length);
      for (const each of [name, `urn:${name}`, `//${name}`, `//a@${name}\0`, `http://${name}:\0`])
        expect(isUriReference(each)).toBeTypeOf('boolean');
    }
  });
});
