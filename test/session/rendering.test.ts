import fc from 'fast-check';
import { expect, it } from 'vitest';
import { reconcile } from '../../src/session/rendering.ts';
import type { Edit } from '../../src/stanza/verdict.ts';

/** The rule, pair by pair: whether `other` makes `edit` vanish. */
function supersedes(other: Edit, at: number, edit: Edit, index: number): boolean {
  const isInsertion = edit.start === edit.end;
  if (isInsertion) return other.start < edit.start && edit.end < other.end;
  if (other.start === edit.start && other.end === edit.end) return at > index;
  return other.start <= edit.start && edit.end <= other.end;
}

const edit = fc
  .tuple(fc.nat(12), fc.nat(4), fc.nat(255))
  .map(([start, length, byte]): Edit => ({ start, end: start + length, replacement: Uint8Array.of(byte) }));

it('of the edits of several stages, those outside of all others are kept', () => {
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 12 }), (edits) => {
      const standing = edits.filter(
        (one, index) => !edits.some((other, at) => at !== index && supersedes(other, at, one, index)),
      );
      const found = reconcile(edits);
      expect(new Set(found)).toEqual(new Set(standing));
      expect(found).toHaveLength(standing.length);
      // In document order; insertions at one place in the order of the stages.
      const places = found.map(({ start }) => start);
      expect(places).toEqual(places.toSorted((a, b) => a - b));
      const insertions = (of: readonly Edit[]): Edit[] =>
        of.filter(({ start, end }) => start === end).toSorted((a, b) => a.start - b.start);
      expect(insertions(found)).toEqual(insertions(standing));
    }),
    { numRuns: 5_000 },
  );
});
