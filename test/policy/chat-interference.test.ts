/** Two stanzas of the chat channel that differ only in what is hidden from an audience, or in how they are written, give
 *  this audience the same bytes: the gatekeeper a frame, the client XML. (test/proof has the same for XMPP.) */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineCodec } from '../../src/chat/line-codec.ts';
import { everyForm, type Field } from '../../src/policy/catalogue.ts';
import { audienceOf, type Direction } from '../../src/stanza/direction.ts';
import { catalogue, deciderFor, leaving, names, policyOf, policyText, wire } from './fixtures.ts';
import { writers } from './writing.ts';

const marker = 'marker';
/** The time in the catalogue's examples, in seconds since 1970. */
const exampleTime = '1764460801';
const codec = new LineCodec({ interopServer: { read: 'either', write: 'omit' } });
const forms = everyForm(catalogue).filter(
  ({ protocol, where }) => protocol === 'chat-channel' && where === 'stanza',
);

/** A form of a field under one rule, for one audience. */
interface Subject {
  readonly field: Field;
  readonly direction: Direction;
  readonly judge: (text: string) => string;
}

function subjects(rule: string, permitted: string, fits: (field: Field) => boolean): Subject[] {
  return forms
    .filter((field) => field.permits.some((each) => each === permitted) && fits(field))
    .flatMap((field) =>
      field.directions.map((direction) => {
        const policy = policyText(`{ ${audienceOf(direction)}: { ${field.name}: ${rule} } }`);
        const decider = deciderFor(policyOf(policy), direction);
        const judge = (text: string): string => {
          const stanza = wire.parse(text, names);
          return seen(leaving(stanza, decider.decide(stanza)), direction);
        };
        return { field, direction, judge };
      }),
    );
}

/** Returns what the audience reads. */
function seen(xml: string, direction: Direction): string {
  return xml === '' || direction === 'to-client' ? xml : codec.encode(xml, 'xml');
}

const marked = ({ example }: Field): boolean => example.includes(marker);
/** With one time in it. */
const timed = ({ example }: Field): boolean =>
  example.includes(`'${exampleTime}'`) && example.match(/='17[0-9]{8}'/g)!.length === 1;

/** Two values, of the same and of different lengths. */
const values = fc.tuple(
  fc.string({ unit: fc.constantFrom(...'abcdefghijkmnpqrstuvwxyz0123456789'), minLength: 1, maxLength: 30 }),
  fc.string({ unit: fc.constantFrom(...'abcdefghijkmnpqrstuvwxyz0123456789'), minLength: 1, maxLength: 30 }),
);

describe('what is hidden makes no difference', () => {
  const hiding = [
    ...subjects('drop', 'drop', marked),
    ...subjects('{ replace: same }', 'replace', marked),
    ...subjects('refuse', 'refuse', marked),
  ];

  it('has fields to look at, of both directions', () => {
    expect(hiding.length).toBeGreaterThan(40);
    expect(new Set(hiding.map(({ direction }) => direction)).size).toBe(2);
  });

  it('of a value, however it is written', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...hiding),
        values,
        fc.constantFrom(...writers),
        ({ field: { example }, direction, judge }, [one, other], writer) => {
          const written = direction === 'to-client' ? other : writer.attribute(other);
          expect(judge(example.replaceAll(marker, written))).toBe(judge(example.replaceAll(marker, one)));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it.each(subjects('{ coarsen: 1h }', 'coarsen', timed))(
    'of $field.name within an hour, $direction',
    ({ field: { example }, judge }) => {
      const at = (seconds: string): string => judge(example.replaceAll(exampleTime, seconds));
      expect(at('1764461999')).toBe(at(exampleTime));
      expect(at('1764468000')).not.toBe(at(exampleTime));
    },
  );

  it.each([
    ['receipt.read', 'read', ['played', 'read-self']],
    ['receipt.delivered', undefined, ['inactive']],
  ])('of %s, lowered, whatever was said', (name, said, others) => {
    const [subject] = subjects('lower', 'lower', (field) => field.name === name);
    const typed = (type: string | undefined): string =>
      subject!.judge(
        `<receipt xmlns='urn:narthex:chat:0' to='15551@s.whatsapp.net'${type === undefined ? '' : ` type='${type}'`} id='3EB0'/>`,
      );
    for (const other of others) expect(typed(other)).toBe(typed(said));
  });

  it('would be found where nothing is hidden', () => {
    const kept = subjects('keep', 'keep', marked);
    const different = kept.filter(({ field: { example }, direction, judge }) => {
      if (direction === 'to-gatekeeper' && />marker</.test(example)) return false;
      return judge(example.replaceAll(marker, 'one')) !== judge(example.replaceAll(marker, 'other'));
    });
    expect(different.length).toBeGreaterThan(35);
  });
});

describe('how a client writes', () => {
  it('makes no difference to the gatekeeper', () => {
    const keeping = subjects('keep', 'keep', ({ directions }) => directions.includes('to-gatekeeper')).filter(
      ({ direction, field }) => direction === 'to-gatekeeper' && !/>marker</.test(field.example),
    );
    for (const { field, judge } of keeping)
      expect(judge(respelled(field.example))).toBe(judge(field.example));
    expect(keeping.length).toBeGreaterThan(30);
  });
});

/** Writes start tags otherwise: attributes in reverse order, other quotes, references, more white space. */
function respelled(xml: string): string {
  return xml.replaceAll(
    /<([\w:]+)((?: [\w:-]+='[^']*')+)(\/?)>/g,
    (_, name: string, written: string, end: string) => {
      const attributes = written.match(/ [\w:-]+='[^']*'/g)!.toReversed();
      const others = attributes.map((each) => each.replace(/^ ([\w:-]+)='(.*)'$/, '\n\t $1="$2"'));
      return `<${name}${others.join('').replaceAll('whatsapp', 'whats&#97;pp')} ${end}>`;
    },
  );
}
