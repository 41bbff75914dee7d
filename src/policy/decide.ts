/** One policy, one session, one direction: what becomes of a stanza.
 *
 *  The tape is read once, from front to back. Every element costs one look-up; stanzas inside stanzas (copies,
 *  archives, forwarded messages, events, echoes in errors) are met on the way like everything else, so every field
 *  applies in them too. What the catalogue does not know gets the treatment `unlisted`. */
import { answerTo } from '../minimisation/answer.ts';
import { delayOf } from '../minimisation/delay.ts';
import { isAnswer, isOwedAnswer, refusal, withheldAnswer } from '../minimisation/refuse.ts';
import { replaceAddresses } from '../minimisation/media-address.ts';
import {
  outermost,
  positionEdits,
  type ChangedRun,
  type Replacement,
} from '../minimisation/text-positions.ts';
import type { StanzaCondition } from '../minimisation/treatment.ts';
import { escapeAttribute } from '../stanza/decode.ts';
import type { Direction } from '../stanza/direction.ts';
import {
  removeAttribute,
  removeElement,
  removeText,
  replaceAttribute,
  replaceElement,
  replaceTexts,
  setText,
} from '../stanza/edits.ts';
import { ns } from '../stanza/namespaces.ts';
import type { Stanza } from '../stanza/stanza.ts';
import {
  attribute,
  cdata,
  element,
  namespaceDeclaration,
  needsDecoding,
  recordKind,
  recordSize,
  text as textRecord,
} from '../stanza/tape.ts';
import { forward, type Decision, type Edit, type Disposition } from '../stanza/verdict.ts';
import { transformPart, type CompiledPolicy } from './compile.ts';
import { bareOf, domainOf, SessionView, type PolicyContext } from './session-view.ts';
import {
  flag,
  type AttributeRules,
  type DecisionTable,
  type Effect,
  type Entry,
  type TableRule,
} from './table.ts';

/** What the policy says about one stanza. Valid until the next one is decided. */
export interface Outcome {
  readonly verdict: Disposition;
  /** One per field and place, in document order; prebuilt, never a value. */
  readonly decisions: readonly Decision[];
  /** How long the stanza has to wait, in milliseconds. Order within the stream is the holder's business. */
  readonly delayMs: number;
  /** Whether it leaves in normal form (canonical writer) instead of as it came. */
  readonly normalise: boolean;
  /** White space behind it fills it up to one of these sizes: bytes, ascending. */
  readonly padTo: readonly number[] | undefined;
}

export interface DeciderOptions {
  /** Milliseconds since 1970, for the expiry of exceptions. */
  readonly clock: () => number;
  /** In [0, 1), for delays. */
  readonly random: () => number;
}

const elementSize = recordSize[recordKind.element]!;
const attributeSize = recordSize[recordKind.attribute]!;
const textSize = recordSize[recordKind.text]!;
const endSize = recordSize[recordKind.end]!;

/** What came of judging one element, text or attribute. */
const fate = { stays: 0, gone: 1, rewritten: 2 } as const;

/** Elements of these namespaces negotiate the stream: the session's guard judges them, not a policy. An error that ends
 *  the stream is more than that: what it says in words is a field. */
const negotiation = [ns.streams, ns.tls, ns.compress, ns.compressFeature, ns.framing];

export class Decider {
  readonly #policy: CompiledPolicy;
  readonly #direction: Direction;
  readonly #session: SessionView;
  readonly #clock: () => number;
  readonly #random: () => number;
  readonly #outside: readonly number[];
  readonly #roots: readonly number[];
  readonly #client: number;
  /** Where no exception applies. */
  readonly #usual: DecisionTable;

  // Of the stanza under way; arrays are kept from one to the next.
  #stanza!: Stanza;
  #table!: DecisionTable;
  #decisions: Decision[] = [];
  readonly #outcome = {
    verdict: forward,
    decisions: this.#decisions as readonly Decision[],
    delayMs: 0,
    normalise: false,
    padTo: undefined as readonly number[] | undefined,
  };
  #edits: Edit[] = [];
  #changedRuns: ChangedRun[] = [];
  #depth = 0;
  #open = new Int32Array(256);
  #editsBefore = new Int32Array(256);
  #flags = new Int32Array(256);
  #delayMs = 0;
  #normalise = false;
  #buckets: readonly number[] | undefined;
  #refused: StanzaCondition | undefined;
  #answer: string | undefined;
  #rootGone = false;
  /** Where the resource begins in the attribute that was looked at last: the place of its slash in the stanza. */
  #slash = 0;

  constructor(
    policy: CompiledPolicy,
    direction: Direction,
    context: PolicyContext,
    { clock, random }: DeciderOptions,
  ) {
    const { names } = policy;
    this.#policy = policy;
    this.#direction = direction;
    this.#session = new SessionView(context, direction, policy);
    this.#clock = clock;
    this.#random = random;
    this.#outside = negotiation.map((namespace) => names.namespace(namespace));
    this.#client = names.namespace(ns.client);
    this.#usual = policy.table(direction, 0);
    this.#roots = ['message', 'presence', 'iq'].map((local) => names.local(local));
  }

  /** Whether verdicts are more than opinions. */
  get enforces(): boolean {
    return this.#policy.mode === 'enforce';
  }

  /** @throws RangeError when the stanza was scanned with another vocabulary than the policy was compiled for. */
  decide(stanza: Stanza): Outcome {
    if (stanza.names !== this.#policy.names) throw new RangeError('the tape has another vocabulary');
    this.#reset(stanza);
    if (!this.#isNegotiation(stanza)) {
      const applying = this.#applyingExceptions();
      this.#table = applying === 0 ? this.#usual : this.#policy.table(this.#direction, applying);
      this.#walk();
      if (this.#changedRuns.length > 0) this.#movePositions();
    }
    const enforced = this.#policy.mode === 'enforce';
    this.#outcome.verdict = enforced ? this.#verdict() : forward;
    this.#outcome.decisions = this.#decisions;
    this.#outcome.delayMs = enforced ? this.#delayMs : 0;
    this.#outcome.normalise = enforced && this.#normalise;
    this.#outcome.padTo = enforced ? this.#buckets : undefined;
    return this.#outcome;
  }

  #isNegotiation(stanza: Stanza): boolean {
    const namespace = stanza.tape[element.namespace]!;
    if (namespace === this.#client) return false;
    return this.#outside.includes(namespace) && !stanza.is(0, ns.streams, 'error');
  }

  #reset(stanza: Stanza): void {
    this.#stanza = stanza;
    this.#session.enter(stanza);
    this.#policy.turn.stanza += 1;
    // Emptying the old array would cost more.
    this.#decisions = [];
    if (this.#edits.length > 0) this.#edits = [];
    if (this.#changedRuns.length > 0) this.#changedRuns = [];
    this.#depth = 0;
    this.#delayMs = 0;
    this.#normalise = false;
    this.#buckets = undefined;
    this.#refused = undefined;
    this.#answer = undefined;
    this.#rootGone = false;
  }

  #applyingExceptions(): number {
    const { exceptions } = this.#policy;
    if (exceptions.length === 0) return 0;
    const { context } = this.#session;
    const now = this.#clock();
    let applying = 0;
    exceptions.forEach(({ when, expiresAt }, index) => {
      if (now >= expiresAt) return;
      if (when.gatekeeper !== undefined && when.gatekeeper !== context.gatekeeper) return;
      if (when.accountDomain !== undefined && when.accountDomain !== domainOf(context.account)) return;
      if (when.contactDomain !== undefined && when.contactDomain !== domainOf(this.#session.peer)) return;
      applying |= 1 << index;
    });
    return applying;
  }

  #walk(): void {
    const { tape, tapeLength } = this.#stanza;
    let at = 0;
    while (at < tapeLength && this.#refused === undefined && this.#answer === undefined) {
      const kind = tape[at]!;
      if (kind === recordKind.element) at = this.#enterElement(at);
      else if (kind === recordKind.text) at = this.#judgeText(at);
      else if (kind === recordKind.end) at = this.#leaveElement(at);
      else at += attributeSize;
    }
  }

  /** Who points at characters of a text that has changed its length points at them still. */
  #movePositions(): void {
    this.#edits = outermost([...this.#edits, ...positionEdits(this.#stanza, this.#changedRuns)]);
  }

  /** @returns the tape index to go on from. */
  #enterElement(at: number): number {
    const { tape } = this.#stanza;
    const namespace = tape[at + element.namespace]!;
    const entry = this.#table.find(namespace, tape[at + element.local]!);
    const editsBefore = this.#edits.length;
    let flags = this.#isMessage(at) ? flag.wrapper : 0;
    let listed = entry?.container === true;
    let substitute: Uint8Array | undefined;
    let rewritten = false;
    for (const rule of entry?.elements ?? none) {
      if (rule.matches !== undefined && !rule.matches(this.#stanza, at)) continue;
      if (rule.effect.kind !== 'address' || !rule.effect.words) listed = true;
      flags |= rule.flags;
      if (rule.effect.kind === 'substitute') substitute = rule.effect.payload;
      const result = this.#applyToElement(rule, at);
      if (result === fate.gone) return this.#removeElement(at, editsBefore, { entry, flags });
      if (result === fate.rewritten) rewritten = true;
    }
    if ((flags & flag.owner) === 0 && this.#isOwned(at)) flags |= flag.owner;
    else if (!listed) {
      if (this.#judgeUnlisted(namespace) === fate.gone)
        return this.#removeElement(at, editsBefore, { entry, flags });
      flags |= flag.owner;
    }
    if (substitute !== undefined) return this.#substituteElement(at, editsBefore, substitute, flags);
    if (this.#judgeAttributes(at, entry, (flags & flag.owner) !== 0) === fate.gone) {
      if (at === 0) return this.#withholdStanza();
      return this.#removeElement(at, editsBefore, { entry, flags });
    }
    this.#push(at, editsBefore, flags);
    return rewritten ? tape[at + element.end]! : at + elementSize;
  }

  /** Children of the same namespace are part of an element that was judged as a whole. */
  #isOwned(at: number): boolean {
    const { tape } = this.#stanza;
    const parent = tape[at + element.parent]!;
    return (
      parent !== -1 &&
      !this.#isStanza(at) &&
      (this.#flags[this.#depth - 1]! & flag.owner) !== 0 &&
      tape[parent + element.namespace] === tape[at + element.namespace]
    );
  }

  #isStanza(at: number): boolean {
    const { tape } = this.#stanza;
    return tape[at + element.namespace] === this.#client && this.#roots.includes(tape[at + element.local]!);
  }

  /** A message of which nothing remains would say only that there was something. */
  #isMessage(at: number): boolean {
    const { tape } = this.#stanza;
    return tape[at + element.namespace] === this.#client && tape[at + element.local] === this.#roots[0];
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

  #leaveElement(at: number): number {
    this.#depth -= 1;
    const editsBefore = this.#editsBefore[this.#depth]!;
    const start = this.#open[this.#depth]!;
    let flags = this.#flags[this.#depth]!;
    if ((flags & flag.hasSubject) !== 0) flags |= this.#settleSubject(start, editsBefore, flags);
    const emptied = (flags & flag.lost) !== 0 && (flags & flag.content) === 0;
    if (emptied && this.#depth === 0) {
      this.#rootGone = (flags & flag.wrapper) !== 0 || this.#stanza.kind === 'iq';
    } else if (emptied && (flags & flag.wrapper) !== 0) {
      return this.#removeElement(start, editsBefore, { entry: undefined, flags });
    }
    this.#markContent(flags);
    return at + endSize;
  }

  /** Takes the subject out of a room's message that has lost body and thread: alone it would change the subject of the
   *  room.
   *  @returns flags to add */
  #settleSubject(at: number, editsBefore: number, flags: number): number {
    const isChanged = (flags & flag.lostSpeech) !== 0 && (flags & flag.hasSpeech) === 0;
    if (!isChanged || this.#stanza.attributeValue(at, 'type') !== 'groupchat') return flag.content;
    const stanza = this.#stanza;
    const edits = this.#edits.splice(editsBefore);
    for (let child = stanza.firstChild(at); child !== -1; child = stanza.nextSibling(child))
      if (stanza.is(child, ns.client, 'subject')) edits.push(removeElement(stanza, child));
    this.#edits.push(...outermost(edits));
    this.#decisions.push(loneSubject);
    return flag.lost;
  }

  /** Tells the parent that something remains in it. */
  #markContent(flags: number): void {
    if (this.#depth === 0) return;
    let remains = 0;
    if ((flags & flag.auxiliary) === 0)
      remains = (flags & flag.subject) === 0 ? flag.content : flag.hasSubject;
    if ((flags & flag.speech) !== 0) remains |= flag.hasSpeech;
    this.#flags[this.#depth - 1] = this.#flags[this.#depth - 1]! | remains;
  }

  /** @param entry of an element whose attributes were not judged yet */
  #removeElement(
    at: number,
    editsBefore: number,
    { entry, flags }: { readonly entry: Entry | undefined; readonly flags: number },
  ): number {
    this.#forgetEdits(editsBefore);
    if (this.#depth === 0) {
      // The start tag of an answer leaves: what the policy says of its attributes holds for an error, too.
      if (isAnswer(this.#stanza)) this.#judgeAttributes(at, entry, false);
      return this.#withholdStanza();
    }
    this.#edits.push(removeElement(this.#stanza, at));
    const lost = (flags & flag.speech) === 0 ? flag.lost : flag.lost | flag.lostSpeech;
    this.#flags[this.#depth - 1] = this.#flags[this.#depth - 1]! | lost;
    return this.#stanza.tape[at + element.end]! + endSize;
  }

  #withholdStanza(): number {
    this.#rootGone = true;
    return this.#stanza.tapeLength;
  }

  /** Whatever was done inside an element that goes as a whole. Shortening the array would cost more. */
  #forgetEdits(editsBefore: number): void {
    while (this.#edits.length > editsBefore) this.#edits.pop();
  }

  #substituteElement(at: number, editsBefore: number, replacement: Uint8Array, flags: number): number {
    this.#forgetEdits(editsBefore);
    this.#edits.push(replaceElement(this.#stanza, at, replacement));
    this.#markContent(flags);
    return this.#stanza.tape[at + element.end]! + endSize;
  }

  #applyToElement(rule: TableRule, at: number): number {
    const { effect } = rule;
    if (effect.kind === 'address') return this.#judgeAddresses(rule, effect, at);
    this.#count(rule);
    switch (effect.kind) {
      case 'keep':
        return fate.stays;
      case 'drop':
        return fate.gone;
      case 'transform':
        return this.#transformContent(rule, effect, at);
      default:
        return this.#applyToStanza(effect, at);
    }
  }

  /** Effects that are about the stanza, wherever in it they were found. */
  #applyToStanza(effect: Effect, at: number): number {
    switch (effect.kind) {
      case 'refuse':
        return this.#refuse(effect.condition, at);
      case 'answer':
        if (this.#stanza.tape[at + element.depth] === 2) this.#answer = effect.payload;
        return fate.stays;
      case 'delay':
        this.#delayMs = Math.max(this.#delayMs, delayOf(effect.upToMs, this.#random));
        return fate.stays;
      case 'pad':
        this.#buckets = effect.buckets;
        return fate.stays;
      case 'normalise':
        this.#normalise = true;
        return fate.stays;
      default:
        return fate.stays;
    }
  }

  /** Only what came by itself is bounced, and only what may be; inside another stanza there is nobody to bounce to,
   *  and an error is not answered with an error. There the element goes. */
  #refuse(condition: StanzaCondition, at: number): number {
    for (let outer = at; outer > 0; outer = this.#stanza.tape[outer + element.parent]!)
      if (this.#isStanza(outer)) return fate.gone;
    if (refusal(this.#stanza, condition) === undefined) return fate.gone;
    this.#refused = condition;
    return fate.stays;
  }

  #transformContent(
    rule: TableRule,
    { transform }: Extract<Effect, { kind: 'transform' }>,
    at: number,
  ): number {
    const before = this.#stanza.text(at);
    // Hiding the text of an element must not leave what else it holds.
    if (this.#stanza.firstChild(at) !== -1) return rule.decision === undefined ? fate.stays : fate.gone;
    if (before === '') return fate.stays;
    const after = transformPart(transform, rule.part, before, this.#session);
    if (after === undefined) return fate.gone;
    if (after === before) return fate.stays;
    this.#edits.push(setText(this.#stanza, at, after));
    return fate.rewritten;
  }

  /** Addresses in the text of an element: the whole of it, or among its words. */
  #judgeAddresses(rule: TableRule, effect: AddressEffect, at: number): number {
    return effect.words ? this.#judgeWords(rule, effect, at) : this.#judgeAddressText(rule, effect, at);
  }

  #judgeAddressText(rule: TableRule, effect: AddressEffect, at: number): number {
    const before = this.#stanza.text(at);
    const seen = effect.see(before, this.#session);
    if (seen.kind === 'as-is' || before === '') return fate.stays;
    if (seen.kind !== 'opened') this.#count(rule);
    if (seen.kind === 'refused') return this.#refuse('policy-violation', at);
    // Hiding the text of an element must not leave what else it holds.
    if (!('address' in seen) || this.#stanza.firstChild(at) !== -1) return fate.gone;
    this.#edits.push(setText(this.#stanza, at, seen.address));
    return fate.rewritten;
  }

  /** Runs of character data between elements, each read as a whole: an address may be written in pieces. */
  #judgeWords(rule: TableRule, effect: AddressEffect, at: number): number {
    const { tape } = this.#stanza;
    const end = tape[at + element.end]!;
    let index = at + elementSize + tape[at + element.attributes]! * attributeSize;
    while (index < end) {
      if (tape[index] === recordKind.element) {
        index = tape[index + element.end]! + endSize;
        continue;
      }
      const first = index;
      while (index < end && tape[index] === recordKind.text) index += textSize;
      const result = this.#judgeRun(rule, effect, at, first, index - textSize);
      if (result !== fate.stays) return result;
    }
    return fate.stays;
  }

  #judgeRun(rule: TableRule, effect: AddressEffect, at: number, first: number, last: number): number {
    const stanza = this.#stanza;
    if (!this.#mayHoldAddress(first, last)) return fate.stays;
    let before = '';
    for (let index = first; index <= last; index += textSize) before += stanza.textValue(index);
    let refused = false;
    const replacements: Replacement[] = [];
    const after = replaceAddresses(before, (address, start) => {
      const seen = effect.see(address, this.#session);
      if (seen.kind === 'as-is' || seen.kind === 'unreadable') return address;
      if (seen.kind !== 'opened') this.#count(rule);
      if (seen.kind === 'refused') refused = true;
      const by = 'address' in seen ? seen.address : '';
      replacements.push({ start, end: start + address.length, by });
      return by;
    });
    if (refused) return this.#refuse('policy-violation', at);
    if (after === before) return fate.stays;
    this.#edits.push(replaceTexts(stanza, first, last, after));
    this.#changedRuns.push({ element: at, first, replacements });
    return fate.stays;
  }

  /** Most bodies hold none, and those are not decoded. */
  #mayHoldAddress(first: number, last: number): boolean {
    const { tape, bytes, start } = this.#stanza;
    for (let index = first; index <= last; index += textSize)
      if ((tape[index + textRecord.flags]! & (cdata | needsDecoding)) !== 0) return true;
    const to = start + tape[last + textRecord.end]!;
    let at = start + tape[first + textRecord.start]!;
    // A view costs more than a short text.
    if (to - at > longText) {
      const colon = bytes.subarray(at, to).indexOf(COLON);
      at = colon === -1 ? to : at + colon;
    }
    for (; at < to; at += 1)
      if (bytes[at] === COLON && bytes[at + 1] === SLASH && bytes[at + 2] === SLASH) return true;
    return false;
  }

  #count({ decision }: TableRule): void {
    if (decision !== undefined) this.#decisions.push(decision);
  }

  #judgeAttributes(at: number, entry: Entry | undefined, owned: boolean): number {
    const { tape } = this.#stanza;
    const count = tape[at + element.attributes]!;
    let index = at + elementSize;
    let gone = false;
    for (let i = 0; i < count; i += 1, index += attributeSize) {
      const namespace = tape[index + attribute.namespace]!;
      const result =
        namespace === namespaceDeclaration
          ? this.#judgeDeclaration(at, index)
          : this.#judgeAttribute(at, index, namespace, entry, owned);
      if (result !== fate.gone) continue;
      if (at !== 0 || !isAnswer(this.#stanza)) return fate.gone;
      // The start tag of an answer leaves, on an error.
      gone = true;
      this.#edits.push(removeAttribute(this.#stanza, index));
    }
    return gone ? fate.gone : fate.stays;
  }

  #judgeAttribute(
    at: number,
    index: number,
    namespace: number,
    entry: Entry | undefined,
    owned: boolean,
  ): number {
    const local = this.#stanza.tape[index + attribute.local]!;
    let judged = false;
    if (namespace === 0 && entry !== undefined && local !== 0) {
      for (const each of entry.attributes) {
        if (each.local !== local) continue;
        if (each.kept !== undefined) {
          for (const decision of each.kept) this.#decisions.push(decision);
          judged = true;
          continue;
        }
        const isPlain = this.#stanza.tape[index + attribute.valueEnd]! < needsDecoding;
        const result =
          each.transforms !== undefined && isPlain
            ? this.#transformAttribute(each, at, index)
            : this.#applyToAttribute(each.rules, at, index);
        if (result === notFound) continue;
        if (result !== fate.stays) return result;
        judged = true;
      }
    } else if (namespace !== 0) {
      for (const each of this.#table.anywhere) {
        if (each.namespace !== namespace || each.local !== local) continue;
        if (this.#applyToAttribute(each.rules, at, index) !== notFound) judged = true;
      }
    }
    if (judged || (owned && namespace === 0)) return fate.stays;
    if (this.#judgeUnlisted(namespace) === fate.gone) this.#edits.push(removeAttribute(this.#stanza, index));
    return fate.stays;
  }

  /** Every matching rule in turn, each on what the one before left. */
  #applyToAttribute(rules: readonly TableRule[], at: number, index: number): number {
    let result: number = notFound;
    let before: string | undefined;
    let after: string | undefined;
    let withheld = false;
    let resource: 'own-resource' | 'peer-resource' | 'none' | undefined;
    for (const rule of rules) {
      if (rule.matches !== undefined && !rule.matches(this.#stanza, at)) continue;
      if (result === notFound) result = fate.stays;
      if (rule.part !== 'whole') {
        resource ??= this.#resourceOf(index);
        if (resource !== rule.part) continue;
      }
      const { effect } = rule;
      if (effect.kind !== 'address') this.#count(rule);
      if (effect.kind === 'keep') continue;
      if (effect.kind === 'address') {
        before ??= this.#stanza.value(index);
        const seen = effect.see(after ?? before, this.#session);
        if (seen.kind === 'as-is') continue;
        if (seen.kind !== 'opened') this.#count(rule);
        if ('address' in seen) {
          after = seen.address;
          continue;
        }
        if (seen.kind === 'refused' && this.#refuse('policy-violation', at) === fate.stays) continue;
      } else if (effect.kind === 'transform') {
        before ??= this.#stanza.value(index);
        after = withheld
          ? undefined
          : transformPart(effect.transform, rule.part, after ?? before, this.#session);
        if (after !== undefined) continue;
      } else if (effect.kind !== 'drop') {
        if (this.#applyToStanza(effect, at) !== fate.gone) continue;
      }
      if (rule.dropsElement) return fate.gone;
      withheld = true;
    }
    if (withheld) this.#edits.push(removeAttribute(this.#stanza, index));
    else if (after !== undefined && after !== before)
      this.#edits.push(replaceAttribute(this.#stanza, index, after));
    return result;
  }

  /** The same for what most attributes are: a value that stands as it is written, and rules that keep or transform it
   *  or the resource in it. What is before the resource is not decoded. */
  #transformAttribute({ rules, transforms, areApart }: AttributeRules, at: number, index: number): number {
    const { tape, bytes, start } = this.#stanza;
    const end = tape[index + attribute.valueEnd]!;
    const part = transforms === 'resource' ? this.#resourceOf(index) : 'none';
    const from = transforms === 'resource' ? this.#slash + 1 : tape[index + attribute.valueStart]!;
    let result: number = notFound;
    let before: string | undefined;
    let after: string | undefined;
    let written: Uint8Array | undefined;
    let withheld = false;
    for (const rule of rules) {
      if (rule.matches !== undefined && !rule.matches(this.#stanza, at)) continue;
      result = fate.stays;
      if (rule.part !== 'whole' && rule.part !== part) continue;
      this.#count(rule);
      if (rule.effect.kind !== 'transform' || withheld) continue;
      const { transform, transformAt } = rule.effect;
      let isSeen: boolean;
      if (areApart && transformAt !== undefined) {
        const there = transformAt(bytes, start + from, start + end, this.#session);
        if (there === null) continue;
        written = there;
        isSeen = there !== undefined && (there.length > 0 || transforms === 'value');
      } else {
        before ??= bytes.toString('utf8', start + from, start + end);
        after = transform(after ?? before, this.#session);
        isSeen = after !== undefined && (after !== '' || transforms === 'value');
      }
      if (isSeen) continue;
      if (rule.dropsElement && transforms === 'value') return fate.gone;
      withheld = true;
    }
    if (withheld)
      this.#edits.push(
        transforms === 'value'
          ? removeAttribute(this.#stanza, index)
          : { start: this.#slash, end, replacement: nothing },
      );
    else if (written !== undefined) this.#edits.push({ start: from, end, replacement: written });
    else if (after !== undefined && after !== before)
      this.#edits.push({ start: from, end, replacement: Buffer.from(escapeAttribute(after)) });
    return result;
  }

  /** Whose the resource of a JID is; an empty one is none. Most have none, and those are not decoded. */
  #resourceOf(index: number): 'own-resource' | 'peer-resource' | 'none' {
    const { tape, bytes, start } = this.#stanza;
    const end = tape[index + attribute.valueEnd]!;
    if (end < needsDecoding) {
      const from = start + tape[index + attribute.valueStart]!;
      let at = from;
      while (at < start + end && bytes[at] !== SLASH) at += 1;
      this.#slash = at - start;
      if (at >= start + end - 1) return 'none';
      return this.#session.isOwnAt(bytes, from, at) ? 'own-resource' : 'peer-resource';
    }
    const value = this.#stanza.value(index);
    const bare = bareOf(value);
    if (bare.length >= value.length - 1) return 'none';
    return this.#session.isOwn(bare) ? 'own-resource' : 'peer-resource';
  }

  /** A declaration whose namespace nothing that stays can use is an attribute nobody knows. */
  #judgeDeclaration(at: number, index: number): number {
    const { tape } = this.#stanza;
    const nameBytes = tape[index + attribute.nameEnd]! - tape[index + attribute.nameStart]!;
    const isPrefixed = tape[at + element.localStart]! - tape[at + element.tagStart]! > 1;
    // The element's own namespace has been judged with the element.
    if (nameBytes === 'xmlns'.length && !isPrefixed) return fate.stays;
    const name = this.#stanza.value(index);
    const namespace = this.#stanza.names.namespace(name);
    if (name === '' || this.#table.listed[namespace] === 1) return fate.stays;
    if (this.#judgeUnlisted(namespace) === fate.gone) this.#edits.push(removeAttribute(this.#stanza, index));
    return fate.stays;
  }

  #judgeText(at: number): number {
    const next = at + textSize;
    const parent = this.#open[this.#depth - 1]!;
    const { tape } = this.#stanza;
    const entry = this.#table.find(tape[parent + element.namespace]!, tape[parent + element.local]!);
    let judged = (this.#flags[this.#depth - 1]! & flag.owner) !== 0;
    let gone = false;
    for (const rule of entry?.texts ?? none) {
      if (rule.matches !== undefined && !rule.matches(this.#stanza, parent)) continue;
      judged = true;
      if (rule.decision !== undefined) this.#decisions.push(rule.decision);
      if (rule.effect.kind !== 'keep') gone = true;
    }
    if (!judged && !this.#isWhitespace(at)) gone = this.#judgeUnlisted(0) === fate.gone;
    if (gone) this.#edits.push(removeText(this.#stanza, at));
    return next;
  }

  /** Indentation between elements says nothing; in a CDATA section it is not indentation. */
  #isWhitespace(at: number): boolean {
    const { tape, bytes, start } = this.#stanza;
    if ((tape[at + textRecord.flags]! & (cdata | needsDecoding)) !== 0) return false;
    const end = start + tape[at + textRecord.end]!;
    for (let i = start + tape[at + textRecord.start]!; i < end; i += 1) if (bytes[i]! > 0x20) return false;
    return true;
  }

  #judgeUnlisted(namespace: number): number {
    this.#decisions.push(this.#policy.unlistedDecision(namespace));
    if (this.#policy.unlisted === 'keep') return fate.stays;
    if (this.#policy.unlisted === 'drop') return fate.gone;
    return this.#refuse('policy-violation', this.#depth === 0 ? 0 : this.#open[this.#depth - 1]!);
  }

  #verdict(): Disposition {
    const stanza = this.#stanza;
    if (this.#refused !== undefined) return { kind: 'drop', reply: refusal(stanza, this.#refused)! };
    if (this.#answer !== undefined) return { kind: 'drop', reply: answerTo(stanza, this.#answer) };
    if (this.#rootGone) return this.#withheld();
    return this.#edits.length === 0 ? forward : { kind: 'forward', edits: this.#edits };
  }

  /** Nothing of the stanza may be seen. Whoever waits for an answer gets one; an answer stays an answer. */
  #withheld(): Disposition {
    const stanza = this.#stanza;
    if (isOwedAnswer(stanza)) return { kind: 'drop', reply: refusal(stanza, 'service-unavailable')! };
    if (stanza.kind !== 'iq') return { kind: 'drop' };
    // Identifier and addresses of the answer are still mapped back: the recipient knows it by them.
    return { kind: 'forward', edits: withheldAnswer(stanza, this.#edits) };
  }
}

/** What is said of a subject that goes with body and thread. */
const loneSubject: Decision = {
  field: 'content.subject',
  treatment: 'drop',
  reason: 'without body and thread it would change the subject of the room (XEP-0045 §8.1)',
};

const none: readonly TableRule[] = [];
const nothing = new Uint8Array(0);
const notFound = -1;
const SLASH = 0x2f;
const COLON = 0x3a;
/** In bytes. */
const longText = 256;

type AddressEffect = Extract<Effect, { kind: 'address' }>;

function enlarged(from: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(from.length * 2);
  larger.set(from);
  return larger;
}
