/** The catalogue: every field that a policy can name, merged from files. */
import type { TreatmentName } from '../minimisation/treatment.ts';
import type { Audience, Direction } from '../stanza/direction.ts';
import {
  catalogueSchema,
  type CatalogueDocument,
  type FieldClass,
  type FieldDocument,
} from './catalogue-schema.ts';
import { errorAt, type Diagnostic } from './diagnostic.ts';
import { readDocument } from './document.ts';
import { parseSelector, type Selector } from './selector.ts';
import { shape } from './shape.ts';

/** A selector with properties that the catalogue adds. */
export interface FieldSelector extends Selector {
  /** Whether dropping the value drops the element around it. */
  readonly dropsElement: boolean;
  /** The part of a JID that is selected. */
  readonly part: 'whole' | 'own-resource' | 'peer-resource';
  /** Whether the JID is in an XMPP URI (RFC 5122). */
  readonly inUri: boolean;
  /** Whether the value is an address among the words of another field's text. */
  readonly words: boolean;
  /** The attribute with the id of the answered stanza; undefined for the answer's own id. */
  readonly names: string | undefined;
}

export interface Field {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly where: FieldDocument['where'];
  readonly directions: readonly Direction[];
  readonly category: FieldDocument['category'];
  readonly reveals: string;
  readonly breaks: string;
  readonly classes: readonly FieldClass[];
  readonly value: FieldDocument['value'];
  readonly permits: readonly TreatmentName[];
  readonly selectors: readonly FieldSelector[];
  readonly returns: readonly FieldSelector[];
  readonly requests: readonly FieldSelector[];
  readonly answer?: {
    /** Payload of the answer; undefined for an empty result. */
    readonly element: { readonly namespace: string; readonly local: string } | undefined;
    readonly required: readonly string[];
    readonly optional: readonly string[];
  };
  readonly example: string;
}

/** An element that has fields and is none itself. */
interface Structure {
  readonly selector: Selector;
  /** Whether it is removed once everything in it was dropped. */
  readonly wrapper: boolean;
  /** Whether its children are payloads, and never part of it, even in its own namespace. */
  readonly payload: boolean;
}

export interface Catalogue {
  readonly fields: ReadonlyMap<string, Field>;
  readonly structure: readonly Structure[];
}

/** The text of a file. Code under policy/ opens no file. */
export interface TextFile {
  readonly file: string;
  readonly text: string;
}

/** Merges catalogue files. Later files add entries; repeating one is an error. */
export function loadCatalogue(files: readonly TextFile[]): {
  readonly catalogue: Catalogue;
  readonly diagnostics: readonly Diagnostic[];
} {
  const fields = new Map<string, Field>();
  const structure: Structure[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const { file, text } of files) {
    const document = readDocument(file, text);
    const shaped = shape(document, catalogueSchema, 'ERR_CATALOGUE');
    if (shaped.kind === 'differs') {
      diagnostics.push(...shaped.diagnostics);
      continue;
    }
    const attempt = (path: readonly (string | number)[], read: () => void): void => {
      try {
        read();
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        diagnostics.push(errorAt(document.keyPlace(path), 'ERR_CATALOGUE', error.message));
      }
    };
    for (const [name, entry] of Object.entries(shaped.value.fields)) {
      attempt(['fields', name], () => {
        if (fields.has(name)) throw new SyntaxError(`${name} is in another catalogue file already`);
        fields.set(name, toField(name, entry, shaped.value.namespaces));
      });
    }
    shaped.value.structure.forEach((entry, index) => {
      attempt(['structure', index], () => structure.push(...toStructure(entry, shaped.value.namespaces)));
    });
  }
  return { catalogue: { fields, structure }, diagnostics };
}

function toField(name: string, entry: FieldDocument, namespaces: CatalogueDocument['namespaces']): Field {
  const { answer, select, returns, request, direction, ...rest } = entry;
  if ((select !== undefined || request !== undefined) !== (entry.where === 'stanza'))
    throw new SyntaxError(`${name}: fields of stanzas have selectors, others have none`);
  const read = (list: FieldDocument['select']): FieldSelector[] =>
    (list ?? []).flatMap((selector) => toSelectors(selector, namespaces));
  const element = /^\{([^}]+)\}(.+)$/.exec(answer?.element ?? '');
  return {
    name,
    ...rest,
    directions: direction === 'both' ? ['to-gatekeeper', 'to-client'] : [direction],
    selectors: read(select),
    returns: read(returns),
    requests: read(request),
    ...(answer === undefined
      ? {}
      : {
          answer: {
            element: element === null ? undefined : { namespace: element[1]!, local: element[2]! },
            required: answer.required,
            optional: answer.optional,
          },
        }),
  };
}

function toSelectors(
  selector: NonNullable<FieldDocument['select']>[number],
  namespaces: CatalogueDocument['namespaces'],
): FieldSelector[] {
  const {
    path,
    'on-drop': onDrop,
    part = 'whole',
    form,
    words = false,
    names,
  } = typeof selector === 'string' ? { path: selector } : selector;
  return parseSelector(path, namespaces).map((parsed) => ({
    ...parsed,
    dropsElement: onDrop === 'element',
    part,
    inUri: form === 'xmpp-uri',
    words,
    names,
  }));
}

function toStructure(
  entry: CatalogueDocument['structure'][number],
  namespaces: CatalogueDocument['namespaces'],
): Structure[] {
  const {
    path,
    wrapper,
    payload = false,
  } = typeof entry === 'string' ? { path: entry, wrapper: false } : entry;
  return parseSelector(path, namespaces).map((selector) => ({ selector, wrapper, payload }));
}

/** Returns whether a client gives it automatically, as an answer to a stanza that another party can send. */
export function isAutomaticAnswer({ classes }: Field): boolean {
  return classes.includes('automatic-answer');
}

/** Returns whether values of the field travel in HTTP requests, which have no session and no account. */
export function meetsHttp({ where, classes }: Field): boolean {
  return where === 'http' || classes.includes('returned-over-http');
}

/** Returns whether pseudonymising the field seals media addresses. */
export function isSealable({ value, permits, selectors }: Field): boolean {
  return value === 'url' && selectors.length > 0 && permits.includes('pseudonymise');
}

/** Returns whether the audience ever sees the field. HTTP requests to the client's side end at the provider; the
 *  operator could see everything. */
export function concerns({ where, directions }: Field, audience: Audience): boolean {
  if (audience === 'operator') return true;
  if (audience === 'gatekeeper') return directions.includes('to-gatekeeper');
  return directions.includes('to-client') && (where === 'http') === (audience === 'provider');
}

/** Returns every namespace and local name in the catalogue, for the scanner's vocabulary. */
export function catalogueNames(catalogue: Catalogue): { namespaces: string[]; locals: string[] } {
  const namespaces = new Set<string>();
  const locals = new Set<string>();
  const add = ({ steps, target, names }: Selector & { readonly names?: string | undefined }): void => {
    if (names !== undefined) locals.add(names);
    for (const { namespace, local, conditions } of steps) {
      namespaces.add(namespace);
      if (local !== '*') locals.add(local);
      for (const condition of conditions) addCondition(condition);
    }
    if (target.kind !== 'attribute' || target.name === '*') return;
    locals.add(target.name);
    if (target.namespace !== '') namespaces.add(target.namespace);
  };
  const addCondition = (condition: Selector['steps'][number]['conditions'][number]): void => {
    if (condition.kind === 'not') addCondition(condition.of);
    else if (condition.kind === 'or') condition.of.forEach(addCondition);
    else if (condition.kind === 'attribute') locals.add(condition.name);
    else {
      namespaces.add(condition.namespace);
      locals.add(condition.local);
    }
  };
  for (const field of catalogue.fields.values()) {
    for (const selector of [...field.selectors, ...field.returns, ...field.requests]) add(selector);
  }
  for (const { selector } of catalogue.structure) add(selector);
  return { namespaces: [...namespaces], locals: [...locals] };
}
