/** How a value can be written, where a stanza can be, and everything that a reader could learn from bytes. */
import type { Stanza } from '../../src/stanza/stanza.ts';
import { recordKind, recordSize } from '../../src/stanza/tape.ts';
import { names, wire } from './fixtures.ts';

/** Writes a value as text and as an attribute, in some legal way. */
export interface Writer {
  readonly text: (value: string) => string;
  readonly attribute: (value: string) => string;
}

const reference = (value: string, radix: 10 | 16): string =>
  [...value].map((c) => `&#${radix === 16 ? 'x' : ''}${c.codePointAt(0)!.toString(radix)};`).join('');

export const writers: readonly Writer[] = [
  { text: (v) => v, attribute: (v) => v },
  { text: (v) => reference(v, 10), attribute: (v) => reference(v, 10) },
  { text: (v) => reference(v, 16), attribute: (v) => reference(v, 16) },
  { text: (v) => `<![CDATA[${v}]]>`, attribute: (v) => v },
  {
    text: (v) => `${v.slice(0, 3)}<![CDATA[${v.slice(3)}]]>`,
    attribute: (v) => `${v.slice(0, 3)}${reference(v.slice(3), 16)}`,
  },
];

export type Wrap = (stanza: string) => string;
/** As it is, and inside other stanzas. */
export const wraps: readonly Wrap[] = [
  (x) => x,
  (x) =>
    `<message from='c@d'><received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>${x}</forwarded></received></message>`,
  (x) =>
    `<message><result xmlns='urn:xmpp:mam:2' queryid='q' id='i'><forwarded xmlns='urn:xmpp:forward:0'>${x}</forwarded></result></message>`,
  (x) =>
    `<message><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='n'><item id='i'>${x}</item></items></event></message>`,
  (x) =>
    `<iq type='result' id='1'><pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='n'><item id='i'>${x}</item></items></pubsub></iq>`,
];

/** Everything that a reader of these bytes could learn: raw, and decoded from every record of the tape. */
export function everything(text: string): string {
  if (text === '') return '';
  const stanza = wire.parse(text, names);
  const values: string[] = [text];
  for (let at = 0; at < stanza.tapeLength; at += recordSize[stanza.tape[at]!]!)
    values.push(...decoded(stanza, at));
  return values.join('\n');
}

function decoded(stanza: Stanza, at: number): string[] {
  const kind = stanza.tape[at];
  if (kind === recordKind.element)
    return [stanza.qualifiedName(at), stanza.namespaceName(at), stanza.text(at)];
  if (kind === recordKind.attribute) return [stanza.qualifiedName(at), stanza.value(at)];
  return kind === recordKind.text ? [stanza.textValue(at)] : [];
}
