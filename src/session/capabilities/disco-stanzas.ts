/** Stanzas that the proxy writes to ask for capabilities, and to answer in its client's place (XEP-0030 §3). */
import { escapeAttribute } from '../../stanza/decode.ts';
import { ns } from '../../stanza/namespaces.ts';
import { ownBytes } from '../../stanza/own-bytes.ts';
import type { Stanza } from '../../stanza/stanza.ts';

/** Returns the tape index of the disco#info query of an iq, -1 when it has none. */
export function discoQuery(stanza: Stanza): number {
  const { names } = stanza;
  return stanza.child(0, names.namespace(ns.discoInfo), names.local('query'));
}

/** Returns whether the stanza has a `<c/>` of XEP-0115 or XEP-0390 among its children. */
export function carriesCapabilities(stanza: Stanza): boolean {
  const { names } = stanza;
  const local = names.local('c');
  return (
    stanza.child(0, names.namespace(ns.caps), local) !== -1 ||
    stanza.child(0, names.namespace(ns.caps2), local) !== -1
  );
}

/** Writes a request of the proxy's own. Without `from` the receiver takes it for one of its own server. */
export function discoGet(question: { id: string; from?: string; to?: string; node?: string }): Uint8Array {
  const { id, from, to, node } = question;
  return ownBytes(
    `<iq xmlns='${ns.client}' type='get' id='${escapeAttribute(id)}'${written('from', from)}${written('to', to)}>` +
      `<query xmlns='${ns.discoInfo}'${written('node', node)}/></iq>`,
  );
}

/** Writes the result of a get or set, addressed to its sender (RFC 6120 §8.2.3).
 *  @param payload XML of the proxy's own */
export function iqResult(request: Stanza, payload: string): Uint8Array {
  return ownBytes(`<iq xmlns='${ns.client}' type='result'${back(request)}>${payload}</iq>`);
}

/** Writes the error that answers a get or set, addressed to its sender (RFC 6120 §8.3). */
export function iqError(request: Stanza, condition: 'item-not-found'): Uint8Array {
  const error = `<error type='cancel'><${condition} xmlns='${ns.stanzaErrors}'/></error>`;
  return ownBytes(`<iq xmlns='${ns.client}' type='error'${back(request)}>${error}</iq>`);
}

/** Writes an error in place of an answer that cannot be used, so that the asker does not wait. */
export function unusableAnswer(answer: Stanza): Uint8Array {
  const attributes = ['from', 'to', 'id'].map((name) => written(name, answer.attributeValue(0, name)));
  const error = `<error type='cancel'><undefined-condition xmlns='${ns.stanzaErrors}'/></error>`;
  return ownBytes(`<iq xmlns='${ns.client}' type='error'${attributes.join('')}>${error}</iq>`);
}

function back(request: Stanza): string {
  return (
    written('to', request.attributeValue(0, 'from')) +
    written('from', request.attributeValue(0, 'to')) +
    written('id', request.attributeValue(0, 'id'))
  );
}

function written(name: string, value: string | undefined): string {
  return value === undefined ? '' : ` ${name}='${escapeAttribute(value)}'`;
}
