/** Adjusts positions in a text whose parts were replaced (XEP-0426), so that they refer to the same content. */
import { removeAttribute, removeElement, replaceAttribute } from '../stanza/edits.ts';
import { rangedText, textRanges, type RangedText, type TextBound } from '../stanza/text-ranges.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Edit } from '../stanza/verdict.ts';

/** A part of a run of character data, in UTF-16 code units from its beginning, and its replacement. */
export interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly by: string;
}

/** A run of character data that was changed. */
export interface ChangedRun {
  /** Tape index of the element that directly contains it. */
  readonly element: number;
  /** Tape index of its first text record. */
  readonly first: number;
  /** The edit that changes it. */
  readonly edit: Edit;
  /** Replacements in order. */
  readonly replacements: readonly Replacement[];
}

/** A replacement in a whole text, in code points. */
export interface Shift {
  readonly start: number;
  readonly end: number;
  /** Length of the replacement. */
  readonly length: number;
  /** Distance by which earlier replacements have moved its start. */
  readonly moved: number;
}

/** Returns edits that adjust every position. In a message with several bodies or subjects it is unclear which of
 *  them a position refers to, so the referring element is removed. */
export function positionEdits(stanza: Stanza, runs: readonly ChangedRun[]): Edit[] {
  const texts = Map.groupBy(runs, (run) => run.element);
  const edits: Edit[] = [];
  const seen = new Set<string>();
  for (const [at, changed] of texts) {
    const text = rangedText(stanza, at);
    if (text === undefined) continue;
    const message = stanza.parentOf(at);
    const key = `${message} ${text}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const shifts = countOf(stanza, message, text) === 1 ? shiftsOf(stanza, at, changed) : undefined;
    edits.push(...editsIn(stanza, message, text, shifts));
  }
  return edits;
}

/** Returns all edits but those inside another one, in document order. */
export function outermost(edits: readonly Edit[]): Edit[] {
  let reached = 0;
  return edits
    .toSorted((a, b) => a.start - b.start || b.end - a.end)
    .filter(({ start, end }) => {
      if (start < reached) return false;
      reached = end;
      return true;
    });
}

function editsIn(
  stanza: Stanza,
  message: number,
  wanted: RangedText,
  shifts: readonly Shift[] | undefined,
): Edit[] {
  return textRanges(stanza, message).flatMap(({ text, holder, kind, bounds }) => {
    if (text !== wanted || bounds.length === 0) return [];
    if (shifts !== undefined) return bounds.flatMap((bound) => moved(stanza, bound, shifts));
    if (kind === 'marker') return [removeElement(stanza, holder)];
    return bounds.map(({ attribute }) => removeAttribute(stanza, attribute));
  });
}

function moved(stanza: Stanza, { attribute, side }: TextBound, shifts: readonly Shift[]): Edit[] {
  const written = stanza.value(attribute).trim();
  // Text that is no position refers to nothing.
  if (!/^\d{1,9}$/.test(written)) return [];
  const before = Number(written);
  const after = positionAfter(before, side, shifts);
  return after === before ? [] : [replaceAttribute(stanza, attribute, String(after))];
}

/** Returns a position after the replacements. A start inside a replaced part becomes its first character, an end its
 *  last: an end may be the last character of a range, or the one after it (XEP-0372 §3.1). */
export function positionAfter(position: number, side: TextBound['side'], shifts: readonly Shift[]): number {
  const before = shifts[startingBefore(position, shifts) - 1];
  if (before === undefined) return position;
  const { start, end, length, moved } = before;
  if (position < end) return start + moved + (side === 'start' ? 0 : Math.max(0, length - 1));
  return position + moved + length - (end - start);
}

/** Returns the number of shifts that start before a position, by bisection: there may be many of both. */
function startingBefore(position: number, shifts: readonly Shift[]): number {
  let low = 0;
  let high = shifts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (shifts[middle]!.start < position) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Returns replacements in code points of the whole text, from code units of its runs. */
function shiftsOf(stanza: Stanza, at: number, runs: readonly ChangedRun[]): Shift[] {
  const shifts: Shift[] = [];
  const byFirst = new Map(runs.map((run) => [run.first, run.replacements]));
  let points = 0;
  let moved = 0;
  let pending: readonly Replacement[] = [];
  let run = '';
  const finish = (): void => {
    let from = 0;
    for (const { start, end, by } of pending) {
      points += pointsIn(run.slice(from, start));
      const begin = points;
      points += pointsIn(run.slice(start, end));
      const length = pointsIn(by);
      shifts.push({ start: begin, end: points, length, moved });
      moved += length - (points - begin);
      from = end;
    }
    points += pointsIn(run.slice(from));
    run = '';
    pending = [];
  };
  const end = stanza.endOf(at);
  for (let index = stanza.contentOf(at); index < end;) {
    if (stanza.isElement(index)) {
      finish();
      index = stanza.afterElement(index);
      continue;
    }
    pending = byFirst.get(index) ?? pending;
    run += stanza.textValue(index);
    index = stanza.next(index);
  }
  finish();
  return shifts;
}

function pointsIn(text: string): number {
  let points = text.length;
  for (let at = 0; at < text.length; at += 1) if ((text.charCodeAt(at) & 0xfc00) === 0xdc00) points -= 1;
  return points;
}

function countOf(stanza: Stanza, message: number, text: RangedText): number {
  let count = 0;
  for (let at = stanza.firstChild(message); at !== -1; at = stanza.nextSibling(at))
    if (rangedText(stanza, at) === text) count += 1;
  return count;
}
