/** Media addresses in the text of elements: sealed for a receiver that may not see the server, opened on their
 *  return. */
import { replaceAddresses } from '../minimisation/media-address.ts';
import type { Replacement } from '../minimisation/text-positions.ts';
import { replaceTexts, setText } from '../stanza/edits.ts';
import type { Stanza } from '../stanza/stanza.ts';
import { elementResult, type ElementResult, type PendingOutcome } from './outcome.ts';
import type { Effect, TableRule } from './table.ts';

type AddressEffect = Extract<Effect, { kind: 'address' }>;

/** A rule for addresses, applied to one element. */
interface Application {
  readonly rule: TableRule;
  readonly effect: AddressEffect;
  /** Tape index of the element. */
  readonly element: number;
}

const SLASH = 0x2f;
const COLON = 0x3a;
/** Bytes of a text from which on it is searched through a view. */
const longText = 256;

export class AddressRules {
  readonly #pending: PendingOutcome;

  constructor(pending: PendingOutcome) {
    this.#pending = pending;
  }

  /** Applies a rule to the text of an element: to the whole of it, or to the addresses among its words.
   *  @returns whether the element is kept, rewritten or removed */
  apply(rule: TableRule, effect: AddressEffect, element: number): ElementResult {
    const application = { rule, effect, element };
    return effect.words ? this.#applyToWords(application) : this.#applyToText(application);
  }

  #applyToText({ rule, effect, element }: Application): ElementResult {
    const pending = this.#pending;
    const { stanza } = pending;
    const before = stanza.text(element);
    const after = effect.rewrite(before, pending.session);
    if (after.kind === 'as-is' || before === '') return elementResult.kept;
    if (after.kind !== 'opened') pending.count(rule, stanza.elementBytes(element));
    if (after.kind === 'refused') return pending.refuse('policy-violation', element);
    // An element whose text is withheld may have children, which must not stay.
    if (!('address' in after) || stanza.firstChild(element) !== -1) return elementResult.removed;
    pending.edits.push(setText(stanza, element, after.address));
    return elementResult.rewritten;
  }

  /** Rewrites addresses in each run of character data between child elements as one text: CDATA sections may split
   *  an address. */
  #applyToWords(application: Application): ElementResult {
    const { stanza } = this.#pending;
    const end = stanza.endOf(application.element);
    let index = stanza.contentOf(application.element);
    while (index < end) {
      if (stanza.isElement(index)) {
        index = stanza.afterElement(index);
        continue;
      }
      const first = index;
      let last = index;
      for (; index < end && stanza.isText(index); index = stanza.next(index)) last = index;
      const result = this.#applyToRun(application, first, last);
      if (result !== elementResult.kept) return result;
    }
    return elementResult.kept;
  }

  /** Rewrites addresses in one run of text.
   *  @param first tape index of its first text record
   *  @param last tape index of its last one */
  #applyToRun({ rule, effect, element }: Application, first: number, last: number): ElementResult {
    const pending = this.#pending;
    const { stanza } = pending;
    if (!mayHoldAddress(stanza, first, last)) return elementResult.kept;
    const before = textOf(stanza, first, last);
    let refused = false;
    const replacements: Replacement[] = [];
    const after = replaceAddresses(before, (address, start) => {
      const rewritten = effect.rewrite(address, pending.session);
      if (rewritten.kind === 'as-is' || rewritten.kind === 'unreadable') return address;
      if (rewritten.kind !== 'opened') pending.count(rule, Buffer.byteLength(address));
      if (rewritten.kind === 'refused') refused = true;
      const by = 'address' in rewritten ? rewritten.address : '';
      replacements.push({ start, end: start + address.length, by });
      return by;
    });
    if (refused) return pending.refuse('policy-violation', element);
    if (after === before) return elementResult.kept;
    const edit = replaceTexts(stanza, first, last, after);
    pending.edits.push(edit);
    pending.changedRuns.push({ element, first, edit, replacements });
    return elementResult.kept;
  }
}

function textOf(stanza: Stanza, first: number, last: number): string {
  let text = '';
  for (let index = first; index <= last; index = stanza.next(index)) text += stanza.textValue(index);
  return text;
}

/** Returns whether a run of text may have an address. Most bodies have none, and are not decoded. */
function mayHoldAddress(stanza: Stanza, first: number, last: number): boolean {
  const { bytes, start } = stanza;
  for (let index = first; index <= last; index = stanza.next(index))
    if (!stanza.isPlainText(index)) return true;
  const to = start + stanza.textEnd(last);
  let at = start + stanza.textStart(first);
  // For a short text, making a view costs more than reading it.
  if (to - at > longText) {
    const colon = bytes.subarray(at, to).indexOf(COLON);
    at = colon === -1 ? to : at + colon;
  }
  for (; at < to; at += 1)
    if (bytes[at] === COLON && bytes[at + 1] === SLASH && bytes[at + 2] === SLASH) return true;
  return false;
}
