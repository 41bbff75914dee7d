/** References in a message to character positions of its body or subject, counted in Unicode code points (XEP-0426):
 *  fallbacks (XEP-0428), references (XEP-0372, with media sharing XEP-0385), mentions (XEP-0513) and markup (XEP-0394).
 *  A stage that changes the text adapts them. */
import { ns } from './namespaces.ts';
import type { Stanza } from './stanza.ts';
import * as record from './tape.ts';
import { recordKind, recordSize } from './tape.ts';

/** Children of a message whose text can be referenced. */
export type RangedText = 'body' | 'subject';

/** One end of a range. */
export interface TextBound {
  /** Tape index of the attribute. */
  readonly attribute: number;
  readonly side: 'start' | 'end';
}

export interface TextRange {
  readonly text: RangedText;
  /** Tape index of the message's child that the range belongs to. */
  readonly holder: number;
  /** `marker`: it only describes the text. `reference`: it has content of its own, and stays without a position. */
  readonly kind: 'marker' | 'reference';
  /** Both ends; empty for the whole text. */
  readonly bounds: readonly TextBound[];
}

export const fallbackNamespace = 'urn:xmpp:fallback:0';
const referenceNamespace = 'urn:xmpp:reference:0';
const markupNamespace = 'urn:xmpp:markup:0';
const mentionsNamespace = 'urn:xmpp:mentions:0';

/** Returns which text of a message the element is; undefined for another element. */
export function rangedText(stanza: Stanza, index: number): RangedText | undefined {
  const parent = stanza.tape[index + record.element.parent]!;
  if (parent === -1 || !stanza.is(parent, ns.client, 'message')) return undefined;
  if (stanza.is(index, ns.client, 'body')) return 'body';
  return stanza.is(index, ns.client, 'subject') ? 'subject' : undefined;
}

/** Returns the ranges of a message, in document order.
 *  @param message tape index: the stanza itself, or a message inside it */
export function textRanges(stanza: Stanza, message: number): TextRange[] {
  const ranges: TextRange[] = [];
  for (let at = stanza.firstChild(message); at !== -1; at = stanza.nextSibling(at)) {
    if (stanza.is(at, fallbackNamespace, 'fallback')) ranges.push(...fallbackRanges(stanza, at));
    else if (stanza.is(at, markupNamespace, 'markup')) ranges.push(...markupRanges(stanza, at));
    else if (stanza.is(at, mentionsNamespace, 'mention')) {
      const bounds = boundsOf(stanza, at);
      if (bounds.length > 0) ranges.push({ text: 'body', holder: at, kind: 'reference', bounds });
    } else if (stanza.is(at, referenceNamespace, 'reference')) {
      // With an anchor it refers to another message.
      const elsewhere = stanza.attributeValue(at, 'anchor') !== undefined;
      const bounds = elsewhere ? [] : boundsOf(stanza, at);
      if (bounds.length > 0) ranges.push({ text: 'body', holder: at, kind: 'reference', bounds });
    }
  }
  return ranges;
}

/** Returns the ranges of a fallback. Without children it covers every text. */
function fallbackRanges(stanza: Stanza, holder: number): TextRange[] {
  const ranges: TextRange[] = [];
  for (let at = stanza.firstChild(holder); at !== -1; at = stanza.nextSibling(at))
    for (const text of ['body', 'subject'] as const)
      if (stanza.is(at, fallbackNamespace, text))
        ranges.push({ text, holder, kind: 'marker', bounds: boundsOf(stanza, at) });
  if (ranges.length > 0) return ranges;
  return (['body', 'subject'] as const).map((text) => ({ text, holder, kind: 'marker', bounds: [] }));
}

function markupRanges(stanza: Stanza, holder: number): TextRange[] {
  const bounds: TextBound[] = [];
  const end = stanza.tape[holder + record.element.end]!;
  for (let at = holder; at < end; at += recordSize[stanza.tape[at]!]!)
    if (stanza.tape[at] === recordKind.element && stanza.namespaceName(at) === markupNamespace)
      bounds.push(...boundsOf(stanza, at));
  return [{ text: 'body', holder, kind: 'marker', bounds }];
}

const sides: ReadonlyMap<string, TextBound['side']> = new Map([
  ['start', 'start'],
  ['begin', 'start'],
  ['end', 'end'],
]);

function boundsOf(stanza: Stanza, element: number): TextBound[] {
  const bounds: TextBound[] = [];
  let at = element + recordSize[recordKind.element]!;
  for (; stanza.tape[at] === recordKind.attribute; at += recordSize[recordKind.attribute]!) {
    if (stanza.tape[at + record.attribute.namespace] !== 0) continue;
    const side = sides.get(stanza.localName(at));
    if (side !== undefined) bounds.push({ attribute: at, side });
  }
  return bounds;
}
