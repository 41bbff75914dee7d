/** Positions in a text of which parts were replaced (XEP-0426): where they were pointed at, they are still. */
import { removeAttribute, removeElement, replaceAttribute } from '../stanza/edits.ts';
import { rangedText, textRanges, type RangedText, type TextBound } from '../stanza/text-ranges.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Edit } from '../stanza/verdict.ts';

/** Part of a run of character data, in UTF-16 code units from its beginning, and what stands there now. */
export interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly by: string;
}

/** A run of character data that was changed. */
export interface ChangedRun {
  /** Tape index of the element that it is directly inside. */
  readonly element: number;
  /** Tape index of its first text record. */
  readonly first: number;
  /** In order. */
  readonly replacements: readonly Replacement[];
}

/** What was replaced in a whole text, in code points. */
export interface Shift {
  readonly start: number;
  readonly end: number;
  /** Of what stands there now. */
  readonly length: number;
  /** How far its start has moved by those before it. */
  readonly moved: number;
}

/** Edits that make every position right again. In a message of several bodies, or subjects, it is unclear which of
 *  them a position is in: the element that points is removed. */
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

/** All edits but those that lie in another one, in document order. */
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
  // What is no position points nowhere.
  if (!/^\d{1,9}$/.test(written)) return [];
  const before = Number(written);
  const after = positionAfter(before, side, shifts);
  return after === before ? [] : [replaceAttribute(stanza, attribute, String(after))];
}

/** Where a position is after the replacements. A start inside a replaced part is its first character, and an end its
 *  last: ends may be the last character that is meant, or the one after it (XEP-0372 §3.1). */
export function positionAfter(position: number, side: TextBound['side'], shifts: readonly Shift[]): number {
  const before = shifts[startingBefore(position, shifts) - 1];
  if (before === undefined) return position;
  const { start, end, length, moved } = before;
  if (position < end) return start + moved + (side === 'start' ? 0 : Math.max(0, length - 1));
  return position + moved + length - (end - start);
}

/** How many. There may be many, and many positions. */
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

/** In code points of the whole text, from units of its runs. */
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
