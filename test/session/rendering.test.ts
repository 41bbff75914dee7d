import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reconcile, Rendering } from '../../src/session/rendering.ts';
import { removeElement, setAttribute } from '../../src/stanza/edits.ts';
import type { Stanza } from '../../src/stanza/stanza.ts';
import type { Edit } from '../../src/stanza/verdict.ts';
import { defaultLimits } from '../../src/stream/limits.ts';
import { Scanner } from '../../src/stream/scanner.ts';
import { writeHeader } from '../../src/stream/write.ts';
import { newWorkspace, vocabulary } from '../support/scan.ts';

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

describe('an edited stanza in normal form', () => {
  const rendering = new Rendering({ names: vocabulary, limits: defaultLimits, workspace: newWorkspace() });
  const stanzas: Stanza[] = [];
  const scanner = new Scanner({
    names: vocabulary,
    limits: defaultLimits,
    workspace: newWorkspace(),
    sink: {
      header: () => {},
      stanza: (stanza) => stanzas.push(stanza.retain()),
      whitespace: () => {},
      end: () => {},
    },
  });
  scanner.push(writeHeader(new Map([['version', '1.0']])));
  scanner.push(
    Buffer.from("<message to='a@example'><body>secret</body></message><message><body>b</body></message>"),
  );
  const [first, second] = stanzas as [Stanza, Stanza];
  const write = (stanza: Stanza, edits: readonly Edit[]): string =>
    Buffer.from(rendering.write(stanza, edits, { normalise: true })).toString();

  it('is never one that was written before', () => {
    expect(write(first, [setAttribute(first, 0, 'id', '1')])).toContain('secret');
    // A stage at fault: the closing tag is gone, or another stanza follows.
    const end = second.byteLength;
    const cut: Edit = { start: end - '</message>'.length, end, replacement: new Uint8Array(0) };
    expect(() => write(second, [cut])).toThrow('edits leave no whole stanza');
    expect(() => write(second, [{ start: end, end, replacement: Buffer.from('<presence/>') }])).toThrow(
      'edits leave more than one stanza',
    );
    expect(() => write(second, [removeElement(second, 0)])).toThrow('edits leave no whole stanza');
    expect(write(second, [setAttribute(second, 0, 'id', '2')])).toBe(
      "<message id='2'><body>b</body></message>",
    );
  });
});
