/** The catalogue: every field that a policy can name, merged from files. */
import type { TreatmentName } from '../minimisation/treatment.ts';
import type { Audience, Direction } from '../stanza/direction.ts';
import {
  catalogueSchema,
  type CatalogueDocument,
  type FieldClass,
  type FieldDocument,
  type FormDocument,
  type Lowering,
} from './catalogue-schema.ts';
import { errorAt, type Diagnostic } from './diagnostic.ts';
import { readDocument } from './document.ts';
import { stanzaProtocols, type ProtocolName } from './protocols.ts';
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

/** A field as it is in one protocol. */
export interface Field {
  readonly name: string;
  readonly protocol: ProtocolName;
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
  /** The effect of the treatment `lower`; undefined where there is nothing lower. */
  readonly lower: Lowering | undefined;
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
  /** Every field by its name, in the protocol that defines it. */
  readonly fields: ReadonlyMap<string, Field>;
  /** Fields of that map as they are in a further protocol. One protocol may have a form for each direction. */
  readonly forms: readonly Field[];
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
  const loader = new CatalogueLoader();
  for (const file of files) loader.add(file);
  return loader.finish();
}

/** A form, until all fields are known. */
interface PendingForm {
  readonly name: string;
  readonly written: FormDocument;
  readonly file: CatalogueDocument;
  readonly attempt: (read: () => void) => void;
}

class CatalogueLoader {
  readonly #fields = new Map<string, Field>();
  readonly #structure: Structure[] = [];
  readonly #forms: Field[] = [];
  readonly #pending: PendingForm[] = [];
  readonly #diagnostics: Diagnostic[] = [];

  add({ file, text }: TextFile): void {
    const document = readDocument(file, text);
    const shaped = shape(document, catalogueSchema, 'ERR_CATALOGUE');
    if (shaped.kind === 'differs') {
      this.#diagnostics.push(...shaped.diagnostics);
      return;
    }
    const { value } = shaped;
    const attempt = (path: readonly (string | number)[], read: () => void): void => {
      try {
        read();
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        this.#diagnostics.push(errorAt(document.keyPlace(path), 'ERR_CATALOGUE', error.message));
      }
    };
    for (const [name, entry] of Object.entries(value.fields)) {
      attempt(['fields', name], () => {
        if (this.#fields.has(name)) throw new SyntaxError(`${name} is in another catalogue file already`);
        this.#fields.set(name, toField(name, entry, value));
      });
    }
    for (const [name, list] of Object.entries(value.forms))
      list.forEach((written, index) =>
        this.#pending.push({
          name,
          written,
          file: value,
          attempt: (read) => attempt(['forms', name, index], read),
        }),
      );
    value.structure.forEach((entry, index) => {
      attempt(['structure', index], () => this.#structure.push(...toStructure(entry, value)));
    });
  }

  finish(): ReturnType<typeof loadCatalogue> {
    for (const form of this.#pending) form.attempt(() => this.#addForm(form));
    return {
      catalogue: { fields: this.#fields, forms: this.#forms, structure: this.#structure },
      diagnostics: this.#diagnostics,
    };
  }

  #addForm({ name, written, file }: PendingForm): void {
    const field = this.#fields.get(name);
    if (field === undefined)
      throw new SyntaxError(`${name} is in no catalogue file, so it has no other form`);
    if (field.protocol === file.protocol)
      throw new SyntaxError(`${name} is a field of ${file.protocol} already: add to its selectors`);
    const form = toForm(field, written, file);
    const isTwice = this.#forms.some(
      (other) =>
        other.name === name &&
        other.protocol === form.protocol &&
        other.directions.some((direction) => form.directions.includes(direction)),
    );
    if (isTwice) throw new SyntaxError(`${name} has two forms of ${file.protocol} in one direction`);
    this.#forms.push(form);
  }
}

function toField(name: string, entry: FieldDocument, file: CatalogueDocument): Field {
  const { title, where, category, reveals, breaks, value } = entry;
  if ((entry.select !== undefined || entry.request !== undefined) !== (where === 'stanza'))
    throw new SyntaxError(`${name}: fields of stanzas have selectors, others have none`);
  return { name, title, where, category, reveals, breaks, value, ...partsOf(name, entry, file) };
}

/** Returns a field as it is in the protocol of a file.
 *  @throws SyntaxError for a field that is in no stanza */
function toForm(field: Field, written: FormDocument, file: CatalogueDocument): Field {
  const { name, title, where, category, reveals } = field;
  if (where !== 'stanza' || (written.select === undefined && written.request === undefined))
    throw new SyntaxError(`${name}: forms are of fields of stanzas, and have selectors`);
  const { breaks = field.breaks, value = field.value } = written;
  return { name, title, where, category, reveals, breaks, value, ...partsOf(name, written, file) };
}

/** Returns what a field and a form have in common.
 *  @throws SyntaxError when `lower` does not fit, or a selector is wrong */
function partsOf(
  name: string,
  entry: FieldDocument | FormDocument,
  file: CatalogueDocument,
): Pick<
  Field,
  | 'protocol'
  | 'source'
  | 'directions'
  | 'classes'
  | 'permits'
  | 'lower'
  | 'selectors'
  | 'returns'
  | 'requests'
  | 'answer'
  | 'example'
> {
  const { answer, select, returns, request, direction, source, classes, permits, lower, example } = entry;
  if (permits.includes('lower') !== (lower !== undefined))
    throw new SyntaxError(`${name}: \`lower\` is permitted where the entry says what is lower`);
  const read = (list: FieldDocument['select']): FieldSelector[] =>
    (list ?? []).flatMap((selector) => toSelectors(selector, file));
  const selectors = read(select);
  if (typeof lower === 'object' && selectors.some(({ target }) => target.kind !== 'element'))
    throw new SyntaxError(
      `${name}: \`lower\` changes an attribute of what is selected, so that is an element`,
    );
  const element = /^\{([^}]+)\}(.+)$/.exec(answer?.element ?? '');
  return {
    protocol: file.protocol,
    source,
    directions: direction === 'both' ? ['to-gatekeeper', 'to-client'] : [direction],
    classes,
    permits,
    lower,
    example,
    selectors,
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
  file: CatalogueDocument,
): FieldSelector[] {
  const {
    path,
    'on-drop': onDrop,
    part = 'whole',
    form,
    words = false,
    names,
  } = typeof selector === 'string' ? { path: selector } : selector;
  return selectorsIn(path, file).map((parsed) => ({
    ...parsed,
    dropsElement: onDrop === 'element',
    part,
    inUri: form === 'xmpp-uri',
    words,
    names,
  }));
}

/** Parses a selector of a file. Its steps are in namespaces that the file's protocol can have: an entry for stanzas of
 *  another protocol would be a mistake that no example shows.
 *  @throws SyntaxError */
function selectorsIn(path: string, { namespaces, protocol }: CatalogueDocument): Selector[] {
  const found = parseSelector(path, namespaces);
  const others = Object.entries(stanzaProtocols).filter(([name]) => name !== protocol);
  for (const { steps } of found)
    for (const { namespace } of steps)
      for (const [name, other] of others)
        if (other.namespace === namespace)
          throw new SyntaxError(`the selector ${path} is about ${name}, and the file about ${protocol}`);
  return found;
}

function toStructure(entry: CatalogueDocument['structure'][number], file: CatalogueDocument): Structure[] {
  const {
    path,
    wrapper,
    payload = false,
  } = typeof entry === 'string' ? { path: entry, wrapper: false } : entry;
  return selectorsIn(path, file).map((selector) => ({ selector, wrapper, payload }));
}

/** Returns every field in each protocol that has it. */
export function everyForm({ fields, forms }: Catalogue): readonly Field[] {
  return [...fields.values(), ...forms];
}

/** Returns a field in each protocol that has it; empty for a name that the catalogue lacks. */
export function formsOf({ fields, forms }: Catalogue, name: string): readonly Field[] {
  const field = fields.get(name);
  return field === undefined ? [] : [field, ...forms.filter((form) => form.name === name)];
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

/** Returns whether the audience ever sees a field, in any protocol. */
export function isShown(catalogue: Catalogue, name: string, audience: Audience): boolean {
  return formsOf(catalogue, name).some((form) => concerns(form, audience));
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
    else if (condition.kind === 'attribute') {
      locals.add(condition.name);
      if (condition.namespace !== '') namespaces.add(condition.namespace);
    } else {
      namespaces.add(condition.namespace);
      locals.add(condition.local);
    }
  };
  for (const { selectors, returns, requests, lower } of everyForm(catalogue)) {
    for (const selector of [...selectors, ...returns, ...requests]) add(selector);
    if (typeof lower === 'object') locals.add(lower.attribute);
  }
  for (const { selector } of catalogue.structure) add(selector);
  return { namespaces: [...namespaces], locals: [...locals] };
}
