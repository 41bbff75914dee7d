/** Answers in the client's place: the same answer for every client. The client does not see the request. */
import { escapeAttribute, escapeText } from '../stanza/decode.ts';
import type { Stanza } from '../stanza/stanza.ts';
import { writeReply } from './refuse.ts';

/** Returns the payload of an answer: one element with a child for each value, all in one namespace. */
export function answerPayload(
  namespace: string,
  local: string,
  values: Readonly<Record<string, string>>,
): string {
  const children = Object.entries(values).map(([name, value]) => `<${name}>${escapeText(value)}</${name}>`);
  return `<${local} xmlns='${escapeAttribute(namespace)}'>${children.join('')}</${local}>`;
}

/** Returns the iq result that answers an iq get (RFC 6120 §8.2.3). */
export function answerTo(stanza: Stanza, payload: string): Uint8Array {
  return writeReply(stanza, 'result', payload);
}
