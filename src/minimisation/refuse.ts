/** Stanza errors on behalf of the other side (RFC 6120 §8.3). Every iq get or set has exactly one answer (§8.2.3),
 *  and an error is never answered with an error (§8.3.1). */
import { escapeAttribute } from '../stanza/decode.ts';
import { replaceContent, setAttribute } from '../stanza/edits.ts';
import { owedBy, type Owed } from '../stanza/protocol.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Edit } from '../stanza/verdict.ts';
import type { StanzaCondition } from './treatment.ts';

/** The bounce of a stanza: addresses swapped, the same id, nothing of the payload.
 *  @returns undefined when nothing is owed: for errors, iq results, nonzas */
export function refusal(stanza: Stanza, condition: StanzaCondition): Uint8Array | undefined {
  if (owed(stanza) === 'nothing') return undefined;
  return writeReply(stanza, 'error', stanza.protocol.refusalContent(condition));
}

/** @returns whether the sender of this stanza waits for an answer */
export function isOwedAnswer(stanza: Stanza): boolean {
  return owed(stanza) === 'answer';
}

function owed(stanza: Stanza): Owed {
  const { kind, protocol } = stanza;
  return kind === 'nonza' ? 'nothing' : owedBy(protocol, kind, stanza.attributeValue(0, 'type') ?? '');
}

/** An answer or a refusal to a stanza: an element of its kind, addressed back. @param content XML of the proxy's own */
export function writeReply(stanza: Stanza, type: 'result' | 'error', content: string): Uint8Array {
  const { protocol } = stanza;
  const local = stanza.localName(0);
  const attributes = protocol.replyAttributes.map(([name, of]) => rawAttribute(stanza, name, of)).join('');
  return Buffer.from(
    `<${local} xmlns='${protocol.namespace}'${attributes} type='${type}'>${content}</${local}>`,
  );
}

/** Whether this iq is an answer: a result or an error. */
export function isAnswer(stanza: Stanza): boolean {
  return stanza.kind === 'iq' && !isOwedAnswer(stanza);
}

/** Turns an iq answer whose payload the recipient may not see into an error: many protocols forbid an empty result, and
 *  the recipient does wait. The start tag is the sender's, with the edits that the policy made of its attributes.
 *  @param edits of the whole stanza
 *  @returns edits in document order */
export function withheldAnswer(stanza: Stanza, edits: readonly Edit[]): readonly Edit[] {
  const type = setAttribute(stanza, 0, 'type', 'error');
  const content = replaceContent(
    stanza,
    0,
    `<error xmlns='jabber:client' type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`,
  );
  // Edits inside the content go with it; what the policy says of the type is said of the old one.
  const kept = edits.filter(
    ({ start, end }) => end <= content.start && (end <= type.start || start >= type.end),
  );
  return [...kept, type, content].toSorted((a, b) => a.start - b.start);
}

/** ` name='value'` with the value of another attribute, or nothing: in the bytes it came in where all parsers read
 *  those alike, and escaped anew where they hold references or white space. */
export function rawAttribute(stanza: Stanza, name: string, of: string): string {
  const index = stanza.attribute(0, stanza.names.local(of));
  if (index === -1) return '';
  const start = stanza.start + stanza.valueStart(index);
  const finish = stanza.start + stanza.valueEnd(index);
  const raw = Buffer.from(stanza.bytes.subarray(start, finish)).toString();
  if (/[&\t\n\r]/.test(raw)) return ` ${name}='${escapeAttribute(stanza.value(index))}'`;
  const quote = String.fromCharCode(stanza.bytes[start - 1]!);
  return ` ${name}=${quote}${raw}${quote}`;
}
