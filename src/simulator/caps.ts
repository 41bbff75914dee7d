/** What a scripted client says it can do (XEP-0030, XEP-0115), and the hash of it, computed here once more so that the
 *  product's own computation has somebody to disagree with. Identities without names' white space, no forms. */
import { createHash } from 'node:crypto';
import { ns } from '../stanza/namespaces.ts';
import { attribute, child, element, type Element } from './xml/element.ts';

export interface Software {
  /** URI of the software, the `node` of its caps. */
  readonly node: string;
  readonly name: string;
  /** Of category `client`: `pc`, `phone`, `web`, … */
  readonly type: string;
  readonly features: readonly string[];
}

/** XEP-0115 §5.1: `category/type/lang/name<`, then the features in the order of their octets, each followed by `<`. */
export function capsHash({ type, name, features }: Software): string {
  const sorted = [...features].sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
  const text = [`client/${type}//${name}`, ...sorted].map((one) => `${one}<`).join('');
  return createHash('sha1').update(text).digest('base64');
}

/** `<c/>` for presence (XEP-0115 §4). */
export function capsElement(software: Software): Element {
  return element(ns.caps, 'c', { hash: 'sha-1', node: software.node, ver: capsHash(software) });
}

/** Answers an iq get or set: disco#info with the node asked for, anything else with an error. */
export function answerRequest(software: Software, iq: Element): Element {
  const query = child(iq, ns.discoInfo, 'query');
  const addressing = { id: attribute(iq, 'id'), to: attribute(iq, 'from') };
  if (query === undefined || attribute(iq, 'type') !== 'get') {
    const condition = element(ns.stanzaErrors, 'service-unavailable');
    const error = element(ns.client, 'error', { type: 'cancel' }, condition);
    return element(ns.client, 'iq', { ...addressing, type: 'error' }, error);
  }
  const identity = { category: 'client', type: software.type, name: software.name };
  const info = element(
    ns.discoInfo,
    'query',
    { node: attribute(query, 'node') },
    element(ns.discoInfo, 'identity', identity),
    ...software.features.map((name) => element(ns.discoInfo, 'feature', { var: name })),
  );
  return element(ns.client, 'iq', { ...addressing, type: 'result' }, info);
}
