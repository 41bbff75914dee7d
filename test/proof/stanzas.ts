/** Generates stanzas from every place that the catalogue names, in every container, and from what it does not name. */
import type { Catalogue, Field, Place } from '../reference/catalogue.ts';
import {
  clientNamespace,
  elementsIn,
  isElement,
  isNamed,
  joined,
  readTree,
  xmlNamespace,
  type Attribute,
  type Element,
  type Text,
} from '../reference/tree.ts';
import type { Random } from '../support/random.ts';
import { Values } from './values.ts';

interface Sample {
  readonly field: Field;
  readonly place: Place;
}

/** What stanzas are made of. */
export interface Material {
  readonly samples: readonly Sample[];
  readonly holders: readonly Place[];
  /** Examples of the catalogue, whole. */
  readonly examples: readonly Element[];
  /** What is in them. */
  readonly payloads: readonly Element[];
}

export function materialOf({ fields, entries }: Catalogue): Material {
  const all = [...fields.values()];
  const samples = all.flatMap((field) =>
    [...field.selects, ...field.returns, ...field.requests].map((place) => ({ field, place })),
  );
  const holders = [...entries.values()]
    .flat()
    .filter(({ kind }) => kind === 'holder')
    .map(({ place }) => place);
  const examples = all.filter(({ where }) => where === 'stanza').map(({ example }) => readTree(example));
  return { samples, holders, examples, payloads: examples.flatMap(elementsIn) };
}

const stanzaNames = ['message', 'presence', 'iq'] as const;
const types: Readonly<Record<string, readonly (string | undefined)[]>> = {
  message: [undefined, 'chat', 'groupchat', 'headline', 'error', 'nonsense'],
  presence: [undefined, 'unavailable', 'subscribe', 'probe', 'error'],
  iq: ['get', 'set', 'result', 'error', undefined],
};
const unlisted = 'urn:example:unknown';
const depthMax = 4;

function make(
  namespace: string,
  name: string,
  attributes: Readonly<Record<string, string | undefined>>,
  content: readonly (Element | Text)[],
): Element {
  const kept = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ namespace: '', name: key, value }],
  );
  return { namespace, name, attributes: kept, declares: [], content: joined(content) };
}

const text = (value: string, plain = true): Text[] => (value === '' ? [] : [{ text: value, plain }]);

/** Generates stanzas from one source of random numbers. */
export class StanzaGenerator {
  readonly #material: Material;
  readonly #random: Random;
  readonly #values: Values;

  constructor(material: Material, random: Random, values: Values) {
    this.#material = material;
    this.#random = random;
    this.#values = values;
  }

  stanza(): Element {
    const random = this.#random;
    if (random.once(12)) return this.#varied(this.#nonza(), 0);
    return this.#stanza(0);
  }

  #nonza(): Element {
    const { examples } = this.#material;
    const example = this.#random.pick(examples);
    if (example.namespace !== clientNamespace) return example;
    return this.#random.once(4)
      ? this.#payload(0, [])
      : make('urn:ietf:params:xml:ns:xmpp-sasl', 'failure', {}, this.#payloads(0, []));
  }

  #stanza(depth: number): Element {
    const random = this.#random;
    const { examples } = this.#material;
    if (random.once(4)) return this.#varied(random.pick(examples), depth);
    const name = random.pick(['message', 'message', ...stanzaNames]);
    const type = random.pick(types[name]!);
    const attributes = {
      to: random.once(3) ? undefined : this.#values.jid(),
      from: random.once(2) ? undefined : this.#values.jid(),
      id: random.once(4) ? undefined : this.#values.of('identifier', `id.${name}`),
      type,
    };
    const content = this.#payloads(depth, [name]);
    if (type === 'error') content.push(this.#error());
    return this.#varied(make(clientNamespace, name, attributes, content), depth);
  }

  #error(): Element {
    const { payloads } = this.#material;
    const errors = payloads.filter((each) => isNamed(each, clientNamespace, 'error'));
    return this.#random.once(3)
      ? make(clientNamespace, 'error', { type: 'cancel' }, this.#payloads(depthMax - 1, []))
      : this.#random.pick(errors);
  }

  #payloads(depth: number, within: readonly string[]): (Element | Text)[] {
    const content: (Element | Text)[] = [];
    for (let count = this.#random.below(depth === 0 ? 5 : 3); count >= 0; count -= 1)
      content.push(...this.#piece(depth, within));
    return content;
  }

  #piece(depth: number, within: readonly string[]): (Element | Text)[] {
    const random = this.#random;
    if (random.once(8)) return this.#text();
    if (random.once(6)) return [this.#body()];
    if (depth < depthMax && random.once(7)) return [this.#carrier(depth + 1)];
    return [this.#payload(depth, within)];
  }

  #text(): Text[] {
    const value = this.#values.of('text');
    return text(value, !this.#random.once(4));
  }

  #body(): Element {
    const name = this.#random.pick(['body', 'body', 'subject', 'thread', 'show', 'status']);
    return make(
      clientNamespace,
      name,
      {},
      name === 'thread' ? text(this.#values.of('identifier', 'id.thread')) : this.#text(),
    );
  }

  /** Returns something with a stanza, or a part of one, inside. */
  #carrier(depth: number): Element {
    const random = this.#random;
    const inner = random.once(5) ? this.#payloads(depth, []) : [this.#stanza(depth)];
    const forwarded = make(
      'urn:xmpp:forward:0',
      'forwarded',
      {},
      random.once(3) ? [...inner, ...this.#payloads(depthMax, [])] : inner,
    );
    const item = (namespace: string): Element => make(namespace, 'item', { id: 'i' }, inner);
    const pubsub = 'http://jabber.org/protocol/pubsub';
    const event = `${pubsub}#event`;
    const node = random.pick([
      'n',
      'urn:xmpp:mds:displayed:0',
      'urn:xmpp:omemo:2:devices',
      'http://jabber.org/protocol/mood',
    ]);
    switch (random.below(7)) {
      case 0:
        return make('urn:xmpp:carbons:2', random.pick(['received', 'sent']), {}, [forwarded]);
      case 1:
        return make('urn:xmpp:mam:2', 'result', { id: 'r', queryid: 'q' }, [forwarded]);
      case 2:
        return make(event, 'event', {}, [make(event, 'items', { node }, [item(event)])]);
      case 3:
        return make(pubsub, 'pubsub', {}, [
          make(pubsub, random.pick(['publish', 'items']), { node }, [item(pubsub)]),
        ]);
      case 4:
        return make('eu.siacs.conversations.axolotl', 'encrypted', {}, inner);
      case 5:
        return make(unlisted, 'x', {}, inner);
      default:
        return forwarded;
    }
  }

  #payload(depth: number, within: readonly string[]): Element {
    const random = this.#random;
    const { samples, holders, payloads } = this.#material;
    if (random.once(3)) return this.#varied(random.pick(payloads), depth);
    if (random.once(12))
      return this.#varied(make(unlisted, random.pick(['x', 'body', 'item']), {}, this.#text()), depth);
    if (random.once(8)) return this.#varied(this.#at(random.pick(holders), undefined, depth, within), depth);
    const { field, place } = random.pick(samples);
    return this.#varied(this.#at(place, field, depth, within), depth);
  }

  /** Makes the element that a path selects, with what is around it. */
  #at(place: Place, field: Field | undefined, depth: number, within: readonly string[]): Element {
    const random = this.#random;
    const { steps, target, attribute, inUri, part } = place;
    const value = inUri
      ? this.#values.uri()
      : part === 'whole'
        ? this.#values.of(field?.value ?? 'text', field?.name)
        : this.#values.jid();
    let made: Element | undefined;
    for (const step of steps.toReversed()) {
      const attributes: Attribute[] = [];
      const content: (Element | Text)[] = made === undefined ? [] : [made];
      if (made === undefined && target === 'attribute')
        attributes.push({
          namespace: attribute.namespace,
          name: attribute.name === '*' ? 'other' : attribute.name,
          value,
        });
      else if (made === undefined && !random.once(4)) content.push(...text(value, !random.once(6)));
      const mention = step.mentions.length === 0 || random.once(5) ? undefined : random.pick(step.mentions);
      if (mention !== undefined && 'child' in mention)
        content.push(make(mention.child.namespace, mention.child.name, {}, []));
      else if (mention !== undefined && !attributes.some(({ name }) => name === mention.attribute))
        attributes.push({ namespace: '', name: mention.attribute, value: mention.value });
      if (depth < depthMax && random.once(8)) content.push(...this.#piece(depth + 2, []));
      const isOuter = step.namespace === clientNamespace && within.includes(step.name);
      if (isOuter && made !== undefined) return made;
      const name =
        step.name === '*'
          ? random.pick(['text', 'gone', 'x', 'body', 'item', 'command', 'request'])
          : step.name;
      const declares = attributes.flatMap(({ namespace }) =>
        namespace === '' || namespace === xmlNamespace ? [] : [namespace],
      );
      made = { namespace: step.namespace, name, attributes, declares, content: joined(content) };
    }
    return made ?? make(clientNamespace, 'body', {}, this.#text());
  }

  /** Returns a tree with a few changes: other values, more and fewer attributes, other spelling. */
  #varied(element: Element, depth: number): Element {
    const random = this.#random;
    let { attributes, declares, content } = element;
    if (random.once(6))
      attributes = attributes.map((each) => (random.once(2) ? this.#otherValue(each) : each));
    if (random.once(12) && attributes.length > 0)
      attributes = attributes.toSpliced(random.below(attributes.length), 1);
    if (random.once(16)) ({ attributes, declares } = this.#more({ ...element, attributes }));
    if (random.once(24) && element.namespace !== clientNamespace && !declares.includes(element.namespace))
      declares = [...declares, element.namespace];
    if (random.once(48)) declares = [...new Set([...declares, random.pick([unlisted, 'jabber:x:data'])])];
    if (random.once(30)) content = [...content, ...this.#piece(depth + 1, [])];
    if (random.once(40) && content.length > 0) content = content.toSpliced(random.below(content.length), 1);
    if (random.once(60) && content.length > 1) content = content.toReversed();
    content = content.map((node) =>
      isElement(node) && random.once(4) ? this.#varied(node, depth + 1) : node,
    );
    return { ...element, attributes, declares, content: joined(content) };
  }

  #more({ attributes, declares }: Element): Pick<Element, 'attributes' | 'declares'> {
    const has = (namespace: string, name: string): boolean =>
      attributes.some((each) => each.namespace === namespace && each.name === name);
    const random = this.#random;
    const [namespace, name] = random.pick([
      ['', 'secret'],
      ['', 'id'],
      [xmlNamespace, 'lang'],
      [xmlNamespace, 'lang'],
      [unlisted, 'a'],
    ] as const);
    if (has(namespace, name)) return { attributes, declares };
    const value = this.#values.of(name === 'lang' ? 'language' : 'identifier');
    const needs = namespace === unlisted ? [...new Set([...declares, unlisted])] : declares;
    return { attributes: [...attributes, { namespace, name, value }], declares: needs };
  }

  #otherValue(attribute: Attribute): Attribute {
    const { name } = attribute;
    const kind = /^(to|from|jid|by)$/.test(name) ? 'jid' : /^(id|sid)$/.test(name) ? 'identifier' : undefined;
    if (kind !== undefined) return { ...attribute, value: this.#values.of(kind) };
    return /^(begin|start|end)$/.test(name)
      ? { ...attribute, value: `${this.#random.below(90)}` }
      : attribute;
  }
}
