/** Applies a policy's rules to the attributes of an element. */
import { decodeReferences } from '../stanza/decode.ts';
import { replaceAddresses } from '../minimisation/media-address.ts';
import { isAnswer } from '../minimisation/refuse.ts';
import { AttributeView } from '../stanza/attribute-view.ts';
import { removeAttribute, replaceAttribute } from '../stanza/edits.ts';
import { bareJid } from '../stanza/jid.ts';
import { ns } from '../stanza/namespaces.ts';
import { textOf } from '../stanza/own-bytes.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Edit } from '../stanza/verdict.ts';
import { jidOfUri, withResource } from '../stanza/xmpp-uri.ts';
import { elementResult, type ElementResult, type PendingOutcome } from './outcome.ts';
import type { SessionView } from './session-view.ts';
import type { AttributeRules, DecisionTable, Effect, Entry, TableRule, TransformAt } from './table.ts';

type TransformEffect = Extract<Effect, { kind: 'transform' }>;
type AddressEffect = Extract<Effect, { kind: 'address' }>;

const nothing = new Uint8Array(0);
/** Result for an attribute that no rule matches. */
const notFound = -1;
const SLASH = 0x2f;

/** The owner of the resource in a JID. */
type ResourceOwner = 'own-resource' | 'peer-resource' | 'none';

/** The rules for attributes, applied to the elements of stanzas in one direction. */
export class AttributeRuleSet {
  readonly #pending: PendingOutcome;
  /** A view of the current attribute, used again for each. */
  readonly #view = new AttributeView();
  readonly #value = new AttributeValue();
  /** Id of the namespace of marks. */
  readonly #marks: number;

  constructor(pending: PendingOutcome) {
    this.#pending = pending;
    this.#marks = pending.policy.names.namespace(ns.chatMarks);
  }

  /** Decides every attribute of an element, and adds the edits.
   *  @param owned whether attributes without a prefix belong to the field of the element
   *  @returns `removed` when an attribute takes the element with it. In a withheld answer all attributes are decided
   *  nevertheless: its start tag leaves, on an error. */
  decide(element: number, table: DecisionTable, entry: Entry | undefined, owned: boolean): ElementResult {
    const { stanza } = this.#pending;
    const view = this.#view;
    const count = stanza.attributeCount(element);
    let result: ElementResult = elementResult.kept;
    let attribute = stanza.firstAttribute(element);
    for (let i = 0; i < count; i += 1, attribute = stanza.nextAttribute(attribute)) {
      view.read(stanza, attribute);
      const each = view.isDeclaration
        ? this.#decideDeclaration(element, attribute, table)
        : this.#decideOne(element, table, entry, owned);
      if (each !== elementResult.removed) continue;
      if (element !== 0 || !isAnswer(stanza)) return elementResult.removed;
      result = elementResult.removed;
      this.#pending.edits.push(removeAttribute(stanza, attribute));
    }
    return result;
  }

  #decideOne(element: number, table: DecisionTable, entry: Entry | undefined, owned: boolean): ElementResult {
    const { namespace, local } = this.#view;
    let isListed = owned && namespace === 0;
    let isNamed = false;
    if (entry !== undefined && local !== 0) {
      for (const rules of entry.attributes) {
        if (rules.local !== local || rules.namespace !== namespace) continue;
        const result = this.#apply(rules, element);
        if (result === elementResult.removed) return result;
        if (result !== notFound) isNamed = true;
      }
    }
    if (!isNamed && namespace === 0 && entry?.others !== undefined) {
      const result = this.#apply(entry.others, element);
      if (result === elementResult.removed) return result;
      if (result !== notFound) isNamed = true;
    }
    isListed ||= isNamed;
    if (namespace !== 0) {
      for (const rules of table.anywhere) {
        if (rules.namespace !== namespace || rules.local !== local) continue;
        if (this.#apply(rules, element) !== notFound) isListed = true;
      }
    }
    return isListed ? elementResult.kept : this.#decideUnlisted(element, this.#view.index, namespace);
  }

  /** Applies the treatment of an unlisted attribute. A mark of the chat channel's XML form says what its element is, so
   *  that the element goes with it. */
  #decideUnlisted(element: number, attribute: number, namespace: number): ElementResult {
    const pending = this.#pending;
    const { stanza } = pending;
    const bytes = stanza.attributeBytes(attribute);
    if (pending.decideUnlisted(namespace, element, bytes) !== elementResult.removed)
      return elementResult.kept;
    if (namespace === this.#marks) return elementResult.removed;
    pending.edits.push(removeAttribute(stanza, attribute));
    return elementResult.kept;
  }

  /** Decides a namespace declaration. One that nothing in the rest of the element can use is unlisted. */
  #decideDeclaration(element: number, attribute: number, table: DecisionTable): ElementResult {
    const { stanza } = this.#pending;
    // The element's own namespace was decided with the element.
    if (stanza.nameBytes(attribute) === 'xmlns'.length && !stanza.isPrefixed(element))
      return elementResult.kept;
    const name = stanza.value(attribute);
    const namespace = stanza.names.namespace(name);
    if (name !== '' && table.listed[namespace] !== 1) this.#decideUnlisted(element, attribute, namespace);
    return elementResult.kept;
  }

  /** Applies every matching rule in turn, each to the result of the one before.
   *  @returns `notFound` when none matches, `removed` when the element must be removed */
  #apply({ rules, kept }: AttributeRules, element: number): ElementResult | typeof notFound {
    const pending = this.#pending;
    const { stanza } = pending;
    const bytes = stanza.attributeBytes(this.#view.index);
    if (kept !== undefined) {
      for (const decision of kept) pending.decide(decision, bytes);
      return elementResult.kept;
    }
    const value = this.#value;
    let result: ElementResult | typeof notFound = notFound;
    for (const rule of rules) {
      if (rule.matches !== undefined && !rule.matches(stanza, element)) continue;
      if (result === notFound) value.begin(pending, this.#view);
      result = elementResult.kept;
      if (rule.part !== 'whole' && value.ownerFor(rule) !== rule.part) continue;
      if (rule.effect.kind !== 'address') pending.count(rule, bytes);
      if (rule.effect.kind === 'keep' || this.#applyRule(rule, element)) continue;
      if (rule.dropsElement) return elementResult.removed;
      value.isWithheld = true;
    }
    if (result === notFound) return result;
    const edit = value.edit();
    if (edit !== undefined) pending.edits.push(edit);
    return result;
  }

  /** Applies one rule.
   *  @returns false when the attribute must be withheld */
  #applyRule(rule: TableRule, element: number): boolean {
    const { effect } = rule;
    const value = this.#value;
    switch (effect.kind) {
      case 'transform':
        return value.transform(effect, rule);
      case 'address':
        return this.#applyAddress(rule, element);
      case 'drop':
        return false;
      default:
        return this.#pending.applyToStanza(effect, element) !== elementResult.removed;
    }
  }

  #applyAddress(rule: TableRule, element: number): boolean {
    if (rule.effect.kind !== 'address') return true;
    const pending = this.#pending;
    if (rule.effect.words) return this.#applyAddresses(rule, rule.effect, element);
    const after = rule.effect.rewrite(this.#value.text, pending.session);
    if (after.kind === 'as-is') return true;
    if (after.kind !== 'opened') pending.count(rule, pending.stanza.attributeBytes(this.#view.index));
    if ('address' in after) {
      this.#value.text = after.address;
      return true;
    }
    return after.kind === 'refused' && pending.refuse('policy-violation', element) === elementResult.kept;
  }

  /** Rewrites each address among the words of the value. */
  #applyAddresses(rule: TableRule, { rewrite }: AddressEffect, element: number): boolean {
    const pending = this.#pending;
    let isRefused = false;
    this.#value.text = replaceAddresses(this.#value.text, (address) => {
      const after = rewrite(address, pending.session);
      if (after.kind === 'as-is' || after.kind === 'unreadable') return address;
      if (after.kind !== 'opened') pending.count(rule, Buffer.byteLength(address));
      if (after.kind === 'refused') isRefused = true;
      return 'address' in after ? after.address : '';
    });
    return !isRefused || pending.refuse('policy-violation', element) === elementResult.kept;
  }
}

/** The value of one attribute while rules change it. It is decoded only when a rule needs its text: most values have
 *  no references, and most rules read their bytes. */
class AttributeValue {
  #session!: SessionView;
  #stanza!: Stanza;
  #view!: AttributeView;
  /** Whether the value must be withheld. */
  isWithheld = false;
  /** The value as received, decoded. */
  #original: string | undefined;
  /** The value after the rules so far, decoded. */
  #text: string | undefined;
  /** Escaped bytes that replace those from `#writtenFrom` on. */
  #written: Uint8Array | undefined;
  #writtenFrom = 0;
  #owner: ResourceOwner | undefined;
  /** Offset of the slash before the resource, for a value without references. */
  #slash = 0;

  begin({ stanza, session }: PendingOutcome, view: AttributeView): void {
    view.readValue(stanza);
    this.#session = session;
    this.#stanza = stanza;
    this.#view = view;
    this.isWithheld = false;
    this.#original = undefined;
    this.#text = undefined;
    this.#written = undefined;
    this.#owner = undefined;
  }

  get text(): string {
    if (this.#text !== undefined) return this.#text;
    this.#original = this.#stanza.value(this.#view.index);
    this.#text = this.#original;
    if (this.#written !== undefined) {
      const { bytes, start } = this.#stanza;
      const before = bytes.toString('utf8', start + this.#view.valueStart, start + this.#writtenFrom);
      this.#text = before + decodeReferences(textOf(this.#written), 'attribute');
      this.#written = undefined;
    }
    return this.#text;
  }

  /** Sets a new text; `text` must have been read before. */
  set text(text: string) {
    this.#text = text;
  }

  /** Transforms the value, or the resource in it. A withheld resource is removed from the JID.
   *  @returns false when the whole value must be withheld */
  transform(
    { transform, transformAt }: TransformEffect,
    { part, inUri }: Pick<TableRule, 'part' | 'inUri'>,
  ): boolean {
    if (this.isWithheld) return false;
    if (inUri) return this.#transformUri(transform);
    if (
      transformAt !== undefined &&
      this.#view.isPlain &&
      this.#text === undefined &&
      this.#written === undefined
    )
      return this.#transformBytes(transformAt, part);
    const before = this.text;
    if (part === 'whole') {
      const after = transform(before, this.#session);
      if (after === undefined) return false;
      this.#text = after;
      return true;
    }
    const bare = bareJid(before);
    if (bare.length >= before.length - 1) return true;
    const resource = transform(before.slice(bare.length + 1), this.#session);
    this.#text = resource === undefined || resource === '' ? bare : `${bare}/${resource}`;
    return true;
  }

  /** Transforms the resource of the JID in a URI. */
  #transformUri(transform: TransformEffect['transform']): boolean {
    const jid = jidOfUri(this.text)!;
    const resource = transform(jid.slice(bareJid(jid).length + 1), this.#session) ?? '';
    this.#text = withResource(this.text, resource);
    return true;
  }

  /** Transforms bytes in place. The part before the resource is not decoded. */
  #transformBytes(transformAt: TransformAt, part: TableRule['part']): boolean {
    const { bytes, start } = this.#stanza;
    const isWhole = part === 'whole';
    const from = isWhole ? this.#view.valueStart : this.#slash + 1;
    const after = transformAt(bytes, start + from, start + this.#view.valueEnd, this.#session);
    if (after === null) return true;
    if (isWhole) {
      if (after === undefined) return false;
      this.#writtenFrom = from;
      this.#written = after;
      return true;
    }
    const isRemoved = after === undefined || after.length === 0;
    this.#writtenFrom = isRemoved ? this.#slash : from;
    this.#written = isRemoved ? nothing : after;
    return true;
  }

  /** Returns the edit that the rules require; undefined for an unchanged value. */
  edit(): Edit | undefined {
    if (this.isWithheld) return removeAttribute(this.#stanza, this.#view.index);
    if (this.#written !== undefined)
      return { start: this.#writtenFrom, end: this.#view.valueEnd, replacement: this.#written };
    if (this.#text === this.#original) return undefined;
    return replaceAttribute(this.#stanza, this.#view.index, this.#text!);
  }

  /** Returns the owner of the resource in the value as received, or in its URI; `none` for an empty resource. */
  ownerFor({ inUri }: Pick<TableRule, 'inUri'>): ResourceOwner {
    if (inUri) return this.#ownerOf(jidOfUri(this.text) ?? '');
    return (this.#owner ??= this.#view.isPlain ? this.#ownerInBytes() : this.#ownerOf(this.text));
  }

  /** Reads the owner from bytes. Most values have no resource and are not decoded. */
  #ownerInBytes(): ResourceOwner {
    const { bytes, start } = this.#stanza;
    const from = start + this.#view.valueStart;
    const to = start + this.#view.valueEnd;
    let at = from;
    while (at < to && bytes[at] !== SLASH) at += 1;
    this.#slash = at - start;
    if (at >= to - 1) return 'none';
    return this.#session.isOwnAt(bytes, from, at) ? 'own-resource' : 'peer-resource';
  }

  #ownerOf(jid: string): ResourceOwner {
    const bare = bareJid(jid);
    if (bare.length >= jid.length - 1) return 'none';
    return this.#session.isOwn(bare) ? 'own-resource' : 'peer-resource';
  }
}
