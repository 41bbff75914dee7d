import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createWire } from '../../src/app/tools/wire.ts';
import { answerPayload, answerTo } from '../../src/minimisation/answer.ts';
import { delayOf } from '../../src/minimisation/delay.ts';
import { paddingOf } from '../../src/minimisation/pad.ts';
import { isOwedAnswer, refusal, withheldAnswer } from '../../src/minimisation/refuse.ts';
import { elementWith } from '../../src/minimisation/replace.ts';
import { treatValue } from '../../src/minimisation/value.ts';
import type { Stanza } from '../../src/stanza/stanza.ts';
import { element } from '../../src/stanza/tape.ts';
import type { Edit } from '../../src/stanza/verdict.ts';
import { createVocabulary } from '../../src/stanza/vocabulary.ts';

const names = createVocabulary();
const wire = createWire();
const parse = (text: string): Stanza => wire.parse(text, names);
const after = (stanza: Stanza, ...edits: Edit[]): string => Buffer.from(wire.write(stanza, edits)).toString();
const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

describe('replace', () => {
  it('writes an element anew without its attributes', () => {
    expect(elementWith('jabber:client', 'status', '<')).toBe("<status xmlns='jabber:client'>&lt;</status>");
  });
});

describe('pad', () => {
  it('fills up to the bucket, with white space that is no part of the stanza', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200_000 }),
        fc.uniqueArray(fc.integer({ min: 1, max: 65_536 }), { minLength: 1, maxLength: 5 }),
        (length, sizes) => {
          const buckets = sizes.toSorted((a, b) => a - b);
          const size = length + paddingOf(length, buckets);
          const fitting = buckets.find((bucket) => bucket >= length);
          const largest = buckets.at(-1)!;
          expect(size).toBe(fitting ?? Math.ceil(length / largest) * largest);
        },
      ),
    );
  });
});

describe('delay', () => {
  it('is uniform up to the bound', () => {
    expect(delayOf(5_000, () => 0)).toBe(0);
    expect(delayOf(5_000, () => 0.5)).toBe(2_500);
    expect(delayOf(5_000, () => 0.999999)).toBe(5_000);
  });
});

describe('refuse', () => {
  it('bounces with addresses swapped and nothing of the payload', () => {
    const stanza = parse(
      `<iq type='set' id="q&amp;1" from='a@b/c' to="d@e"><x xmlns='urn:secret'>secret</x></iq>`,
    );
    expect(text(refusal(stanza, 'to-client', 'forbidden'))).toBe(
      `<iq xmlns='jabber:client' from="d@e" id='q&amp;1' to='a@b/c' type='error'><error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
    );
  });

  it('escapes anew those attributes that parsers read differently', () => {
    const stanza = parse("<iq type='set' id='a\tb&#9;c'/>");
    expect(text(refusal(stanza, 'to-client', 'forbidden'))).toContain(" id='a b&#9;c' ");
  });

  it.each([
    ["<iq type='result' id='1'/>"],
    ["<iq type='error' id='1'/>"],
    ["<message type='error'/>"],
    ["<presence type='error'/>"],
    ["<r xmlns='urn:xmpp:sm:3'/>"],
  ])('never answers %s', (given) => {
    expect(refusal(parse(given), 'to-client', 'forbidden')).toBeUndefined();
    expect(isOwedAnswer(parse(given), 'to-client')).toBe(false);
  });

  it('owes an answer to iq get and set only', () => {
    expect(isOwedAnswer(parse("<iq type='get' id='1'/>"), 'to-client')).toBe(true);
    expect(isOwedAnswer(parse("<iq type='set' id='1'/>"), 'to-client')).toBe(true);
    expect(isOwedAnswer(parse('<message/>'), 'to-client')).toBe(false);
  });

  it('turns a result into an error', () => {
    const stanza = parse("<iq type='result' id='1' from='a@b/c' to='d@e'><x xmlns='urn:x'/></iq>");
    expect(after(stanza, ...withheldAnswer(stanza, []))).toBe(
      "<iq type='error' id='1' from='a@b/c' to='d@e'><error xmlns='jabber:client' type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
    );
  });
});

describe('answer', () => {
  it('is the iq result that the request is owed', () => {
    const stanza = parse(
      "<iq type='get' id='v' from='x@y/z' to='a@b/c'><query xmlns='jabber:iq:version'/></iq>",
    );
    const reply = answerTo(
      stanza,
      answerPayload('jabber:iq:version', 'query', { name: '<N>', version: '1' }),
    );
    expect(text(reply)).toBe(
      "<iq xmlns='jabber:client' from='a@b/c' id='v' to='x@y/z' type='result'><query xmlns='jabber:iq:version'><name>&lt;N&gt;</name><version>1</version></query></iq>",
    );
    expect(parse(text(reply)).tape[element.depth]).toBe(1);
  });
});

describe('a value outside of stanzas', () => {
  it.each([
    [{ kind: 'keep' }, '192.0.2.1'],
    [{ kind: 'drop' }, undefined],
    [{ kind: 'replace', value: '0.0.0.0' }, '0.0.0.0'],
    [{ kind: 'coarsen', to: { unit: 'address', ipv4Bits: 16, ipv6Bits: 48 } }, '192.0.0.0/16'],
    [{ kind: 'pseudonymise', scope: 'session' }, 'hidden 192.0.2.1'],
    [{ kind: 'refuse', condition: 'forbidden' }, undefined],
  ] as const)('%j', (treatment, expected) => {
    expect(treatValue('192.0.2.1', treatment, (value) => `hidden ${value}`)).toBe(expected);
  });
});
