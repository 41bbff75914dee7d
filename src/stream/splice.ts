import type { Stanza } from '../stanza/stanza.ts';
import type { Edit } from '../stanza/verdict.ts';

/** The bytes of a stanza with edits applied: what lies between them is copied as it came.
 *  @throws RangeError when edits overlap or leave the stanza: a fault of the stage that made them. */
export function splice(stanza: Stanza, edits: readonly Edit[]): Uint8Array {
  const ordered = edits.toSorted((a, b) => a.start - b.start || a.end - b.end);
  const wire = stanza.wire();
  let length = wire.length;
  let last = 0;
  for (const { start, end, replacement } of ordered) {
    if (start < last || end < start || end > wire.length)
      throw new RangeError('edits overlap or leave the stanza');
    last = end;
    length += replacement.length - (end - start);
  }
  const out = Buffer.allocUnsafe(length);
  let from = 0;
  let to = 0;
  for (const { start, end, replacement } of ordered) {
    out.set(wire.subarray(from, start), to);
    to += start - from;
    out.set(replacement, to);
    to += replacement.length;
    from = end;
  }
  out.set(wire.subarray(from), to);
  return out;
}
