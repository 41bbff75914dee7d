import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Stanza } from '../../src/stanza/stanza.ts';
import type { Edit } from '../../src/stanza/verdict.ts';
import { OutputMemory } from '../../src/stream/output-memory.ts';
import { splice } from '../../src/stream/splice.ts';
import { createNames } from '../../src/stanza/names.ts';

const names = createNames(['jabber:client'], []);
const memory = new OutputMemory();

/** A stanza of these bytes in the middle of others; only the bytes matter here. */
function stanzaOf(text: string): Stanza {
  const scope = {
    contentNamespace: 'jabber:client',
    declarations: new Map(),
    unknownNamespaces: [],
    lang: '',
  };
  const stanza = new Stanza(names, scope);
  stanza.bytes = Buffer.from(`<r/>${text}<r/>`);
  stanza.start = 4;
  stanza.end = stanza.bytes.length - 4;
  return stanza;
}

const edit = (start: number, end: number, text: string): Edit => ({
  start,
  end,
  replacement: Buffer.from(text),
});

describe('splicing', () => {
  it('gives the same bytes in whichever order the edits come', () => {
    const pieces = fc.array(
      fc.record({
        kept: fc.stringMatching(/^[a-z]{0,9}$/),
        gone: fc.stringMatching(/^[A-Z]{0,9}$/),
        put: fc.stringMatching(/^\d{0,9}$/),
      }),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(
        pieces,
        fc.string({ unit: fc.constantFrom('x', 'y') }),
        fc.infiniteStream(fc.nat()),
        (all, rest, order) => {
          const edits: Edit[] = [];
          let given = '';
          for (const { kept, gone, put } of all) {
            given += `${kept}${gone}`;
            edits.push(edit(given.length - gone.length, given.length, put));
          }
          const expected = `${all.map(({ kept, put }) => kept + put).join('')}${rest}`;
          const stanza = stanzaOf(given + rest);
          expect(Buffer.from(splice(stanza, edits, memory)).toString()).toBe(expected);
          // Two at one place have no order but the one they came in.
          fc.pre(new Set(edits.map(({ start }) => start)).size === edits.length);
          const keys = edits.map((each) => ({ each, key: order.next().value as number }));
          const shuffled = keys.toSorted((a, b) => a.key - b.key).map(({ each }) => each);
          expect(Buffer.from(splice(stanza, shuffled, memory)).toString()).toBe(expected);
        },
      ),
    );
  });

  it.each([
    ['overlap', [edit(0, 3, ''), edit(2, 4, '')]],
    ['overlap, the later one first', [edit(2, 4, ''), edit(0, 3, '')]],
    ['end before they start', [edit(3, 2, '')]],
    ['leave the stanza', [edit(3, 6, '')]],
  ])('refuses edits that %s', (_, edits) => {
    expect(() => splice(stanzaOf('<a/>'), edits, memory)).toThrow('edits overlap or leave the stanza');
  });
});
