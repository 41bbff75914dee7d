/** No value of a field that an audience may not see is in any byte that this audience receives, however it was written:
 *  with references, in CDATA, under other prefixes, with other quotes, inside stanzas inside stanzas. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { everyForm, type Field } from '../../src/policy/catalogue.ts';
import { audienceOf, directions, type Direction } from '../../src/stanza/direction.ts';
import { catalogue, deciderFor, leaving, names, policyOf, policyText, replyOf, wire } from './fixtures.ts';
import { echo, everything, prefixed, wraps, writers, type Wrap, type Writer } from './writing.ts';

/** Treatments after which nothing of the value may be left. */
const hiding = ['drop', 'refuse', 'replace', 'answer', 'pseudonymise'] as const;

/** A place for a value: a stanza with the value in it, as a function of the value and of how it is written. */
interface Place {
  readonly field: Field;
  readonly direction: Direction;
  readonly rule: string;
  readonly build: (value: string, write: Writer) => string;
}

const marker = 'marker';

/** Every example that marks its value, split at the marker. */
const places: readonly Place[] = everyForm(catalogue).flatMap((field) => {
  const kind = hiding.find((each) => field.permits.includes(each));
  if (kind === undefined || field.where !== 'stanza' || !field.example.includes(marker)) return [];
  return field.directions.map((direction) => ({
    field,
    direction,
    rule: ruleOf(kind, field),
    build: (value: string, write: Writer) => fill(field.example, value, write),
  }));
});

function isXmpp({ protocol }: Field): boolean {
  return protocol === 'xmpp';
}

function ruleOf(kind: (typeof hiding)[number], field: Field): string {
  if (kind === 'replace') return '{ replace: same }';
  if (kind === 'pseudonymise') return '{ pseudonymise: { scope: session } }';
  if (kind === 'answer')
    return `{ answer: { ${field.answer!.required.map((name) => `${name}: same`).join(', ')} } }`;
  return kind;
}

/** In an attribute the marker stands after an open quote of the tag. */
function fill(example: string, value: string, write: Writer): string {
  return example.split(marker).reduce((before, after) => {
    const inTag = before.lastIndexOf('<') > before.lastIndexOf('>');
    return `${before}${inTag ? write.attribute(value) : write.text(value)}${after}`;
  });
}

const unknown = (value: string): readonly string[] => [
  `<x xmlns='urn:example:unknown'>${value}</x>`,
  `<p:x xmlns:p='urn:${value}' p:a='${value}'/>`,
  `<body xmlns='' a='${value}'>${value}</body>`,
  `<thread xmlns:p='urn:${value}'>t</thread>`,
  `<subject xmlns:p='urn:example:unknown' p:a='${value}'>s</subject>`,
];

/** A value that occurs nowhere else. */
const secrets = fc
  .string({ unit: fc.constantFrom(...'abcdefghjkmnpqrstuvwxyz23456789'), minLength: 14, maxLength: 20 })
  .map((text) => `zq${text}`);

describe('a withheld value', () => {
  it('has places to look at', () => {
    expect(places.length).toBeGreaterThan(90);
  });

  it('is in no byte that it receives', () => {
    const deciders = places.map(({ field, direction, rule }) =>
      deciderFor(policyOf(policyText(`{ ${audienceOf(direction)}: { ${field.name}: ${rule} } }`)), direction),
    );
    fc.assert(
      fc.property(
        fc.nat(places.length - 1),
        fc.constantFrom(...writers),
        fc.constantFrom<Wrap>((x) => x, echo),
        fc.array(fc.constantFrom(...wraps), { maxLength: 3 }),
        fc.constantFrom<Wrap>((x) => x, prefixed),
        secrets,
        (index, writer, form, nesting, style, secret) => {
          const { field, build } = places[index]!;
          // Nonzas are neither echoed nor forwarded.
          const isStanza = /^<(message|presence|iq) /.test(field.example);
          const echoed = isStanza ? form(build(secret, writer)) : build(secret, writer);
          const nested = isStanza ? nesting.reduce((inner, wrap) => wrap(inner), echoed) : echoed;
          // Over the chat channel no stanza is inside another, and there is one way to write its namespaces.
          const given = isXmpp(field) ? style(nested) : build(secret, writer);
          // A request that comes back in an error is no request: its identifier is the error's own.
          fc.pre(form !== echo || field.name !== 'id.iq' || !isXmpp(field));
          expect(everything(given)).toContain(secret);
          const stanza = wire.parse(given, names);
          const outcome = deciders[index]!.decide(stanza);
          expect(everything(leaving(stanza, outcome).trimEnd())).not.toContain(secret);
          expect(everything(replyOf(outcome))).not.toContain(secret);
        },
      ),
      { numRuns: 6_000 },
    );
  });

  it('is in no byte when it is unlisted', () => {
    const deciders = directions.map((direction) => deciderFor(policyOf(policyText('{}')), direction));
    fc.assert(
      fc.property(
        fc.constantFrom(...deciders),
        fc.nat(unknown('').length - 1),
        fc.constantFrom(...wraps),
        secrets,
        (decider, index, wrap, secret) => {
          const given = wrap(
            `<message xmlns='jabber:client' to='a@b'><body>hi</body>${unknown(secret)[index]}</message>`,
          );
          const stanza = wire.parse(given, names);
          const after = leaving(stanza, decider.decide(stanza));
          expect(everything(after)).not.toContain(secret);
          expect(after).toContain('<body>hi</body>');
        },
      ),
      { numRuns: 500 },
    );
  });

  it('whatever the rest of the policy and of the stanza', () => {
    const rules = fc.uniqueArray(fc.nat(places.length - 1), { minLength: 1, maxLength: 8 });
    const gatekeeper = places
      .map((place, index) => ({ place, index }))
      .filter(({ place }) => place.direction === 'to-gatekeeper' && isXmpp(place.field));
    fc.assert(
      fc.property(rules, secrets, fc.constantFrom(...writers), (chosen, secret, writer) => {
        const those = chosen.map((index) => gatekeeper[index % gatekeeper.length]!.place);
        const matrix = new Map(those.map(({ field, rule }) => [field.name, rule]));
        const text = policyText(
          `{ gatekeeper: { ${[...matrix].map(([name, rule]) => `${name}: ${rule}`).join(', ')} } }`,
        );
        const decider = deciderFor(policyOf(text), 'to-gatekeeper');
        const stanzas = those.filter(({ field }) => /^<(message|presence|iq) /.test(field.example));
        const nested = stanzas.map(
          ({ build }) => `<forwarded xmlns='urn:xmpp:forward:0'>${build(secret, writer)}</forwarded>`,
        );
        const stanza = wire.parse(`<message to='a@b'><body>hi</body>${nested.join('')}</message>`, names);
        expect(everything(leaving(stanza, decider.decide(stanza)))).not.toContain(secret);
      }),
      { numRuns: 150 },
    );
  });
});
