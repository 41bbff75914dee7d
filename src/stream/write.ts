/** What the proxy itself writes on a stream: header, stream error, closing tag (RFC 6120 §4.2, §4.4, §4.9). */
import { escapeAttribute, escapeText } from '../stanza/decode.ts';
import type { StreamCondition } from '../stanza/error.ts';
import { ns } from '../stanza/namespaces.ts';
import type { StreamHeader } from './header.ts';

/** The header of an ordinary client stream, for streams that the proxy opens by itself. */
export function clientHeader(attributes: ReadonlyMap<string, string>): StreamHeader {
  return {
    declaration: true,
    attributes,
    prefix: 'stream',
    scope: {
      contentNamespace: ns.client,
      declarations: new Map([
        ['', ns.client],
        ['stream', ns.streams],
      ]),
      unknownNamespaces: [],
      lang: '',
    },
  };
}

/** XML declaration and stream header, for one write: some servers parse no header that arrives without its
 *  declaration. All namespace declarations are carried over, because stanzas behind it may use their prefixes. */
export function writeHeader({ attributes, scope, prefix }: StreamHeader): Uint8Array {
  const declarations = [...scope.declarations].map(
    ([declared, name]) => `${declared === '' ? 'xmlns' : `xmlns:${declared}`}='${escapeAttribute(name)}'`,
  );
  const others = [...attributes].map(([name, value]) => `${name}='${escapeAttribute(value)}'`);
  return Buffer.from(
    `<?xml version='1.0'?><${streamName(prefix)} ${[...declarations, ...others].join(' ')}>`,
  );
}

/** The closing tag of a stream whose header had this prefix. */
export function writeClose(prefix: string): Uint8Array {
  return Buffer.from(`</${streamName(prefix)}>`);
}

/** A stream error and the closing tag. The text is ours: it never repeats input. */
export function writeError(prefix: string, condition: StreamCondition, text?: string): Uint8Array {
  const explanation =
    text === undefined ? '' : `<text xmlns='${ns.streamErrors}' xml:lang='en'>${escapeText(text)}</text>`;
  return Buffer.from(
    `<${qualify(prefix, 'error')}><${condition} xmlns='${ns.streamErrors}'/>${explanation}</${qualify(prefix, 'error')}>` +
      `</${streamName(prefix)}>`,
  );
}

function streamName(prefix: string): string {
  return qualify(prefix, 'stream');
}

function qualify(prefix: string, name: string): string {
  return prefix === '' ? name : `${prefix}:${name}`;
}
