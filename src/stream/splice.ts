import type { Stanza } from '../stanza/stanza.ts';
import type { Edit } from '../stanza/verdict.ts';
import type { OutputMemory } from './output-memory.ts';

/** Returns the bytes of a stanza with edits applied; bytes between them are copied unchanged.
 *  @param memory from which the result is taken
 *  @throws RangeError when edits overlap or leave the stanza: a fault of the stage that made them */
export function splice(stanza: Stanza, edits: readonly Edit[], memory: OutputMemory): Uint8Array {
  const { bytes, start: first, byteLength } = stanza;
  const ordered = areOrdered(edits) ? edits : edits.toSorted((a, b) => a.start - b.start || a.end - b.end);
  let length = byteLength;
  let last = 0;
  for (const { start, end, replacement } of ordered) {
    if (start < last || end < start || end > byteLength)
      throw new RangeError('edits overlap or leave the stanza');
    last = end;
    length += replacement.length - (end - start);
  }
  const out = memory.take(length);
  let from = 0;
  let to = 0;
  for (const { start, end, replacement } of ordered) {
    out.set(bytes.subarray(first + from, first + start), to);
    to += start - from;
    if (replacement.length > 0) out.set(replacement, to);
    to += replacement.length;
    from = end;
  }
  out.set(bytes.subarray(first + from, stanza.end), to);
  return out;
}

/** Returns whether edits are in document order, as most are. */
function areOrdered(edits: readonly Edit[]): boolean {
  for (let i = 1; i < edits.length; i += 1) if (edits[i]!.start < edits[i - 1]!.end) return false;
  return true;
}
