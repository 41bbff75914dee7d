/** Masks a stanza: replaces its values by tokens, and leaves its form (order, quotes, white space) as it was. By
 *  default everything is a token; constants.ts lists what stays, and what becomes a length. */
import { isIP } from 'node:net';
import { replaceAddresses } from '../minimisation/media-address.ts';
import type { Literals } from '../policy/literals.ts';
import { escapeAttribute } from '../stanza/decode.ts';
import {
  insertIntoTag,
  renameAttribute,
  renameElement,
  replaceAttribute,
  replaceTexts,
} from '../stanza/edits.ts';
import { ns } from '../stanza/namespaces.ts';
import { textOf } from '../stanza/own-bytes.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Edit } from '../stanza/verdict.ts';
import { OutputMemory } from '../stream/output-memory.ts';
import { splice } from '../stream/splice.ts';
import {
  attributeWords,
  jidAttributes,
  lengthOnly,
  mechanismWords,
  protocolNames,
  secretAttributes,
  secretFields,
  textWords,
  truthWords,
} from './constants.ts';
import type { Tokens } from './tokens.ts';

/** Most values and names of a stanza that are replaced: those of a roster with five hundred contacts. */
export const maskedMax = 2_048;

/** Most addresses in one text that become tokens. */
const addressesMax = 64;

export class Mask {
  readonly #tokens: Tokens;
  readonly #literals: ReadonlyMap<string, Literals>;
  readonly #memory = new OutputMemory();

  /** @param literals values that rules compare attributes with: they stay, or the rules would decide otherwise */
  constructor(tokens: Tokens, literals: ReadonlyMap<string, Literals>) {
    this.#tokens = tokens;
    this.#literals = literals;
  }

  /** Returns the stanza with tokens, as it can be read after the header of a stream of clients. One of the chat channel
   *  declares its namespace, by which it is known as such.
   *  @returns undefined for a stanza with more values than `maskedMax`: masking it would delay other sessions */
  apply(stanza: Stanza): string | undefined {
    const edits: Edit[] = [];
    for (const element of stanza.elements()) {
      if (edits.length > maskedMax) return undefined;
      this.#maskName(stanza, element, edits);
      for (const attribute of stanza.attributes(element)) this.#maskAttribute(stanza, attribute, edits);
      this.#maskTexts(stanza, element, edits);
    }
    if (edits.length > maskedMax) return undefined;
    if (!stanza.verbatim) edits.push(this.#declarations(stanza));
    if (isChat(stanza) && !declaresOwn(stanza)) edits.push(insertIntoTag(stanza, 0, ` xmlns='${ns.chat}'`));
    return textOf(splice(stanza, edits, this.#memory));
  }

  // ---- names --------------------------------------------------------------------------------------------------------

  #maskName(stanza: Stanza, element: number, edits: Edit[]): void {
    const written = stanza.qualifiedName(element);
    const known = stanza.localOf(element) !== 0;
    const shown = this.#name(stanza, written, known);
    if (shown !== written) edits.push(...renameElement(stanza, element, shown));
  }

  /** Returns a qualified name with tokens for a prefix and a local name that no protocol has. */
  #name(stanza: Stanza, written: string, known: boolean): string {
    const colon = written.indexOf(':');
    const local = written.slice(colon + 1);
    const shown = known || protocolNames.has(local) ? local : this.#tokens.name(local);
    return colon === -1 ? shown : `${this.#prefix(stanza, written.slice(0, colon))}:${shown}`;
  }

  #prefix(stanza: Stanza, prefix: string): string {
    if (prefix === 'n' && isChat(stanza)) return prefix;
    return /^(stream|xml|xmlns|ns\d{1,3})$/.test(prefix) ? prefix : this.#tokens.name(prefix);
  }

  #namespace(stanza: Stanza, name: string): string {
    const { names } = stanza;
    return name === '' || names.namespace(name) !== 0 ? name : this.#tokens.word(name);
  }

  /** Returns the edit that declares the prefixes of the stream header, on which the stanza may depend. */
  #declarations(stanza: Stanza): Edit {
    const own = new Set([...stanza.attributes()].map((at) => stanza.qualifiedName(at)));
    const declared = [...stanza.scope.declarations].flatMap(([prefix, name]) => {
      if (prefix === '' || prefix === 'stream' || own.has(`xmlns:${prefix}`)) return [];
      return ` xmlns:${this.#prefix(stanza, prefix)}='${escapeAttribute(this.#namespace(stanza, name))}'`;
    });
    return insertIntoTag(stanza, 0, declared.join(''));
  }

  // ---- values -------------------------------------------------------------------------------------------------------

  #maskAttribute(stanza: Stanza, attribute: number, edits: Edit[]): void {
    const written = stanza.qualifiedName(attribute);
    const value = stanza.value(attribute);
    if (stanza.isDeclaration(attribute)) {
      const colon = written.indexOf(':');
      const shown = colon === -1 ? written : `xmlns:${this.#prefix(stanza, written.slice(colon + 1))}`;
      if (shown !== written) edits.push(renameAttribute(stanza, attribute, shown));
      const namespace = this.#namespace(stanza, value);
      if (namespace !== value) edits.push(replaceAttribute(stanza, attribute, namespace));
      return;
    }
    const local = stanza.localName(attribute);
    const isKnown = stanza.names.local(local) !== 0;
    const name = this.#name(stanza, written, isKnown);
    if (name !== written) edits.push(renameAttribute(stanza, attribute, name));
    const shown = this.#attributeValue(stanza, local, value);
    if (shown !== value) edits.push(replaceAttribute(stanza, attribute, shown));
  }

  #attributeValue(stanza: Stanza, local: string, value: string): string {
    if (secretAttributes.has(local)) return this.#tokens.length(value);
    if (local === 'lang') return this.#tokens.language(value);
    if (attributeWords.get(local)?.has(value) || (local === 'mechanism' && mechanismWords.has(value)))
      return value;
    const literals = this.#literals.get(local);
    if (literals?.equals.has(value)) return value;
    for (const literal of literals?.startsWith ?? none)
      if (value.startsWith(literal)) return literal + this.#value(stanza, value.slice(literal.length));
    for (const literal of literals?.endsWith ?? none)
      if (value.endsWith(literal)) return this.#value(stanza, value.slice(0, -literal.length)) + literal;
    if (jidAttributes.has(local) && isIP(value) === 0) return this.#tokens.jid(value);
    return this.#value(stanza, value);
  }

  #value(stanza: Stanza, value: string): string {
    if (truthWords.has(value) || stanza.names.namespace(value) !== 0) return value;
    return this.#tokens.value(value);
  }

  #maskTexts(stanza: Stanza, element: number, edits: Edit[]): void {
    const end = stanza.endOf(element);
    let index = stanza.contentOf(element);
    while (index < end) {
      if (!stanza.isText(index)) {
        index = stanza.afterElement(index);
        continue;
      }
      const first = index;
      let last = index;
      let text = '';
      let isPlain = true;
      for (; index < end && stanza.isText(index); index = stanza.next(index)) {
        last = index;
        text += stanza.textValue(index);
        isPlain &&= stanza.isPlainText(index);
      }
      if (text === '' || (isPlain && /^[\t\n\r ]*$/.test(text))) continue;
      const shown = this.#text(stanza, element, text);
      if (shown !== text) edits.push(replaceTexts(stanza, first, last, shown));
    }
  }

  #text(stanza: Stanza, element: number, text: string): string {
    if (this.#isSecret(stanza, element)) return this.#lengths(text);
    const local = stanza.localName(element);
    if (textWords.get(local)?.has(text)) return text;
    if (local === 'jid' && isIP(text) === 0) return this.#tokens.jid(text);
    if (local === 'resource') return this.#tokens.word(text);
    // Fields with several words, some of which are addresses.
    return /\s/.test(text) && text.includes('://') ? this.#lengths(text) : this.#value(stanza, text);
  }

  /** Returns characters for a text, and tokens for the addresses in it: they are a field of their own. */
  #lengths(text: string): string {
    let shown = '';
    let done = 0;
    let count = 0;
    replaceAddresses(text, (address, start) => {
      if ((count += 1) > addressesMax) return address;
      shown += this.#tokens.length(text.slice(done, start)) + this.#tokens.value(address);
      done = start + address.length;
      return address;
    });
    return shown + this.#tokens.length(text.slice(done));
  }

  #isSecret(stanza: Stanza, element: number): boolean {
    const namespace = stanza.namespaceName(element);
    const local = stanza.localName(element);
    if (lengthOnly.some(([name, locals]) => isIn(name, namespace) && (locals?.includes(local) ?? true)))
      return true;
    if (local !== 'value') return false;
    const field = stanza.parentOf(element);
    return field !== -1 && secretFields.has(stanza.attributeValue(field, 'var') ?? '');
  }
}

function isChat({ protocol }: Stanza): boolean {
  return protocol.namespace === ns.chat;
}

/** Returns whether the stanza itself declares the default namespace. */
function declaresOwn(stanza: Stanza): boolean {
  return [...stanza.attributes()].some((at) => stanza.qualifiedName(at) === 'xmlns');
}

const none: readonly string[] = [];

function isIn(name: string, namespace: string): boolean {
  return name.endsWith('*') ? namespace.startsWith(name.slice(0, -1)) : namespace === name;
}
