import { ns } from '../stanza/namespaces.ts';
import { attribute, element, type Element } from './xml/element.ts';

/** Stanza error conditions that the gatekeeper sends (RFC 6120 §8.3.3), each with the error type of the RFC. */
const errorTypes = {
  'bad-request': 'modify',
  conflict: 'cancel',
  'feature-not-implemented': 'cancel',
  'item-not-found': 'cancel',
  'jid-malformed': 'modify',
  'not-acceptable': 'modify',
  'not-allowed': 'cancel',
  'remote-server-not-found': 'cancel',
  'resource-constraint': 'wait',
  'service-unavailable': 'cancel',
} as const;

export type StanzaCondition = keyof typeof errorTypes;

/** Returns the error that answers a stanza, addressed to its sender (RFC 6120 §8.3.1). The payload is repeated, as
 *  real servers do. */
export function errorReply(
  stanza: Element,
  condition: StanzaCondition,
  { from, to }: { from: string | undefined; to: string | undefined },
): Element {
  const error = element(
    ns.client,
    'error',
    { type: errorTypes[condition] },
    element(ns.stanzaErrors, condition),
  );
  const attributes = { type: 'error', id: attribute(stanza, 'id'), from, to };
  return element(ns.client, stanza.local, attributes, ...stanza.children, error);
}
