/** The shipped catalogue, as data: every field with the paths to it, found by the name of an element. */
import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { readPaths, type Path } from './paths.ts';
import { clientNamespace, streamsNamespace, xmlNamespace } from './tree.ts';

export type Direction = 'to-gatekeeper' | 'to-client';
export type Audience = 'gatekeeper' | 'client' | 'provider' | 'operator';

/** A path with what the catalogue says of it. */
export interface Place extends Path {
  /** Whether the element goes when the value is dropped. */
  readonly dropsElement: boolean;
  readonly part: 'whole' | 'own-resource' | 'peer-resource';
  /** Whether the JID is in a URI (RFC 5122). */
  readonly inUri: boolean;
  /** Whether the value is an address among other words. */
  readonly words: boolean;
  /** Attribute with the id of what is answered; undefined for the stanza's id. */
  readonly names: string | undefined;
}

export interface Field {
  readonly name: string;
  readonly protocol: string;
  readonly where: 'stanza' | 'stream' | 'connection' | 'http';
  readonly directions: readonly Direction[];
  readonly classes: ReadonlySet<string>;
  readonly value: string;
  readonly permits: readonly string[];
  readonly selects: readonly Place[];
  readonly returns: readonly Place[];
  readonly requests: readonly Place[];
  /** Name of the element in an answer that is given in place of the client; undefined for an empty answer. */
  readonly answer: { readonly namespace: string; readonly name: string } | undefined;
  readonly answerNeeds: readonly string[];
  readonly answerMay: readonly string[];
  readonly example: string;
}

/** What the catalogue says of an element at a place. */
export interface Entry {
  readonly place: Place;
  /** `holder`: an element that has fields and is none. `return`: where a pseudonym comes back. */
  readonly kind: 'holder' | 'return' | 'field' | 'request';
  /** Undefined for a holder. */
  readonly field: Field | undefined;
  readonly wrapper: boolean;
  readonly payload: boolean;
}

export interface Catalogue {
  readonly fields: ReadonlyMap<string, Field>;
  /** By namespace and name of the last step; `*` is a name of its own. */
  readonly entries: ReadonlyMap<string, readonly Entry[]>;
  /** Entries for attributes of any element. */
  readonly anywhere: readonly Entry[];
  /** Elements that hold fields, or have them as attribute or text. */
  readonly holders: ReadonlySet<string>;
  readonly namespaces: ReadonlySet<string>;
}

interface WrittenPlace {
  path: string;
  'on-drop'?: string;
  part?: Place['part'];
  form?: string;
  words?: boolean;
  names?: string;
}
type Written = string | WrittenPlace;

interface WrittenField {
  where?: Field['where'];
  direction: Direction | 'both';
  classes?: string[];
  value: string;
  permits: string[];
  select?: Written[];
  returns?: Written[];
  request?: Written[];
  answer?: { element?: string; required?: string[]; optional?: string[] };
  example: string;
}

interface WrittenFile {
  protocol?: string;
  namespaces?: Record<string, string>;
  fields: Record<string, WrittenField>;
  structure?: (string | { path: string; wrapper?: boolean; payload?: boolean })[];
}

const folder = new URL('../../policies/catalogue/', import.meta.url).pathname;

export const directions: readonly Direction[] = ['to-gatekeeper', 'to-client'];

export function keyOf(namespace: string, name: string): string {
  return `${name} ${namespace}`;
}

/** Returns whether the place of a field that is pseudonymised is an address at the proxy, which stands for another. */
export function isSealed({ value, permits, selects }: Field): boolean {
  return value === 'url' && permits.includes('pseudonymise') && selects.length > 0;
}

export function readCatalogue(): Catalogue {
  const fields = new Map<string, Field>();
  const holding: Entry[] = [];
  for (const file of readdirSync(folder).toSorted()) {
    if (!file.endsWith('.yaml')) continue;
    const {
      protocol = 'xmpp',
      namespaces = {},
      fields: written,
      structure = [],
    } = parse(readFileSync(folder + file, 'utf8')) as WrittenFile;
    for (const [name, field] of Object.entries(written))
      fields.set(name, toField(name, protocol === 'xmpp' ? field : named(field), { protocol, namespaces }));
    if (protocol !== 'xmpp') continue;
    for (const each of structure) {
      const { path, wrapper = false, payload = false } = typeof each === 'string' ? { path: each } : each;
      for (const place of toPlaces(path, namespaces))
        holding.push({ place, kind: 'holder', field: undefined, wrapper, payload });
    }
  }
  return arrange(fields, holding);
}

/** Returns a field of the chat channel, by its name alone: no stanza of XMPP has it. */
function named({ direction, classes, value, permits, example }: WrittenField): WrittenField {
  return { where: 'stream', direction, value, permits, example, ...(classes !== undefined && { classes }) };
}

function toField(
  name: string,
  written: WrittenField,
  { protocol, namespaces }: { readonly protocol: string; readonly namespaces: Record<string, string> },
): Field {
  const { direction, classes = [], answer, select = [], returns = [], request = [] } = written;
  const [, namespace, local] = /^\{(.*)\}(.*)$/.exec(answer?.element ?? '') ?? [];
  const places = (list: readonly Written[]): Place[] => list.flatMap((each) => toPlaces(each, namespaces));
  return {
    name,
    protocol,
    where: written.where ?? 'stanza',
    directions: direction === 'both' ? directions : [direction],
    classes: new Set(classes),
    value: written.value,
    permits: written.permits,
    selects: places(select),
    returns: places(returns),
    requests: places(request),
    answer: namespace === undefined ? undefined : { namespace, name: local! },
    answerNeeds: answer?.required ?? [],
    answerMay: answer?.optional ?? [],
    example: written.example,
  };
}

function toPlaces(written: Written, namespaces: Record<string, string>): Place[] {
  const place: WrittenPlace = typeof written === 'string' ? { path: written } : written;
  return readPaths(place.path, namespaces).map((path) => ({
    ...path,
    dropsElement: place['on-drop'] === 'element',
    part: place.part ?? 'whole',
    inUri: place.form === 'xmpp-uri',
    words: place.words === true,
    names: place.names,
  }));
}

/** Orders what is said of an element: holders, then pseudonyms that come back, then the fields. */
function arrange(fields: ReadonlyMap<string, Field>, holding: readonly Entry[]): Catalogue {
  const of = (kind: Entry['kind'], field: Field, places: readonly Place[]): Entry[] =>
    places.map((place) => ({ place, kind, field, wrapper: false, payload: false }));
  const plain = [...fields.values()].filter((field) => !isSealed(field));
  const all = [
    ...holding,
    ...plain.flatMap((field) =>
      of('return', field, field.returns.length > 0 ? field.returns : field.selects),
    ),
    ...[...fields.values()].flatMap((field) => [
      ...of('field', field, field.selects),
      ...of('request', field, field.requests),
    ]),
  ];
  const entries = new Map<string, Entry[]>();
  const anywhere: Entry[] = [];
  const holders = new Set<string>();
  const namespaces = new Set<string>([clientNamespace, streamsNamespace, xmlNamespace]);
  for (const entry of all) {
    const { steps, target } = entry.place;
    steps.forEach(({ namespace, name }, index) => {
      namespaces.add(namespace);
      if (index < steps.length - 1 || target !== 'element') holders.add(keyOf(namespace, name));
    });
    const last = steps.at(-1);
    if (last === undefined) {
      anywhere.push(entry);
      continue;
    }
    const key = keyOf(last.namespace, last.name);
    const known = entries.get(key);
    if (known === undefined) entries.set(key, [entry]);
    else known.push(entry);
  }
  return { fields, entries, anywhere, holders, namespaces };
}
