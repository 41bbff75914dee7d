/** Writes stanza errors in place of the recipient (RFC 6120 §8.3). Every iq get or set has exactly one answer
 *  (§8.2.3), and an error is never answered with an error (§8.3.1). */
import { escapeAttribute } from '../stanza/decode.ts';
import { replaceContent, setAttribute } from '../stanza/edits.ts';
import { ownBytes, textOf } from '../stanza/own-bytes.ts';
import { owedBy, type Owed } from '../stanza/protocol.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Edit } from '../stanza/verdict.ts';
import type { StanzaCondition } from './treatment.ts';

/** Returns the error that bounces a stanza: addresses swapped, the same id, nothing of the payload; undefined when
 *  none may be sent: for errors, iq results, nonzas. */
export function refusal(stanza: Stanza, condition: StanzaCondition): Uint8Array | undefined {
  if (owed(stanza) === 'nothing') return undefined;
  return writeReply(stanza, 'error', stanza.protocol.refusalContent(condition));
}

/** Returns whether the sender of the stanza waits for an answer. */
export function isOwedAnswer(stanza: Stanza): boolean {
  return owed(stanza) === 'answer';
}

function owed(stanza: Stanza): Owed {
  const { kind, protocol } = stanza;
  return kind === 'nonza' ? 'nothing' : owedBy(protocol, kind, stanza.attributeValue(0, 'type') ?? '');
}

/** Writes an answer or a refusal to a stanza: an element of its kind, addressed to its sender.
 *  @param content XML of the proxy's own */
export function writeReply(stanza: Stanza, type: 'result' | 'error', content: string): Uint8Array {
  const { protocol } = stanza;
  const local = stanza.localName(0);
  const attributes = protocol.replyAttributes.map(([name, of]) => rawAttribute(stanza, name, of)).join('');
  return ownBytes(
    `<${local} xmlns='${protocol.namespace}'${attributes} type='${type}'>${content}</${local}>`,
  );
}

/** Returns whether an iq is an answer: a result or an error. */
export function isAnswer(stanza: Stanza): boolean {
  return stanza.kind === 'iq' && !isOwedAnswer(stanza);
}

/** Turns an iq answer whose payload the recipient may not see into an error: the recipient waits, and many protocols
 *  forbid an empty result. The start tag is the sender's, with the policy's edits of its attributes.
 *  @param edits of the whole stanza
 *  @returns edits in document order */
export function withheldAnswer(stanza: Stanza, edits: readonly Edit[]): readonly Edit[] {
  const type = setAttribute(stanza, 0, 'type', 'error');
  const content = replaceContent(
    stanza,
    0,
    `<error xmlns='jabber:client' type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`,
  );
  // Edits inside the content are dropped with it; those of the type are about the old one.
  const kept = edits.filter(
    ({ start, end }) => end <= content.start && (end <= type.start || start >= type.end),
  );
  return [...kept, type, content].toSorted((a, b) => a.start - b.start);
}

/** Returns ` name='value'` with the value of another attribute; empty without it. The bytes are copied where every
 *  parser reads them alike, and escaped anew where they have references or white space. */
export function rawAttribute(stanza: Stanza, name: string, of: string): string {
  const index = stanza.attribute(0, stanza.names.local(of));
  if (index === -1) return '';
  const start = stanza.start + stanza.valueStart(index);
  const finish = stanza.start + stanza.valueEnd(index);
  const raw = textOf(stanza.bytes.subarray(start, finish));
  if (/[&\t\n\r]/.test(raw)) return ` ${name}='${escapeAttribute(stanza.value(index))}'`;
  const quote = String.fromCharCode(stanza.bytes[start - 1]!);
  return ` ${name}=${quote}${raw}${quote}`;
}
