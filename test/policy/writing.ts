/** How a value can be written, where a stanza can be, and everything that a reader could learn from bytes. */
import type { Element } from '../../src/simulator/xml/element.ts';
import { parseElement } from '../../src/simulator/xml/reader.ts';
import { escapeAttribute, escapeText } from '../../src/simulator/xml/write.ts';
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

/** The stanza as the payload of an error that answers it (RFC 6120 §8.3.1). */
export const echo: Wrap = (x) => {
  const error = "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
  return x.replace(
    /^<(message|presence|iq)\b([^>]*?)(?:\/>|>([^]*)<\/\1>)$/,
    (_, name: string, attributes: string, payload = '') =>
      `<${name}${attributes.replace(/ type='[^']*'/, '')} type='error'>${payload}${error}</${name}>`,
  );
};

/** The same stanza with a prefix for every namespace but the stream's, declared where it is first needed. */
export const prefixed: Wrap = (x) => {
  const write = (element: Element, depth: number): string => {
    const plain = element.namespace === 'jabber:client';
    const name = plain ? element.local : `p${depth}:${element.local}`;
    const declaration = plain ? '' : ` xmlns:p${depth}="${escapeAttribute(element.namespace)}"`;
    const attributes = element.attributes
      .filter(({ name: each }) => !/^xmlns(:|$)/.test(each))
      .map(({ name: each, value }) => ` ${each}="${escapeAttribute(value)}"`);
    const children = element.children.map((child) =>
      typeof child === 'string' ? escapeText(child) : write(child, depth + 1),
    );
    return `<${name}${declaration}${attributes.join('')}>${children.join('')}</${name}>`;
  };
  return write(parseElement(x)!, 0);
};

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
