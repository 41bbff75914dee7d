/** How a stanza is written: choices of XML that mean nothing, and name the library that made them. */
import type { Stanza } from '../stanza/stanza.ts';

/** Habits of tags. */
const tagHabits: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['single quotes', /='/],
  ['double quotes', /="/],
  ['space before />', /\s\/>/],
  ['space before >', /[^/\s]\s>/],
  ['empty pair of tags', /<([^\s/>]+)(?:\s[^>]*)?><\/\1>/],
  ['prefixed elements', /<[^\s/>:]+:/],
  ['CDATA', /<!\[CDATA\[/],
  ['white space between elements', />\s+</],
];

/** References where a character or another reference is usual. */
const referenceHabits: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['&quot;', /&quot;/],
  ['numeric references', /&#(?!9;|10;|13;|x[9aAdD];)/],
];

/** Attributes of a stanza's own tag, in the order of the normal form (stream/canonical.ts). */
const normalOrder = ['from', 'id', 'to', 'type', 'xml:lang'];

/** Returns the habits that a stanza shows.
 *  @param wire its bytes */
export function writingHabits(stanza: Stanza, wire: Uint8Array): string[] {
  const text = Buffer.from(wire.buffer, wire.byteOffset, wire.byteLength).toString('latin1');
  // A full stop stands for character data, which may look like tags.
  const tags = text.replaceAll(/>[^<]*[^<\s][^<]*/g, '>.');
  const found = [
    ...tagHabits.flatMap(([name, pattern]) => (pattern.test(tags) ? [name] : [])),
    ...referenceHabits.flatMap(([name, pattern]) => (pattern.test(text) ? [name] : [])),
  ];
  let last = '';
  for (const attribute of stanza.attributes()) {
    const name = stanza.qualifiedName(attribute);
    const place = normalOrder.indexOf(name);
    // Which attributes there are is no habit, only their order is.
    if (place !== -1 && place < normalOrder.indexOf(last)) found.push(`${last} before ${name}`);
    if (place !== -1) last = name;
  }
  return found;
}
