/** Streams of XMPP for the differential: names that policies know, and headers of every kind, since what a header declares
 *  is what parsers of forwarded stanzas no longer see. */
import { ns } from '../../src/stanza/namespaces.ts';
import type { Dialect, GeneratedHeader } from '../stream/generator.ts';

const content = `xmlns='${ns.client}'`;
const streams = (prefix: string): string => `xmlns:${prefix}='${ns.streams}'`;

function header(
  prefix: string,
  declarations: readonly string[],
  prefixes: readonly string[],
): GeneratedHeader {
  return {
    text: `<${prefix}:stream ${declarations.join(' ')} to='example.org' version='1.0'>`,
    closing: `</${prefix}:stream>`,
    prefixes,
  };
}

const chatStates = 'http://jabber.org/protocol/chatstates';
const hints = 'urn:xmpp:hints';

export const xmpp: Dialect = {
  headers: [
    header('stream', [content, streams('stream')], []),
    header('stream', [content, streams('stream'), "xmlns:h='urn:header'"], ['h']),
    header('s', [streams('s'), content, `xmlns:h='${hints}'`, `xmlns:c='${ns.client}'`], ['h', 'c', 's']),
    header('s', [content, streams('s'), "xmlns:stream='urn:header'", `xmlns:h='${chatStates}'`], ['stream', 'h']),
    header('stream', [`xmlns:n1='${chatStates}'`, `xmlns:ns1='${hints}'`, content, streams('stream')], ['n1', 'ns1']),
  ],
  top: ['message', 'message', 'message', 'iq', 'presence', 'r', 'enable', 'auth', 'features'],
  locals: ['body', 'active', 'store', 'no-copy', 'query', 'feature', 'x', 'error', 'text', 'thread', 'a', 'b', 'größe', 'n-1.2', 'status', 'c', 'received', 'item'],
  attributes: ['to', 'from', 'id', 'type', 'var', 'node', 'a', 'b', 'größe', 'lang', 'xml:lang', 'xmlnsx'],
  declarable: ['p', 'q', 'r', 'h', 'stream', 'ns1', 'ns2', 's'],
  namespaces: [
    ns.client, chatStates, chatStates, hints, hints, 'urn:xmpp:receipts', 'http://jabber.org/protocol/disco#info', 'jabber:x:data',
    ns.stanzaErrors, 'urn:xmpp:sm:3', 'urn:ietf:params:xml:ns:xmpp-sasl', 'urn:a', 'urn:b', 'urn&#58;a', 'urn:&#x61;', 'u&amp;v', 'vcard-temp', 'x',
    'urn:header', ns.streams, 'urn:a}b', 'é',
  ],
}; // prettier-ignore
