/** Non-interference: two stanzas that differ only in what is hidden from an audience give this audience the same bytes. For every
 *  field, every treatment that hides something of it, every path to it and every container. */
import type { CompiledPolicy } from '../../src/policy/compile.ts';
import type { Catalogue, Direction, Field } from '../reference/catalogue.ts';
import type { Session } from '../reference/language.ts';
import { selects } from '../reference/paths.ts';
import {
  clientNamespace,
  elementsIn,
  isElement,
  isNamed,
  isStanza,
  type Element,
} from '../reference/tree.ts';
import { compile, Deployment, loadGenerated, type EngineSession } from './engine.ts';
import type { Documents, WrittenTreatment } from './policies.ts';
import { generateSession, now } from './sessions.ts';
import { Random } from '../support/random.ts';
import { containers, filled, spotsFor, type Spot } from './spots.ts';
import { spell } from './write.ts';

/** Treatments by what they leave to see. */
export const hides: Readonly<Record<string, 'all' | 'a part' | 'all but equality' | 'length' | 'form' | undefined>> = {
  drop: 'all', refuse: 'all', replace: 'all', answer: 'all', coarsen: 'a part', pseudonymise: 'all but equality', pad: 'length', 'normal form': 'form',
}; // prettier-ignore

/** One field under one treatment for one direction. */
export interface Subject {
  readonly field: Field;
  readonly direction: Direction;
  readonly kind: string;
  readonly treatment: WrittenTreatment;
  /** Two values of which the audience must see the same. */
  readonly pairs: readonly (readonly [string, string])[];
}

export interface InterferenceCounts {
  /** Pairs of stanzas. */
  pairs: number;
  /** Pairs that differ for the audience where the field is kept. */
  visible: number;
}

const account = 'me@provider.example';

/** Returns every subject of fields in stanzas. */
export function subjectsOf({ fields }: Catalogue): readonly Subject[] {
  return [...fields.values()]
    .filter(({ where, selects }) => where === 'stanza' && selects.length > 0)
    .flatMap((field) => field.directions.flatMap((direction) => subjectsFor(field, direction)));
}

function subjectsFor(field: Field, direction: Direction): Subject[] {
  return field.permits.flatMap((permitted): Subject[] => {
    const kind = permitted === 'drop' && field.classes.has('wire') ? 'normal form' : permitted;
    if (hides[kind] === undefined) return [];
    return [
      {
        field,
        direction,
        kind,
        treatment: treatmentFor(field, permitted),
        pairs: pairsFor(field, kind, direction),
      },
    ];
  });
}

/** Returns a treatment of this kind that two values of `pairsFor` go through alike. */
export function treatmentFor({ value, classes, answerNeeds }: Field, kind: string): WrittenTreatment {
  const grains: Readonly<Record<string, unknown>> = {
    bytes: '64KiB', language: 'primary', version: 'major', address: { ipv4: 24, ipv6: 48 },
  }; // prettier-ignore
  if (kind === 'replace') return { replace: 'same' };
  if (kind === 'coarsen') return { coarsen: grains[value] ?? '1h' };
  if (kind === 'pseudonymise')
    return { pseudonymise: { scope: classes.has('returned-over-http') ? 'gatekeeper' : 'account' } };
  if (kind === 'answer') return { answer: Object.fromEntries(answerNeeds.map((name) => [name, 'same'])) };
  return kind === 'pad' ? { pad: ['2KiB', '4KiB'] } : kind;
}

export const anything: Subject['pairs'] = [['marker', 'x'], ['a', 'é😀 <&> and much more of it'], ['2026-03-10T23:41:07Z', '1']]; // prettier-ignore
const coarse: Readonly<Record<string, Subject['pairs']>> = {
  time: [['2026-03-10T23:41:07Z', '2026-03-10T23:02:59.512Z'], ['2026-03-10T23:41:07Z', '2026-03-11T01:20:00+02:00'], ['20260310T23:41:07', '20260310T23:00:00']],
  seconds: [['3601', '7199.5']],
  bytes: [['70000', '131071'], ['0', '65535']],
  number: [['70000', '131071']],
  address: [['192.0.2.7', '192.0.2.255'], ['2001:db8:1::1', '2001:db8:1:2::9']],
  version: [['4.2', '4.17-beta']],
  language: [['de-AT', 'de-CH'], ['en', 'en-GB-oxendict']],
}; // prettier-ignore
const uuids = ['d4565fa7-4d72-4749-b3d3-740edbf87770', 'F47AC10B-58CC-4372-A567-0E02B2C3D479'] as const;
const files: Readonly<Record<Direction, Subject['pairs'][number]>> = {
  'to-gatekeeper': ['https://media.provider.example/u/17/a.jpg', 'https://media.provider.example/u/18/b.jpg'],
  'to-client': ['https://up.gatekeeper.example/a', 'https://up.gatekeeper.example/b'],
};

/** Returns pairs of values of which an audience must see the same under a treatment of this kind. */
export function pairsFor({ value }: Field, kind: string, direction: Direction): Subject['pairs'] {
  if (kind === 'coarsen') return coarse[value] ?? [];
  if (kind === 'normal form') return [['said', 'said']];
  if (kind === 'pad') return [['short', 'x'.repeat(1_000)]];
  if (kind !== 'pseudonymise') return anything;
  if (value === 'uuid') return [uuids];
  return value === 'url'
    ? [files[direction]]
    : [
        ['marker', 'x'],
        ['17', uuids[0]],
      ];
}

const keeping = compiledWith({});

/** The engine with one rule, and with none. */
export class InterferenceBench {
  readonly counts: InterferenceCounts = { pairs: 0, visible: 0 };
  readonly failures: string[] = [];
  readonly #subject: Subject;
  readonly #session: Session;
  readonly #hiding: EngineSession;
  readonly #keeping: EngineSession;

  constructor(subject: Subject) {
    this.#subject = subject;
    const session = { ...generateSession(new Random(1), 'gk', 0), account, startedAt: now };
    this.#session = session;
    const { field, direction, treatment } = subject;
    const audience = direction === 'to-gatekeeper' ? 'gatekeeper' : 'client';
    const hiding = compiledWith({ [audience]: { [field.name]: treatment } });
    this.#hiding = new Deployment({ gk: hiding }).open(session);
    this.#keeping = new Deployment({ gk: keeping }).open(session);
  }

  /** Compares every pair at every spot in every container.
   *  @param every only one container in so many is tried at each spot */
  run(every = 1): void {
    const { field, kind, pairs } = this.#subject;
    for (const [number, spot] of spotsOf(field, kind).entries())
      for (const [index, [container, wrap]] of Object.entries(containers).entries()) {
        if ((index + number) % every !== 0) continue;
        if (!isStanza(spot.build('x')) && container !== 'as it is') continue;
        if (!isSelected(wrap(spot.build('x')), spot)) continue;
        for (const pair of pairs)
          this.#compare(
            spot,
            container,
            pair.map((value) => wrap(spot.build(valueAt(spot, value)))) as [Element, Element],
          );
        const present = wrap(spot.build(valueAt(spot, 'marker')));
        const absent = kind === 'drop' ? without(present, spot) : undefined;
        if (absent !== undefined) this.#compare(spot, `${container}, once without it`, [present, absent]);
      }
  }

  #compare({ place }: Spot, container: string, stanzas: readonly [Element, Element]): void {
    const { field, direction, kind, treatment } = this.#subject;
    this.counts.pairs += 1;
    const written = stanzas.map((each, index) =>
      kind === 'normal form' && index === 1 ? respelled(each) : spell(each),
    );
    const kept = written.map((each) => this.#bytes(this.#keeping, each));
    if (kept[0] !== kept[1]) this.counts.visible += 1;
    const seen = written.map((each) => this.#bytes(this.#hiding, each));
    const [one, other] = seen.map((bytes) => (kind === 'pad' ? String(bytes?.length) : blurred(bytes, kind)));
    if (one === other) return;
    const path = place.steps.map(({ name }) => name).join('/');
    this.failures.push(
      `${field.name} ${direction} ${JSON.stringify(treatment)} at ${path} ${container}:\n  ${written.join('\n  ')}\n  ${seen.join('\n  ')}`,
    );
  }

  /** Returns what the audience gets, with the padding. */
  #bytes(session: EngineSession, written: string): string | undefined {
    return session.judge(written, this.#subject.direction, this.#session, true).wire?.toString();
  }
}

/** Returns the stanza without what the path selects, where it stands next to a body; undefined elsewhere. */
function without(stanza: Element, spot: Spot): Element | undefined {
  const { place } = spot;
  const stays = stanza.content.filter((each) => !isElement(each) || !selects(place, [stanza, each]));
  const hasBody = stays.some((each) => isElement(each) && isNamed(each, clientNamespace, 'body'));
  if (place.target !== 'element' || !hasBody || stays.length === stanza.content.length) return undefined;
  return { ...stanza, content: stays };
}

/** Writes a stanza otherwise: other quotes, the attributes in reverse order, references, more white space in tags. */
function respelled(stanza: Element): string {
  const reversed = (element: Element): Element => ({
    ...element,
    attributes: element.attributes.toReversed(),
    content: element.content.map((each) => (isElement(each) ? reversed(each) : each)),
  });
  return spell(reversed(stanza))
    .replaceAll(/='([^'"]*)'/g, '="$1"')
    .replaceAll('/>', ' />')
    .replaceAll('>said<', '>&#115;aid<');
}

/** Returns whether the path still selects something: a container may change what its conditions ask for. */
export function isSelected(stanza: Element, { place }: Spot, above: readonly Element[] = []): boolean {
  const line = [...above, stanza];
  return selects(place, line) || elementsIn(stanza).some((each) => isSelected(each, { place } as Spot, line));
}

/** Under a treatment that takes the element as a whole, all that is part of it differs too. */
export function spotsOf(field: Field, kind: string): readonly Spot[] {
  const spots = field.selects.filter(({ part }) => part !== 'peer-resource').flatMap(spotsFor);
  const isWhole = ['drop', 'refuse', 'replace', 'answer'].includes(kind);
  return isWhole ? spots.map((spot) => filled(spot, field)) : spots;
}

/** Returns the value as it is written at a place: a resource is in a JID, and that may be in a URI. */
export function valueAt({ place: { part, inUri } }: Spot, value: string): string {
  if (part === 'whole') return value;
  return `${inUri ? 'xmpp:' : ''}${account}/${inUri ? encodeURIComponent(value) : value}`;
}

/** Pseudonyms and tokens differ where values do, and only there. */
function blurred(bytes: string | undefined, kind: string): string | undefined {
  if (kind !== 'pseudonymise') return bytes;
  return bytes
    ?.replaceAll(/\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, 'a-uuid')
    .replaceAll(/[\w-]{107}(?![\w-])/g, 'a-pseudonym')
    .replaceAll(/https:\/\/proxy\.example\/media\/[\w-]+/g, 'a-sealed-address');
}

type Audiences = Readonly<Record<string, Readonly<Record<string, WrittenTreatment>>>>;

function compiledWith(audiences: Audiences): CompiledPolicy {
  const documents: Documents = {
    generated: {
      apiVersion: 'narthex/v1',
      kind: 'MetadataPolicy',
      metadata: { name: 'generated' },
      spec: { extends: 'passthrough', unlisted: 'keep', audiences },
    },
  };
  return compile(loadGenerated('generated', documents));
}
