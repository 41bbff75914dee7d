/** Stanza errors on behalf of the other side (RFC 6120 §8.3). Every iq get or set has exactly one answer (§8.2.3),
 *  and an error is never answered with an error (§8.3.1). */
import { replaceContent, setAttribute } from '../stanza/edits.ts';
import type { Stanza } from '../stanza/stanza.ts';
import { attribute, needsDecoding } from '../stanza/tape.ts';
import type { Edit } from '../stanza/verdict.ts';
import type { StanzaCondition } from './treatment.ts';

/** The type that RFC 6120 §8.3.3 associates with each condition. */
const errorTypes: Readonly<Record<StanzaCondition, string>> = {
  'policy-violation': 'modify',
  forbidden: 'auth',
  'not-allowed': 'cancel',
  'not-acceptable': 'modify',
  'service-unavailable': 'cancel',
  'feature-not-implemented': 'cancel',
  'item-not-found': 'cancel',
};

/** The bounce of a message, presence, iq get or iq set: addresses swapped, the same id, nothing of the payload.
 *  `undefined` when nothing is owed: errors, iq results, nonzas. */
export function refusal(stanza: Stanza, condition: StanzaCondition): Uint8Array | undefined {
  const { kind } = stanza;
  if (kind === 'nonza') return undefined;
  const type = stanza.attributeValue(0, 'type') ?? '';
  if (type === 'error' || (kind === 'iq' && type === 'result')) return undefined;
  return errorStanza(stanza, kind, condition);
}

/** Whether the sender of this stanza waits for an answer. */
export function isOwedAnswer(stanza: Stanza): boolean {
  if (stanza.kind !== 'iq') return false;
  const type = stanza.attributeValue(0, 'type');
  return type !== 'result' && type !== 'error';
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

function errorStanza(stanza: Stanza, kind: string, condition: StanzaCondition): Uint8Array {
  const to = rawAttribute(stanza, 'to', 'from');
  const from = rawAttribute(stanza, 'from', 'to');
  const id = rawAttribute(stanza, 'id', 'id');
  const type = errorTypes[condition];
  return Buffer.from(
    `<${kind} xmlns='jabber:client'${from}${id}${to} type='error'><error type='${type}'>` +
      `<${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></${kind}>`,
  );
}

/** ` name='value'` with the value of another attribute, in the bytes it came in, or nothing. */
export function rawAttribute(stanza: Stanza, name: string, of: string): string {
  const index = stanza.attribute(0, stanza.names.local(of));
  if (index === -1) return '';
  const start = stanza.start + stanza.tape[index + attribute.valueStart]!;
  const finish = stanza.start + (stanza.tape[index + attribute.valueEnd]! & ~needsDecoding);
  const quote = String.fromCharCode(stanza.bytes[start - 1]!);
  return ` ${name}=${quote}${Buffer.from(stanza.bytes.subarray(start, finish)).toString()}${quote}`;
}
