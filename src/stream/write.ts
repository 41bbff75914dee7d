/** Writes the proxy's own parts of a stream: header, stream error, closing tag (RFC 6120 §4.2, §4.4, §4.9).
 *
 *  The header of a protocol is the same for every peer but for the values of its attributes: fixed declarations, the
 *  streams namespace under its usual prefix, attributes in one order. A peer's own prefixes, declarations and further
 *  attributes are not forwarded; stanzas that depend on them leave in normal form (`Stanza.verbatim`). */
import { escapeAttribute, escapeText } from '../stanza/decode.ts';
import type { StreamCondition } from '../stanza/error.ts';
import { ns } from '../stanza/namespaces.ts';
import { xmppStanzas, type StanzaProtocol } from '../stanza/protocol.ts';
import { ownBytes } from '../stanza/own-bytes.ts';
import type { StreamScope } from '../stanza/stanza.ts';
import { streamPrefix } from './header.ts';

/** Attributes of a stream header (RFC 6120 §4.7), in the order in which the proxy writes them. */
export const headerAttributes: readonly string[] = ['from', 'id', 'to', 'version', 'xml:lang'];

/** The version of each stream of the proxy, whatever minor version the peer's header has (RFC 6120 §4.7.5). */
const streamVersion = '1.0';

/** Returns XML declaration and stream header in one buffer: some servers parse no header that arrives without its
 *  declaration. The version is the proxy's own.
 *  @param attributes values by name; other names than those in `headerAttributes` are left out
 *  @param protocol whose namespaces are declared */
export function writeHeader(
  attributes: ReadonlyMap<string, string>,
  { declarations }: StanzaProtocol = xmppStanzas,
): Uint8Array {
  return header(`${streamPrefix}:stream`, declarations, writtenOf(attributes));
}

type WrittenAttribute = readonly [name: string, value: string];

/** Returns the attributes of the proxy's own header, in order. */
export function writtenOf(attributes: ReadonlyMap<string, string>): readonly WrittenAttribute[] {
  return headerAttributes.flatMap((name) => {
    const value = name === 'version' ? streamVersion : attributes.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
}

/** Returns the header of a stream with the same scope as another, for scanning its stanzas again. It is never sent. */
export function restateHeader({ declarations, lang }: StreamScope): Uint8Array {
  const [prefix] = [...declarations].find(([, name]) => name === ns.streams)!;
  const name = prefix === '' ? 'stream' : `${prefix}:stream`;
  return header(name, declarations, lang === '' ? [] : [['xml:lang', lang]]);
}

function header(
  name: string,
  declarations: ReadonlyMap<string, string>,
  attributes: readonly WrittenAttribute[],
): Uint8Array {
  const declared = [...declarations].map(
    ([prefix, namespace]) => [prefix === '' ? 'xmlns' : `xmlns:${prefix}`, namespace] as const,
  );
  return ownBytes(`<?xml version='1.0'?><${name}${attributeText([...declared, ...attributes])}>`);
}

/** Returns attributes as they follow the name in a tag. */
export function attributeText(attributes: readonly WrittenAttribute[]): string {
  return attributes.map(([key, value]) => ` ${key}='${escapeAttribute(value)}'`).join('');
}

/** Returns the closing tag of a stream. */
export function writeClose(): Uint8Array {
  return Buffer.from(closingTag);
}

/** Returns a stream error and the closing tag.
 *  @param text the proxy's own words, never input */
export function writeError(condition: StreamCondition, text?: string): Uint8Array {
  return Buffer.from(`${errorElement(condition, text)}${closingTag}`);
}

/** Returns a stream error (RFC 6120 §4.9.2) whose prefix the header declares. */
export function errorElement(condition: StreamCondition, text: string | undefined): string {
  const explanation =
    text === undefined ? '' : `<text xmlns='${ns.streamErrors}' xml:lang='en'>${escapeText(text)}</text>`;
  const name = `${streamPrefix}:error`;
  return `<${name}><${condition} xmlns='${ns.streamErrors}'/>${explanation}</${name}>`;
}

const closingTag = `</${streamPrefix}:stream>`;
