/** Applies a decision table to one stanza: reads the tape once, from front to back, with one look-up per element.
 *  Stanzas inside stanzas (copies, archives, forwarded messages, events, echoes in errors) are elements like any
 *  other, so every field applies in them. Unlisted elements get the treatment `unlisted`. */
import { isAnswer } from '../minimisation/refuse.ts';
import { outermost } from '../minimisation/text-positions.ts';
import { removeElement, replaceElement, setAttribute, setText } from '../stanza/edits.ts';
import { bareJid } from '../stanza/jid.ts';
import { ns } from '../stanza/namespaces.ts';
import { recordKind, type Stanza } from '../stanza/stanza.ts';
import { fixedDecisions, type Decision, type Edit } from '../stanza/verdict.ts';
import { AddressRules } from './addresses.ts';
import { AttributeRuleSet } from './attributes.ts';
import { elementResult, type ElementResult, type PendingOutcome } from './outcome.ts';
import type { SessionView } from './session-view.ts';
import {
  flag,
  type DecisionTable,
  type Effect,
  type Entry,
  type TableRule,
  type Transform,
} from './table.ts';

const none: readonly TableRule[] = [];
const nothing = new Uint8Array(0);

/** The decision about a subject that is removed with body and thread. */
const loneSubject: Decision = {
  id: fixedDecisions.loneSubject,
  field: 'content.subject',
  treatment: 'drop',
  reason: 'without body and thread it would change the subject of the room (XEP-0045 §8.1)',
};

/** The results of the rules for an element, in addition to bits of `flag`. */
const found = {
  /** The element is a field or a container. */
  listed: 1 << 16,
  /** The text was rewritten. */
  rewritten: 1 << 17,
  /** The element must be removed. */
  removed: 1 << 18,
  /** Another element replaces it. */
  substituted: 1 << 19,
  /** One of its attributes gets a lower value. */
  lowered: 1 << 20,
} as const;

/** The walk of one policy and direction. */
export class Walk {
  readonly #pending: PendingOutcome;
  readonly #attributes: AttributeRuleSet;
  readonly #addresses: AddressRules;
  #stanza!: Stanza;
  #table!: DecisionTable;

  // Open elements: their tape index, the number of edits before them, and their flags.
  #depth = 0;
  #open = new Int32Array(256);
  #editsBefore = new Int32Array(256);
  #flags = new Int32Array(256);
  /** The bytes that replace the current element. */
  #substitute: Uint8Array = nothing;
  /** The text of the current element after the rules so far, and the index of the edit that sets it; undefined while no rule
   *  has changed it. */
  #rewritten: string | undefined;
  #rewriteEdit = 0;
  /** The edit that sets the lower value of an attribute of the current element. */
  #lowering: Edit | undefined;

  constructor(pending: PendingOutcome) {
    this.#pending = pending;
    this.#attributes = new AttributeRuleSet(pending);
    this.#addresses = new AddressRules(pending);
  }

  /** Applies the table to the stanza of the pending outcome. */
  run(table: DecisionTable): void {
    const pending = this.#pending;
    const { stanza } = pending;
    this.#stanza = stanza;
    this.#table = table;
    this.#depth = 0;
    const { tapeLength } = stanza;
    let at = 0;
    while (at < tapeLength && !pending.isSettled) {
      const kind = stanza.kindOf(at);
      if (kind === recordKind.element) at = this.#enter(at);
      else if (kind === recordKind.end) at = this.#leave(at);
      else at = this.#decideText(at);
    }
  }

  /** Decides an element at its start.
   *  @returns the tape index to go on from */
  #enter(at: number): number {
    const stanza = this.#stanza;
    const pending = this.#pending;
    const namespace = stanza.namespaceOf(at);
    const entry = this.#table.find(namespace, stanza.localOf(at));
    const editsBefore = pending.edits.length;
    let flags = this.#applyRules(at, entry);
    if ((flags & found.removed) !== 0) return this.#remove(at, editsBefore, flags, entry);
    if ((flags & flag.owner) === 0 && this.#isOwned(at)) flags |= flag.owner;
    else if ((flags & found.listed) === 0) {
      const parent = Math.max(0, stanza.parentOf(at));
      if (pending.decideUnlisted(namespace, parent, stanza.elementBytes(at)) === elementResult.removed)
        return this.#remove(at, editsBefore, flags, entry);
      flags |= flag.owner;
    }
    if ((flags & found.substituted) !== 0) return this.#replace(at, editsBefore, flags);
    const owned = (flags & flag.owner) !== 0;
    if (this.#attributes.decide(at, this.#table, entry, owned) === elementResult.removed)
      return at === 0 ? this.#withhold() : this.#remove(at, editsBefore, flags, entry);
    if ((flags & found.lowered) !== 0) this.#lower(editsBefore);
    this.#push(at, editsBefore, flags);
    return (flags & found.rewritten) === 0 ? stanza.contentOf(at) : stanza.endOf(at);
  }

  /** Applies the rules for the element as a whole.
   *  @returns bits of `flag` and `found` */
  #applyRules(at: number, entry: Entry | undefined): number {
    let flags = this.#pending.isMessage(at) ? flag.wrapper : 0;
    if (entry === undefined) return flags;
    this.#rewritten = undefined;
    if (entry.container) flags |= found.listed;
    for (const rule of entry.elements) {
      if (rule.matches !== undefined && !rule.matches(this.#stanza, at)) continue;
      const { effect } = rule;
      if (effect.kind !== 'address' || !effect.words) flags |= found.listed;
      flags |= rule.flags;
      if (effect.kind === 'substitute') {
        this.#substitute = effect.payload;
        flags |= found.substituted;
      }
      if (effect.kind === 'lower' && this.#findLower(effect, at)) flags |= found.lowered;
      const result = this.#applyRule(rule, at);
      if (result === elementResult.removed) return flags | found.removed;
      if (result === elementResult.rewritten) flags |= found.rewritten;
    }
    return flags;
  }

  #applyRule(rule: TableRule, at: number): ElementResult {
    const { effect } = rule;
    if (effect.kind === 'address') return this.#addresses.apply(rule, effect, at);
    if (rule.part !== 'whole' && !this.#holdsPart(rule.part, at)) return elementResult.kept;
    this.#pending.count(rule, this.#stanza.elementBytes(at));
    switch (effect.kind) {
      case 'keep':
        return elementResult.kept;
      case 'drop':
        return elementResult.removed;
      case 'transform':
        return this.#transform(rule, effect, at);
      default:
        return this.#pending.applyToStanza(effect, at);
    }
  }

  /** Finds the lower value of an attribute.
   *  @returns whether there is one */
  #findLower({ attribute, values }: Extract<Effect, { kind: 'lower' }>, at: number): boolean {
    const lower = values.get(this.#stanza.attributeValue(at, attribute) ?? '');
    if (lower !== undefined) this.#lowering = setAttribute(this.#stanza, at, attribute, lower);
    return lower !== undefined;
  }

  /** Sets the lower value, in place of what other rules have made of the attribute.
   *  @param editsBefore number of edits before the element */
  #lower(editsBefore: number): void {
    const { edits } = this.#pending;
    const lowering = this.#lowering!;
    const own = edits.splice(editsBefore);
    edits.push(...own.filter(({ start, end }) => end <= lowering.start || start >= lowering.end), lowering);
  }

  /** Returns whether the text of an element is a JID with a resource of this owner. */
  #holdsPart(part: TableRule['part'], at: number): boolean {
    const jid = this.#stanza.text(at);
    const bare = bareJid(jid);
    return bare.length < jid.length - 1 && this.#pending.session.isOwn(bare) === (part === 'own-resource');
  }

  #transform(
    rule: TableRule,
    { transform }: Extract<Effect, { kind: 'transform' }>,
    at: number,
  ): ElementResult {
    const stanza = this.#stanza;
    const before = this.#rewritten ?? stanza.text(at);
    // An element whose text is withheld may have children, which must not stay.
    if (stanza.firstChild(at) !== -1)
      return rule.decision === undefined ? elementResult.kept : elementResult.removed;
    if (before === '') return elementResult.kept;
    const after = transformPart(transform, rule.part, before, this.#pending.session);
    if (after === undefined) return elementResult.removed;
    if (after === before) return elementResult.kept;
    this.#rewrite(at, after);
    return elementResult.rewritten;
  }

  /** Sets the text of the current element, in the place of what an earlier rule has made of it. */
  #rewrite(at: number, text: string): void {
    const { edits } = this.#pending;
    if (this.#rewritten === undefined) this.#rewriteEdit = edits.length;
    edits[this.#rewriteEdit] = setText(this.#stanza, at, text);
    this.#rewritten = text;
  }

  /** Returns whether an element belongs to the field of its parent: children of the same namespace do, where the
   *  parent was decided as a whole. */
  #isOwned(at: number): boolean {
    const stanza = this.#stanza;
    const parent = stanza.parentOf(at);
    return (
      parent !== -1 &&
      !this.#pending.isStanza(at) &&
      this.#ownsContent() &&
      stanza.namespaceOf(parent) === stanza.namespaceOf(at)
    );
  }

  /** Returns whether content of the innermost open element is part of it. */
  #ownsContent(): boolean {
    return (this.#flags[this.#depth - 1]! & (flag.owner | flag.payload)) === flag.owner;
  }

  #push(at: number, editsBefore: number, flags: number): void {
    if (this.#depth === this.#open.length) this.#grow();
    this.#open[this.#depth] = at;
    this.#editsBefore[this.#depth] = editsBefore;
    this.#flags[this.#depth] = flags;
    this.#depth += 1;
  }

  #grow(): void {
    this.#open = enlarged(this.#open);
    this.#editsBefore = enlarged(this.#editsBefore);
    this.#flags = enlarged(this.#flags);
  }

  /** Decides an element at its end.
   *  @param at tape index of the end record
   *  @returns the tape index to go on from */
  #leave(at: number): number {
    this.#depth -= 1;
    const editsBefore = this.#editsBefore[this.#depth]!;
    const start = this.#open[this.#depth]!;
    let flags = this.#flags[this.#depth]!;
    if ((flags & flag.hasSubject) !== 0) flags |= this.#settleSubject(start, editsBefore, flags);
    const isEmptied = (flags & flag.lost) !== 0 && (flags & flag.content) === 0;
    if (this.#depth === 0)
      this.#pending.isOnlyAnswer = (flags & flag.answer) !== 0 || (flags & flag.hasOther) === 0;
    // An empty message would still reveal that one was sent.
    if (isEmptied && this.#depth === 0) {
      this.#pending.isWithheld = (flags & flag.wrapper) !== 0 || this.#stanza.kind === 'iq';
    } else if (isEmptied && (flags & flag.wrapper) !== 0) {
      return this.#remove(start, editsBefore, flags, undefined);
    }
    this.#markContent(flags);
    return this.#stanza.next(at);
  }

  /** Removes the subject from a room's message that has lost body and thread: alone it would change the room's subject.
   *  @returns flags to add */
  #settleSubject(at: number, editsBefore: number, flags: number): number {
    const isChanged = (flags & flag.lostSpeech) !== 0 && (flags & flag.hasSpeech) === 0;
    if (!isChanged || this.#stanza.attributeValue(at, 'type') !== 'groupchat') return flag.content;
    const stanza = this.#stanza;
    const edits = this.#pending.edits.splice(editsBefore);
    let bytes = 0;
    for (const child of stanza.children(at)) {
      if (!stanza.is(child, ns.client, 'subject')) continue;
      edits.push(removeElement(stanza, child));
      bytes += stanza.elementBytes(child);
    }
    this.#pending.edits.push(...outermost(edits));
    this.#pending.decide(loneSubject, bytes);
    return flag.lost;
  }

  /** Marks in the parent that a part of it remains. */
  #markContent(flags: number): void {
    if (this.#depth === 0) return;
    let remains = 0;
    if ((flags & flag.auxiliary) === 0) {
      remains = (flags & flag.subject) === 0 ? flag.content : flag.hasSubject;
      if ((flags & flag.answer) === 0) remains |= flag.hasOther;
    }
    if ((flags & flag.speech) !== 0) remains |= flag.hasSpeech;
    this.#flags[this.#depth - 1] = this.#flags[this.#depth - 1]! | remains;
  }

  /** Removes an element with its edits.
   *  @param entry set while its attributes are undecided
   *  @returns the tape index after it */
  #remove(at: number, editsBefore: number, flags: number, entry: Entry | undefined): number {
    this.#pending.undoEdits(editsBefore);
    if (this.#depth === 0) {
      // The start tag of an answer leaves on an error, so the policy applies to its attributes.
      if (isAnswer(this.#stanza)) this.#attributes.decide(at, this.#table, entry, false);
      return this.#withhold();
    }
    this.#pending.edits.push(removeElement(this.#stanza, at));
    const lost = (flags & flag.speech) === 0 ? flag.lost : flag.lost | flag.lostSpeech;
    this.#flags[this.#depth - 1] = this.#flags[this.#depth - 1]! | lost;
    return this.#stanza.afterElement(at);
  }

  #withhold(): number {
    this.#pending.isWithheld = true;
    return this.#stanza.tapeLength;
  }

  #replace(at: number, editsBefore: number, flags: number): number {
    this.#pending.undoEdits(editsBefore);
    this.#pending.edits.push(replaceElement(this.#stanza, at, this.#substitute));
    this.#markContent(flags);
    return this.#stanza.afterElement(at);
  }

  #decideText(at: number): number {
    const pending = this.#pending;
    const stanza = this.#stanza;
    const parent = this.#open[this.#depth - 1]!;
    const entry = this.#table.find(stanza.namespaceOf(parent), stanza.localOf(parent));
    let isListed = this.#ownsContent();
    let isRemoved = false;
    const bytes = stanza.textEnd(at) - stanza.textStart(at);
    for (const rule of entry?.texts ?? none) {
      if (rule.matches !== undefined && !rule.matches(stanza, parent)) continue;
      isListed = true;
      pending.count(rule, bytes);
      if (rule.effect.kind !== 'keep') isRemoved = true;
    }
    if (!isListed && !isWhitespace(stanza, at))
      isRemoved = pending.decideUnlisted(0, parent, bytes) === elementResult.removed;
    if (isRemoved) pending.removeText(at, parent);
    return stanza.next(at);
  }
}

/** Applies a transform to the part of a value that a selector selects. */
function transformPart(
  transform: Transform,
  part: TableRule['part'],
  value: string,
  session: SessionView,
): string | undefined {
  if (part === 'whole') return transform(value, session);
  const bare = bareJid(value);
  const resource = transform(value.slice(bare.length + 1), session);
  return resource === undefined || resource === '' ? bare : `${bare}/${resource}`;
}

/** Returns whether a text is white space outside of CDATA. Indentation between elements has no content. */
function isWhitespace(stanza: Stanza, text: number): boolean {
  if (!stanza.isPlainText(text)) return false;
  const { bytes, start } = stanza;
  const end = start + stanza.textEnd(text);
  for (let i = start + stanza.textStart(text); i < end; i += 1) if (bytes[i]! > 0x20) return false;
  return true;
}

function enlarged(from: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(from.length * 2);
  larger.set(from);
  return larger;
}
