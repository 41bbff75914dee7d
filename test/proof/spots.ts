/** Places for a value: for each path of the catalogue a stanza in which the path selects it, and what such stanzas can be in. */
import type { Field, Place } from '../reference/catalogue.ts';
import { selects, type Mention } from '../reference/paths.ts';
import {
  clientNamespace,
  elementsIn,
  isElement,
  isStanza,
  joined,
  xmlNamespace,
  type Attribute,
  type Element,
  type Text,
} from '../reference/tree.ts';

/** A stanza as a function of the value in it. */
export interface Spot {
  readonly place: Place;
  readonly build: (value: string) => Element;
}

export function make(
  namespace: string,
  name: string,
  attributes: Readonly<Record<string, string>>,
  content: readonly (Element | Text)[],
): Element {
  const all = Object.entries(attributes).map(([key, value]) => ({ namespace: '', name: key, value }));
  return { namespace, name, attributes: all, declares: [], content: joined(content) };
}

const text = (value: string): Text[] => (value === '' ? [] : [{ text: value, plain: true }]);
const contact = 'a@b.example/r';

/** Stanzas that a payload can be in, where its path names none. */
const hosts: readonly ((payload: Element) => Element)[] = [
  (payload) =>
    make(clientNamespace, 'message', { to: contact, from: contact, type: 'chat' }, [
      make(clientNamespace, 'body', {}, text('hi')),
      payload,
    ]),
  (payload) => make(clientNamespace, 'presence', { to: contact, from: contact }, [payload]),
  (payload) => make(clientNamespace, 'iq', { to: contact, from: contact, type: 'set', id: 'i1' }, [payload]),
  (payload) =>
    make(clientNamespace, 'iq', { to: contact, from: contact, type: 'result', id: 'i1' }, [payload]),
];

/** Elements that are on a stream by themselves (XEP-0360). */
const topLevel = [
  'urn:xmpp:sm:3',
  'urn:xmpp:csi:0',
  'urn:xmpp:sasl:2',
  'urn:ietf:params:xml:ns:xmpp-sasl',
  'http://etherx.jabber.org/streams',
];

/** Returns every spot for a path. */
export function spotsFor(place: Place): readonly Spot[] {
  const makers = chainsFor(place);
  const [outermost] = place.steps;
  if (outermost === undefined)
    return hosts.slice(0, 3).map((host) => ({ place, build: (value) => withLanguage(host, value) }));
  const isHost =
    outermost.namespace === clientNamespace && ['message', 'presence', 'iq'].includes(outermost.name);
  if (isHost || topLevel.includes(outermost.namespace)) return makers.map((build) => ({ place, build }));
  return makers.flatMap((build) =>
    hosts.map((host): Spot => ({ place, build: (value) => host(build(value)) })),
  );
}

/** Returns stanzas in which a path selects something. */
export function hostsOf(place: Place): readonly Element[] {
  return spotsFor(place).map(({ build }) => build('x'));
}

function withLanguage(host: (payload: Element) => Element, value: string): Element {
  const stanza = host(make('urn:xmpp:hints', 'store', {}, []));
  return { ...stanza, attributes: [...stanza.attributes, { namespace: xmlNamespace, name: 'lang', value }] };
}

/** Returns the first element for a path that it selects, one for each mention of its last condition that does. */
function chainsFor(place: Place): ((value: string) => Element)[] {
  const options = place.steps.map(({ mentions }) => choicesOf(mentions));
  const found = combinations(options).map((chosen) => (value: string) => chain(place, chosen, value));
  const fitting = found.filter((build) => {
    const line = lineOf(build('x'), place.steps.length);
    return line !== undefined && selects(place, line);
  });
  return fitting.slice(0, chainsMax);
}

/** Spots of one path: conditions with many alternatives have many. */
const chainsMax = 4;

function choicesOf(mentions: readonly Mention[]): readonly (readonly Mention[])[] {
  return mentions.length === 0
    ? [[]]
    : [
        ...mentions.map((each) => [each]),
        [],
        mentions.filter(
          (each, i) =>
            'child' in each ||
            mentions.findIndex((other) => 'attribute' in other && other.attribute === each.attribute) === i,
        ),
      ];
}

function combinations<T>(options: readonly (readonly T[])[]): T[][] {
  return options.reduce<T[][]>(
    (all, choices) => all.flatMap((each) => choices.map((choice) => [...each, choice])),
    [[]],
  );
}

function lineOf(element: Element, length: number): Element[] | undefined {
  const line = [element];
  while (line.length < length) {
    const next = elementsIn(line.at(-1)!).at(-1);
    if (next === undefined) return undefined;
    line.push(next);
  }
  return line;
}

/** Makes the elements of a path, one in the other, with the value where the path points. */
function chain(
  { steps, target, attribute }: Place,
  chosen: readonly (readonly Mention[])[],
  value: string,
): Element {
  let made: Element | undefined;
  for (let i = steps.length - 1; i >= 0; i -= 1) {
    const { namespace, name } = steps[i]!;
    const attributes: Attribute[] = [];
    const content: (Element | Text)[] = [];
    for (const mention of chosen[i]!) {
      if ('child' in mention) content.push(make(mention.child.namespace, mention.child.name, {}, []));
      else attributes.push({ namespace: '', name: mention.attribute, value: mention.value });
    }
    if (made !== undefined) content.push(made);
    else if (target === 'attribute') {
      const named = attribute.name === '*' ? 'other' : attribute.name;
      attributes.splice(0, attributes.length, ...attributes.filter((each) => each.name !== named), {
        ...attribute,
        name: named,
        value,
      });
    } else content.push(...text(value));
    const declares = attributes.flatMap((each) => (each.namespace === '' ? [] : [each.namespace]));
    made = complete({ namespace, name: name === '*' ? 'other' : name, attributes, declares, content }, value);
  }
  return made!;
}

/** Adds the addresses and the identifier that stanzas have. */
function complete(element: Element, value: string): Element {
  if (!isStanza(element)) return element;
  const has = (name: string): boolean => element.attributes.some((each) => each.name === name);
  const more = Object.entries({ to: contact, from: contact, id: 's1' }).filter(([name]) => !has(name));
  const isBare = elementsIn(element).length === 0 && element.content.length > 0;
  // A stanza has no text of its own.
  const content = isBare
    ? [make(clientNamespace, element.name === 'presence' ? 'status' : 'body', {}, text(value))]
    : element.content;
  return {
    ...element,
    attributes: [
      ...element.attributes,
      ...more.map(([name, each]) => ({ namespace: '', name, value: each })),
    ],
    content,
  };
}

/** Returns the element with attributes, text and children that are part of it, for treatments that take it as a whole. */
export function filled(spot: Spot, field: Field): Spot {
  const { place } = spot;
  if (place.target !== 'element' || place.words || field.value === 'url') return spot;
  const steps = place.steps.length;
  return {
    place,
    build: (value) => {
      const stanza = spot.build(value);
      return within(stanza, stanza, steps, (element) =>
        isStanza(element)
          ? element
          : {
              ...element,
              attributes: element.attributes.some(({ name }) => name === 'a')
                ? element.attributes
                : [...element.attributes, { namespace: '', name: 'a', value }],
              content: [...element.content, make(element.namespace, 'part-of-it', { b: value }, text(value))],
            },
      );
    },
  };
}

/** Changes the innermost of the last elements. */
function within(
  element: Element,
  root: Element,
  steps: number,
  change: (element: Element) => Element,
): Element {
  const last = element.content.findLastIndex(isElement);
  const child = element.content[last];
  if (child === undefined || !isElement(child)) return change(element);
  // The elements that a condition asks for come first.
  const isTarget =
    element !== root && steps === 1 && element.namespace !== child.namespace && !isStanza(element);
  return isTarget
    ? change(element)
    : { ...element, content: element.content.with(last, within(child, root, steps, change)) };
}

/** What a stanza can be in. */
export const containers: Readonly<Record<string, (stanza: Element) => Element>> = {
  'as it is': (stanza) => stanza,
  'in a copy': (stanza) => outer([make('urn:xmpp:carbons:2', 'received', {}, [forwarded(stanza)])]),
  'in a copy of what was sent': (stanza) =>
    outer([make('urn:xmpp:carbons:2', 'sent', {}, [forwarded(stanza)])]),
  'in an archive': (stanza) =>
    outer([make('urn:xmpp:mam:2', 'result', { id: 'r', queryid: 'q' }, [forwarded(stanza)])]),
  'in an event': (stanza) => outer([inItem('http://jabber.org/protocol/pubsub#event', 'event', stanza)]),
  'in a publication': (stanza) =>
    make(clientNamespace, 'iq', { type: 'result', id: 'p1' }, [
      inItem('http://jabber.org/protocol/pubsub', 'pubsub', stanza),
    ]),
  'forwarded twice': (stanza) =>
    outer([
      forwarded(
        make(clientNamespace, 'message', {}, [
          make(clientNamespace, 'body', {}, text('x')),
          forwarded(stanza),
        ]),
      ),
    ]),
  'in a room': (stanza) => (stanza.name === 'message' ? withType(stanza, 'groupchat') : stanza),
  'echoed in an error': (stanza) => ({
    ...withType(stanza, 'error'),
    content: [
      ...stanza.content,
      make(clientNamespace, 'error', { type: 'cancel' }, [
        make('urn:ietf:params:xml:ns:xmpp-stanzas', 'item-not-found', {}, []),
      ]),
    ],
  }),
};

function outer(content: readonly Element[]): Element {
  return make(clientNamespace, 'message', { to: contact, from: contact }, content);
}

function forwarded(stanza: Element): Element {
  return make('urn:xmpp:forward:0', 'forwarded', {}, [stanza]);
}

function inItem(namespace: string, name: string, stanza: Element): Element {
  return make(namespace, name, {}, [
    make(namespace, 'items', { node: 'n' }, [make(namespace, 'item', { id: 'i' }, [stanza])]),
  ]);
}

function withType(stanza: Element, type: string): Element {
  const others = stanza.attributes.filter(({ name, namespace }) => name !== 'type' || namespace !== '');
  return { ...stanza, attributes: [...others, { namespace: '', name: 'type', value: type }] };
}
