/** The description of a stanza that every oracle gives: structure, expanded names, attributes and text, so that two of
 *  them can be compared byte by byte. Its separators are control characters, which no XML document holds:
 *
 *      U+0001 namespace U+0002 local name         an element begins
 *      U+0003 namespace U+0002 local name U+0002 value   an attribute of it, by namespace, then local name
 *      U+0004 text                                character data, as one piece between two tags
 *      U+0005                                     the element ends
 *
 *  Namespace declarations are no attributes, and a stanza's own end is followed by a line feed. */
import type { Stanza } from '../../src/stanza/stanza.ts';
import { attribute, namespaceDeclaration, recordKind, recordSize } from '../../src/stanza/tape.ts';

/** Describes a stanza as the scanner has read it. */
export function describeStanza(stanza: Stanza): string {
  const { tape, tapeLength } = stanza;
  let out = '';
  let text = '';
  let attributes: string[] = [];
  for (let at = 0; at < tapeLength; at += recordSize[tape[at]!]!) {
    const kind = tape[at];
    if (kind === recordKind.text) {
      if (attributes.length > 0) out += attributes.splice(0).sort().join('');
      text += stanza.textValue(at);
      continue;
    }
    if (kind === recordKind.attribute) {
      if (tape[at + attribute.namespace] !== namespaceDeclaration)
        attributes.push(
          `\u0003${stanza.namespaceName(at)}\u0002${stanza.localName(at)}\u0002${stanza.value(at)}`,
        );
      continue;
    }
    if (attributes.length > 0) {
      out += attributes.length > 1 ? attributes.sort().join('') : attributes[0]!;
      attributes = [];
    }
    if (text !== '') out += `\u0004${text}`;
    text = '';
    out +=
      kind === recordKind.element
        ? `\u0001${stanza.namespaceName(at)}\u0002${stanza.localName(at)}`
        : '\u0005';
  }
  return `${out}\n`;
}

/** A description as a person can read it. */
export function readable(description: string): string {
  return description
    .replaceAll('\u0001', ' <')
    .replaceAll('\u0002', ' ')
    .replaceAll('\u0003', ' @')
    .replaceAll('\u0004', ' "')
    .replaceAll('\u0005', ' />');
}
