/** The capabilities that a scripted client advertises (XEP-0030, XEP-0115), and their hash. The hash is computed
 *  independently of the product, so that a test can compare the two. Without forms. */
import { createHash } from 'node:crypto';
import { ns } from '../stanza/namespaces.ts';
import { attribute, child, element, elements, is, language, text, type Element } from './xml/element.ts';

/** Namespace of data forms (XEP-0004). */
const dataForms = 'jabber:x:data';

export interface Software {
  /** URI of the software: the `node` of its caps. */
  readonly node: string;
  readonly name: string;
  /** Type of the identity with category `client`: `pc`, `phone`, `web`, … */
  readonly type: string;
  readonly features: readonly string[];
}

/** Computes the hash of XEP-0115 §5.1: `category/type/lang/name<`, then the features in the order of their octets,
 *  each followed by `<`. */
export function capsHash({ type, name, features }: Software): string {
  return hashOf([`client/${type}//${name}`, ...inOctetOrder(features)]);
}

function inOctetOrder(texts: readonly string[]): string[] {
  return [...texts].sort(octetOrder);
}

function octetOrder(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

function hashOf(parts: readonly string[]): string {
  const text = parts.map((one) => `${one}<`).join('');
  return createHash('sha1').update(text).digest('base64');
}

/** Hashes a disco#info result of another party (XEP-0115 §5.1): identities, features, forms. */
export function capsHashOf(query: Element): string {
  const identities = elements(query)
    .filter((one) => is(one, ns.discoInfo, 'identity'))
    .map((one) =>
      [attribute(one, 'category'), attribute(one, 'type'), language(one), attribute(one, 'name')]
        .map((part) => part ?? '')
        .join('/'),
    );
  const features = elements(query)
    .filter((one) => is(one, ns.discoInfo, 'feature'))
    .map((one) => attribute(one, 'var') ?? '');
  const forms = elements(query)
    .filter((one) => is(one, dataForms, 'x'))
    .map(formParts)
    .sort(([left = ''], [right = '']) => octetOrder(left, right));
  return hashOf([...inOctetOrder(identities), ...inOctetOrder(features), ...forms.flat()]);
}

/** Returns the form's type, then each field's name and values (XEP-0115 §5.1, steps 6 and 7). */
function formParts(form: Element): string[] {
  const fields = elements(form)
    .filter((one) => is(one, dataForms, 'field'))
    .map((field) => ({
      name: attribute(field, 'var') ?? '',
      values: inOctetOrder(elements(field).map(text)),
    }));
  const type = fields.find(({ name }) => name === 'FORM_TYPE')?.values ?? [];
  const others = fields.filter(({ name }) => name !== 'FORM_TYPE');
  return [
    ...type,
    ...others
      .sort((left, right) => octetOrder(left.name, right.name))
      .flatMap(({ name, values }) => [name, ...values]),
  ];
}

/** Returns `<c/>` for presence (XEP-0115 §4). */
export function capsElement(software: Software): Element {
  return element(ns.caps, 'c', { hash: 'sha-1', node: software.node, ver: capsHash(software) });
}

/** Answers an iq get or set: disco#info with the node of the request, anything else with an error. */
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
