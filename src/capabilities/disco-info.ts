/** Service discovery information (XEP-0030 §3, XEP-0128): the identities, features and forms of an entity. Has the
 *  model, its reader from a checked element, and its writer in one order and quoting, so that equal information is
 *  equal bytes. */
import type { Element } from '@xmpp/xml';
import { escapeAttribute, escapeText } from '../stanza/decode.ts';
import { ns } from '../stanza/namespaces.ts';
import type { DiscoErrorCode, HashSetErrorCode } from './errors.ts';
import { compareOctetLists, compareOctets } from './octets.ts';

/** Data forms (XEP-0004). */
export const dataFormNamespace = 'jabber:x:data';

/** One `<identity/>`. `lang` is the language in force, inherited or not; '' for none. `name` is '' when absent. */
interface DiscoIdentity {
  readonly category: string;
  readonly type: string;
  readonly lang: string;
  readonly name: string;
}

/** One field of an extended form. A field without `var` has ''. */
interface DiscoField {
  readonly name: string;
  readonly values: readonly string[];
}

/** One extended form (XEP-0128) with a hidden FORM_TYPE, which is not among `fields`. */
export interface DiscoForm {
  readonly formType: string;
  readonly fields: readonly DiscoField[];
}

/** A disco#info result without its node. Its order has no meaning. */
export interface DiscoInfo {
  readonly identities: readonly DiscoIdentity[];
  readonly features: readonly string[];
  readonly forms: readonly DiscoForm[];
}

/** Limits of one result, as counts. The stanza's bytes are limited before (stream/limits.ts). */
interface DiscoLimits {
  readonly identitiesMax: number;
  readonly featuresMax: number;
  readonly formsMax: number;
  /** Fields of one form. */
  readonly fieldsMax: number;
  /** Values of one field. */
  readonly valuesMax: number;
}

const defaultDiscoLimits: DiscoLimits = {
  identitiesMax: 64,
  featuresMax: 2_048,
  formsMax: 64,
  fieldsMax: 256,
  valuesMax: 256,
};

/** The result of reading a disco#info element.
 *
 *  - `info`: well formed by XEP-0115 §5.4. `hashSet` is why XEP-0390 gives it no hash, if so.
 *  - `ill-formed`: the whole result is discarded. */
export type DiscoReading =
  | { readonly kind: 'info'; readonly info: DiscoInfo; readonly hashSet?: HashSetErrorCode }
  | { readonly kind: 'ill-formed'; readonly code: DiscoErrorCode };

export interface DiscoReadOptions {
  /** `xml:lang` of the stream header. Default '' (none). */
  readonly streamLang?: string;
  /** `inherited`: an identity without `xml:lang` has its parents' (XML 1.0 §2.12, XEP-0390 §4.1).
   *  `own`: it has none, which is how most deployed clients and servers compute XEP-0115. Default `inherited`. */
  readonly language?: 'inherited' | 'own';
  readonly limits?: DiscoLimits;
}

/** Reads a `<query/>` of disco#info. The element may be part of a larger tree, whose `xml:lang` it inherits. */
export function readDiscoInfo(query: Element, options: DiscoReadOptions = {}): DiscoReading {
  if (!isNamed(query, ns.discoInfo, 'query')) return illFormed('ERR_DISCO_NOT_INFO');
  const reader = new Reader(query, options);
  return reader.read();
}

class Reader {
  readonly #query: Element;
  readonly #ownLanguage: boolean;
  readonly #lang: string;
  readonly #limits: DiscoLimits;
  #code: DiscoErrorCode | undefined;
  #hashSet: HashSetErrorCode | undefined;

  constructor(query: Element, options: DiscoReadOptions) {
    this.#query = query;
    this.#ownLanguage = options.language === 'own';
    this.#lang = this.#ownLanguage ? '' : languageInForce(query, options.streamLang ?? '');
    this.#limits = options.limits ?? defaultDiscoLimits;
  }

  read(): DiscoReading {
    const identities: DiscoIdentity[] = [];
    const features: string[] = [];
    const forms: DiscoForm[] = [];
    for (const child of elementsOf(this.#query)) {
      if (isNamed(child, ns.discoInfo, 'identity')) identities.push(this.#identity(child));
      else if (isNamed(child, ns.discoInfo, 'feature')) features.push(this.#feature(child));
      else if (isNamed(child, dataFormNamespace, 'x')) {
        const form = this.#form(child);
        if (form !== undefined) forms.push(form);
      } else this.#hashSet ??= 'ERR_CAPS_FOREIGN_ELEMENT';
      if (this.#code !== undefined) return illFormed(this.#code);
    }
    const info = { identities, features, forms };
    const code = tooLarge(info, this.#limits) ?? duplicates(info) ?? illegalCharacter(info);
    if (code !== undefined) return illFormed(code);
    return { kind: 'info', info, ...(this.#hashSet === undefined ? {} : { hashSet: this.#hashSet }) };
  }

  #identity(element: Element): DiscoIdentity {
    const { category, type, name } = element.attrs;
    if (category === undefined || category === '' || type === undefined) this.#code = 'ERR_DISCO_IDENTITY';
    return {
      category: category ?? '',
      type: type ?? '',
      lang: element.attrs['xml:lang'] ?? this.#lang,
      name: name ?? '',
    };
  }

  #feature(element: Element): string {
    const name = element.attrs['var'];
    if (name === undefined || name === '') this.#code = 'ERR_DISCO_FEATURE';
    return name ?? '';
  }

  /** Reads a form. Without a hidden FORM_TYPE, XEP-0115 skips it (undefined), and XEP-0390 gives the result no hash. */
  #form(element: Element): DiscoForm | undefined {
    const fields: DiscoField[] = [];
    const formTypes: string[] = [];
    let hidden = true;
    for (const child of elementsOf(element)) {
      if (isNamed(child, dataFormNamespace, 'reported') || isNamed(child, dataFormNamespace, 'item'))
        this.#hashSet ??= 'ERR_CAPS_FORM_TABLE';
      if (!isNamed(child, dataFormNamespace, 'field')) continue;
      const field = { name: child.attrs['var'] ?? '', values: valuesOf(child) };
      if (field.name !== 'FORM_TYPE') {
        fields.push(field);
        continue;
      }
      formTypes.push(...field.values);
      hidden &&= child.attrs['type'] === 'hidden';
    }
    if (new Set(formTypes).size > 1) this.#code = 'ERR_DISCO_FORM_TYPE';
    const [formType] = formTypes;
    if (formTypes.length !== 1 || !hidden) this.#hashSet ??= 'ERR_CAPS_FORM_TYPE';
    return formType === undefined || !hidden ? undefined : { formType, fields };
  }
}

function illFormed(code: DiscoErrorCode): DiscoReading {
  return { kind: 'ill-formed', code };
}

function tooLarge(info: DiscoInfo, limits: DiscoLimits): DiscoErrorCode | undefined {
  const fits =
    info.identities.length <= limits.identitiesMax &&
    info.features.length <= limits.featuresMax &&
    info.forms.length <= limits.formsMax &&
    info.forms.every(
      ({ fields }) =>
        fields.length <= limits.fieldsMax && fields.every(({ values }) => values.length <= limits.valuesMax),
    );
  return fits ? undefined : 'ERR_DISCO_TOO_LARGE';
}

/** Checks the rules of XEP-0115 §5.4 about the whole result.
 *  @returns the first violation; undefined without one */
function duplicates(info: DiscoInfo): DiscoErrorCode | undefined {
  if (repeats(info.identities.map(identityKey))) return 'ERR_DISCO_DUPLICATE_IDENTITY';
  if (repeats(info.features)) return 'ERR_DISCO_DUPLICATE_FEATURE';
  if (repeats(info.forms.map(({ formType }) => formType))) return 'ERR_DISCO_DUPLICATE_FORM';
  return undefined;
}

function repeats(values: readonly string[]): boolean {
  return new Set(values).size !== values.length;
}

function identityKey({ category, type, lang, name }: DiscoIdentity): string {
  return JSON.stringify([category, type, lang, name]);
}

// XML 1.0 §2.2, by complement. The separators of XEP-0390 are among these, so no value can forge a border.
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const illegal = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/;

function illegalCharacter(info: DiscoInfo): DiscoErrorCode | undefined {
  for (const value of allStrings(info)) {
    if (illegal.test(value) || !value.isWellFormed()) return 'ERR_DISCO_CHARACTER';
  }
  return undefined;
}

/** Yields every string of the information, in no particular order. */
export function* allStrings(info: DiscoInfo): Generator<string> {
  for (const { category, type, lang, name } of info.identities) yield* [category, type, lang, name];
  yield* info.features;
  for (const form of info.forms) {
    yield form.formType;
    for (const field of form.fields) {
      yield field.name;
      yield* field.values;
    }
  }
}

/** Sorts everything in the order in which XEP-0115 §5.1 hashes it. Equal information becomes equal structure. */
export function canonicalDiscoInfo(info: DiscoInfo): DiscoInfo {
  return {
    identities: info.identities.toSorted(compareIdentities),
    features: info.features.toSorted(compareOctets),
    forms: info.forms
      .map(({ formType, fields }) => ({
        formType,
        fields: fields
          .map(({ name, values }) => ({ name, values: values.toSorted(compareOctets) }))
          .toSorted(compareFields),
      }))
      .toSorted((a, b) => compareOctets(a.formType, b.formType)),
  };
}

/** Compares identities by category, type and language (XEP-0115 §5.1 step 2), not by the joined text: `-` and `.`
 *  sort below `/`. The name decides between otherwise equal ones. */
function compareIdentities(a: DiscoIdentity, b: DiscoIdentity): number {
  return compareOctetLists([a.category, a.type, a.lang, a.name], [b.category, b.type, b.lang, b.name]);
}

function compareFields(a: DiscoField, b: DiscoField): number {
  return compareOctets(a.name, b.name) || compareOctetLists(a.values, b.values);
}

/** Writes the `<query/>` of a result, with the asked `node` (XEP-0030 §3.2). Equal information and node give equal
 *  bytes: canonical order, single quotes, every language explicit (an inherited one would change the hash). */
export function writeDiscoInfo(info: DiscoInfo, node?: string): string {
  return writeDiscoQuery(writeDiscoContent(info), node);
}

/** Writes the content of the `<query/>`, for reuse. */
export function writeDiscoContent(info: DiscoInfo): string {
  const { identities, features, forms } = canonicalDiscoInfo(info);
  return [...identities.map(writeIdentity), ...features.map(writeFeature), ...forms.map(writeForm)].join('');
}

/** Writes a `<query/>`.
 *  @param content of `writeDiscoContent` */
export function writeDiscoQuery(content: string, node = ''): string {
  return `<query xmlns='${ns.discoInfo}'${optional('node', node)}>${content}</query>`;
}

function writeIdentity({ category, type, lang, name }: DiscoIdentity): string {
  return (
    `<identity category='${escapeAttribute(category)}' type='${escapeAttribute(type)}'` +
    `${optional('xml:lang', lang)}${optional('name', name)}/>`
  );
}

function writeFeature(name: string): string {
  return `<feature var='${escapeAttribute(name)}'/>`;
}

function writeForm({ formType, fields }: DiscoForm): string {
  const hidden = `<field var='FORM_TYPE' type='hidden'><value>${escapeText(formType)}</value></field>`;
  return `<x xmlns='${dataFormNamespace}' type='result'>${hidden}${fields.map(writeField).join('')}</x>`;
}

/** Writes a field with its type: without one a reader may assume text-single, and keep one value only. */
function writeField({ name, values }: DiscoField): string {
  const type = values.length > 1 ? " type='text-multi'" : '';
  const body = values.map((value) => `<value>${escapeText(value)}</value>`).join('');
  return `<field var='${escapeAttribute(name)}'${type}>${body}</field>`;
}

function optional(name: string, value: string): string {
  return value === '' ? '' : ` ${name}='${escapeAttribute(value)}'`;
}

/** Returns child elements without text. */
export function elementsOf(parent: Element): Element[] {
  return parent.children.filter((child) => typeof child !== 'string');
}

/** Returns whether an element has this namespace and local name. */
export function isNamed(element: Element, namespace: string, local: string): boolean {
  return element.getName() === local && element.getNS() === namespace;
}

function valuesOf(field: Element): string[] {
  return elementsOf(field)
    .filter((child) => isNamed(child, dataFormNamespace, 'value'))
    .map((value) => value.getText());
}

function languageInForce(element: Element, outside: string): string {
  for (let at: Element | null = element; at !== null; at = at.parent) {
    const lang = at.attrs['xml:lang'];
    if (lang !== undefined) return lang;
  }
  return outside;
}
