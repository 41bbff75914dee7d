/** The values of catalogued fields in a stanza, by the selectors of the catalogue. This is what a recipient reads, so it
 *  is applied to what was received and to what was forwarded alike. */
import { replaceAddresses } from '../minimisation/media-address.ts';
import { everyForm, type Catalogue, type Field, type FieldSelector } from '../policy/catalogue.ts';
import { compileMatcher, type Matcher, type MemoGeneration } from '../policy/match.ts';
import type { Selector } from '../policy/selector.ts';
import { keyOf } from '../policy/table.ts';
import type { Direction } from '../stanza/direction.ts';
import { bareJid, resourceOf, sameBare } from '../stanza/jid.ts';
import type { Names } from '../stanza/names.ts';
import type { Stanza } from '../stanza/stanza.ts';
import { jidOfUri } from '../stanza/xmpp-uri.ts';
import { contentOf } from './element-content.ts';
import { writingHabits } from './writing-style.ts';

/** Receives a value of a field.
 *  @param field index in `FieldValues.fields` */
export type ValueSink = (field: number, value: string) => void;

/** A stanza as one party has it. */
export interface SeenStanza {
  readonly stanza: Stanza;
  /** Its bytes. */
  readonly wire: Uint8Array;
  /** Bytes on the wire, with padding. */
  readonly size: number;
}

/** A selector with its matcher. */
interface Reader {
  /** Index of the field; -1 for structure, which has no value. */
  readonly field: number;
  readonly selector: Pick<FieldSelector, 'part' | 'inUri' | 'words' | 'target'>;
  readonly matches: Matcher | undefined;
  readonly isAddress: boolean;
}

/** Name of the field that stands for elements that the catalogue does not know. */
export const unlistedField = 'unlisted';
/** Fields about a whole stanza, with values of their own. */
const sizeField = 'content.wire-size';
const styleField = 'style.fingerprint';

const noReaders: readonly Reader[] = [];

/** Reads the fields of one direction. */
export class FieldValues {
  /** The fields of this direction that stanzas have; the last stands for unlisted elements. */
  readonly fields: readonly string[];
  readonly #names: Names;
  readonly #generation: MemoGeneration = { stanza: 0 };
  /** Readers by name of the element, those of any name in a namespace, and those of attributes of any element. */
  readonly #byName = new Map<number, Reader[]>();
  readonly #byNamespace = new Map<number, Reader[]>();
  readonly #anywhere: Reader[] = [];
  readonly #size: number;
  readonly #style: number;
  /** By depth: whether the open element is listed. */
  readonly #listed: boolean[] = [];

  constructor(catalogue: Catalogue, names: Names, direction: Direction) {
    this.#names = names;
    const forms = everyForm(catalogue);
    const read = forms.filter(
      ({ selectors, directions }) => selectors.length > 0 && directions.includes(direction),
    );
    this.fields = [...new Set(read.map(({ name }) => name)), unlistedField];
    this.#size = this.fields.indexOf(sizeField);
    this.#style = this.fields.indexOf(styleField);
    for (const form of read) {
      const index = this.fields.indexOf(form.name);
      if (index !== this.#size && index !== this.#style) this.#addField(form, index);
    }
    for (const form of forms)
      for (const selector of [...form.returns, ...form.requests]) this.#addNeutral(selector);
    for (const { selector } of catalogue.structure) this.#addNeutral(selector);
  }

  #addField(field: Field, index: number): void {
    for (const selector of field.selectors)
      this.#add(selector, { field: index, selector, isAddress: field.value === 'jid' });
  }

  /** Adds a selector whose elements are listed and have no value of their own. */
  #addNeutral(selector: Selector): void {
    const { target } = selector;
    this.#add(selector, {
      field: -1,
      selector: { target, part: 'whole', inUri: false, words: false },
      isAddress: false,
    });
  }

  #add({ steps, ...selector }: Selector, reader: Omit<Reader, 'matches'>): void {
    const last = steps.at(-1);
    const matches = compileMatcher({ steps, ...selector }, this.#names, this.#generation);
    const complete = { ...reader, matches };
    if (last === undefined) {
      this.#anywhere.push(complete);
      return;
    }
    const namespace = this.#names.namespace(last.namespace);
    const isAny = last.local === '*';
    const table = isAny ? this.#byNamespace : this.#byName;
    const key = isAny ? namespace : keyOf(namespace, this.#names.local(last.local));
    const known = table.get(key);
    if (known === undefined) table.set(key, [complete]);
    else known.push(complete);
  }

  /** Passes every value of a stanza to the sink.
   *  @param account bare JID of the session; '' when it is not known */
  read({ stanza, wire, size }: SeenStanza, account: string, sink: ValueSink): void {
    this.#generation.stanza += 1;
    if (stanza.kind !== 'nonza') {
      if (this.#size !== -1) sink(this.#size, String(size));
      if (this.#style !== -1) for (const habit of writingHabits(stanza, wire)) sink(this.#style, habit);
    }
    for (const element of stanza.elements()) this.#readElement(stanza, element, account, sink);
  }

  #readElement(stanza: Stanza, element: number, account: string, sink: ValueSink): void {
    const namespace = stanza.namespaceOf(element);
    const local = stanza.localOf(element);
    const depth = stanza.depthOf(element);
    const parent = stanza.parentOf(element);
    const inherits =
      parent !== -1 && this.#listed[depth - 1] === true && stanza.namespaceOf(parent) === namespace;
    let listed = depth === 1 || inherits;
    const named = namespace > 0 && local > 0 ? this.#byName.get(keyOf(namespace, local)) : undefined;
    for (const readers of [named ?? noReaders, this.#byNamespace.get(namespace) ?? noReaders])
      for (const reader of readers) if (this.#readOne(reader, stanza, element, account, sink)) listed = true;
    for (const reader of this.#anywhere) this.#readOne(reader, stanza, element, account, sink);
    this.#listed[depth] = listed;
    // Elements that negotiate the stream are not the policy's.
    if (!listed && stanza.kind !== 'nonza')
      sink(this.fields.length - 1, `{${stanza.namespaceName(element)}}${stanza.localName(element)}`);
  }

  /** @returns whether the selector selects the element */
  #readOne(reader: Reader, stanza: Stanza, element: number, account: string, sink: ValueSink): boolean {
    const { field, selector, matches } = reader;
    if (matches !== undefined && !matches(stanza, element)) return false;
    if (field === -1) return true;
    const { target } = selector;
    if (target.kind === 'attribute') this.#readAttributes(reader, stanza, element, account, sink);
    else if (selector.words) {
      giveAddresses(field, stanza.text(element), sink);
      return false;
    } else if (target.kind === 'text' || reader.isAddress || selector.part !== 'whole')
      give(reader, stanza.text(element), account, sink);
    else sink(field, contentOf(stanza, element));
    return true;
  }

  #readAttributes(reader: Reader, stanza: Stanza, element: number, account: string, sink: ValueSink): void {
    const { target } = reader.selector;
    if (target.kind !== 'attribute') return;
    if (target.name === '*') {
      for (const attribute of stanza.attributes(element))
        if (stanza.attributeNamespaceOf(attribute) === 0)
          sink(reader.field, `${stanza.localName(attribute)}=${stanza.value(attribute)}`);
      return;
    }
    const local = this.#names.local(target.name);
    const attribute = stanza.attribute(element, local, this.#names.namespace(target.namespace));
    if (attribute === -1) return;
    const value = stanza.value(attribute);
    if (reader.selector.words) giveAddresses(reader.field, value, sink);
    else give(reader, value, account, sink);
  }
}

/** Passes each address among the words of a text. */
function giveAddresses(field: number, text: string, sink: ValueSink): void {
  replaceAddresses(text, (address) => {
    sink(field, address);
    return address;
  });
}

/** Passes a value, or the part of it that the selector selects. */
function give({ field, selector, isAddress }: Reader, value: string, account: string, sink: ValueSink): void {
  const { part, inUri } = selector;
  if (part === 'whole') {
    sink(field, isAddress ? bareJid(value) : value);
    return;
  }
  const jid = inUri ? (jidOfUri(value) ?? '') : value;
  const resource = resourceOf(jid);
  if (resource === '') return;
  const isOwn = account === '' || sameBare(bareJid(jid), account);
  if (isOwn === (part === 'own-resource')) sink(field, resource);
}
