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

/** Habits of character data and values. */
const textHabits: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['&quot;', /&quot;/],
  ['&apos;', /&apos;/],
  ['&gt;', /&gt;/],
  ['numeric references', /&#/],
];

/** Attributes of a stanza's own tag whose order is noted. */
const ordered = new Set(['to', 'from', 'id', 'type', 'xmlns', 'xml:lang']);

/** Returns the habits that a stanza shows.
 *  @param wire its bytes */
export function writingHabits(stanza: Stanza, wire: Uint8Array): string[] {
  const text = Buffer.from(wire.buffer, wire.byteOffset, wire.byteLength).toString('latin1');
  // Without character data, which may look like tags.
  const tags = text.replaceAll(/>[^<]*[^<\s][^<]*/g, '>');
  const found = [
    ...tagHabits.flatMap(([name, pattern]) => (pattern.test(tags) ? [name] : [])),
    ...textHabits.flatMap(([name, pattern]) => (pattern.test(text) ? [name] : [])),
  ];
  const order: string[] = [];
  for (const attribute of stanza.attributes()) {
    const name = stanza.qualifiedName(attribute);
    if (ordered.has(name)) order.push(name);
  }
  if (order.length > 1) found.push(`order ${order.join(' ')}`);
  return found;
}
