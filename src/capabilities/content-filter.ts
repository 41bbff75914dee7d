/** Keeps content from a client that cannot receive it. Judges only what is visible without decryption
 *  (content-reader.ts). */
import type { Names } from '../stanza/names.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Edit } from '../stanza/verdict.ts';
import type { Carriage, ContentKinds } from './content-kinds.ts';
import { ContentReader, type Carried, type RefusalReason, type Sighting } from './content-reader.ts';
import type { CapabilityProfile } from './profile.ts';
import { bounce, fallback } from './refusal.ts';

/** Content that a client of the profile cannot receive. */
interface Refusal {
  readonly kind: string;
  readonly reason: RefusalReason;
}

/** The judgement on a stanza.
 *
 *  - `pass`: nothing visible is refused. `shown` names the visible kinds; empty for none.
 *  - `bounce`: do not deliver; `reply` goes to the sender (RFC 6120 §8.3).
 *  - `drop`: do not deliver.
 *  - `fallback`: deliver with these edits. */
export type FilterVerdict =
  | { readonly kind: 'pass'; readonly shown: readonly string[] }
  | { readonly kind: 'bounce'; readonly refusals: readonly Refusal[]; readonly reply: Uint8Array }
  | { readonly kind: 'drop'; readonly refusals: readonly Refusal[] }
  | { readonly kind: 'fallback'; readonly refusals: readonly Refusal[]; readonly edits: readonly Edit[] };

/** Returns the kinds that a profile refuses although an encrypted message shows them `never`, or only `sometimes`.
 *  The check of a profile warns of them. */
export function unfilteredKinds(
  profile: CapabilityProfile,
  table: ContentKinds,
): { readonly kind: string; readonly fromOutside: 'never' | 'sometimes' }[] {
  return [...table.kinds.values()].flatMap(({ name, fromOutside }) =>
    fromOutside === 'always' || profile.receives.has(name) ? [] : [{ kind: name, fromOutside }],
  );
}

/** Refused content of one message in a stanza. */
interface Refused {
  /** Tape index of the message. */
  readonly message: number;
  /** How the message is carried; undefined for the stanza itself. */
  readonly carriage: Carriage | undefined;
  /** Whether the stanza is there for this message alone: the stanza itself, or a copy, but not a message inside the
   *  copy. */
  readonly isSubject: boolean;
  readonly sightings: readonly Sighting[];
}

export class ContentFilter {
  readonly #reader: ContentReader;

  /** @param names must have `contentVocabulary(table)`
   *  @throws RangeError if they do not */
  constructor(table: ContentKinds, names: Names) {
    this.#reader = new ContentReader(table, names);
  }

  /** Judges a stanza on its way to a client of `profile`, with the messages that it carries. Presence, results and
   *  errors always pass: an error is never answered with an error (RFC 6120 §8.3.1), and a result is what the client
   *  asked for. */
  judge(stanza: Stanza, profile: CapabilityProfile): FilterVerdict {
    const type = stanza.attributeValue(0, 'type');
    const { kind } = stanza;
    if (kind === 'message' ? type === 'error' : kind !== 'iq' || type !== 'set') return pass;
    const { sightings, carried } = this.#reader.read(stanza, 0, profile, type ?? 'normal');
    if (sightings.length === 0 && carried.length === 0) return pass;
    const shown = [...sightings];
    const refused = refusedOf({ message: 0, carriage: undefined, isSubject: true }, sightings);
    this.#judgeCarried(stanza, profile, carried, shown, refused);
    if (refused.length > 0) return this.#refuse(stanza, profile, type, refused);
    return shown.length === 0 ? pass : { kind: 'pass', shown: namesOf(shown) };
  }

  /** Judges carried messages from the outside in. The carriage of a message applies to all that it carries in turn. */
  #judgeCarried(
    stanza: Stanza,
    profile: CapabilityProfile,
    outermost: readonly Carried[],
    shown: Sighting[],
    refused: Refused[],
  ): void {
    const open = outermost.map((each) => ({ ...each, isSubject: each.carriage === 'carbon' }));
    for (const place of open) {
      const { message, carriage } = place;
      if (stanza.attributeValue(message, 'type') === 'error') continue;
      const { sightings, carried } = this.#reader.read(stanza, message, profile, undefined);
      shown.push(...sightings);
      refused.push(...refusedOf(place, sightings));
      open.push(...carried.map((inner) => ({ message: inner.message, carriage, isSubject: false })));
    }
  }

  /** Chooses the form of a refusal. A signal needs no error, and an error to a room would remove the client from it
   *  (XEP-0045 §18.1.2), so in both cases the content is removed from the stanza. So is content of a copy: its
   *  sender was answered where the message was delivered. */
  #refuse(
    stanza: Stanza,
    profile: CapabilityProfile,
    type: string | undefined,
    refused: readonly Refused[],
  ): FilterVerdict {
    const refusals = refusalsOf(refused);
    const wanted = profile.onUnsupportedContent;
    // A refused call is owed an answer (RFC 6120 §8.2.3), whatever the profile prefers.
    if (stanza.kind === 'iq') return { kind: 'bounce', refusals, reply: bounce(stanza, refusals) };
    const loud = refused.filter(({ sightings }) => sightings.some(({ kind }) => !kind.signal));
    const sent = loud.filter(({ carriage }) => carriage === undefined || carriage === 'forwarded');
    if (wanted === 'bounce' && type !== 'groupchat' && sent.length > 0)
      return { kind: 'bounce', refusals, reply: bounce(stanza, refusalsOf(sent)) };
    if (wanted === 'drop' && loud.some(({ carriage }) => carriage !== 'archived'))
      return { kind: 'drop', refusals };
    return this.#fallback(stanza, refused, refusals);
  }

  /** Removes refused content. An archive result stays even when it is empty: the client counts results (XEP-0313
   *  §4.2). */
  #fallback(stanza: Stanza, refused: readonly Refused[], refusals: readonly Refusal[]): FilterVerdict {
    const edits: Edit[] = [];
    for (const { message, isSubject, sightings } of refused) {
      if (sightings.some(({ child }) => child === -1)) return { kind: 'drop', refusals };
      const left = fallback(stanza, message, this.#reader.bodyOf(stanza, message), sightings);
      if (isSubject && !left.isReadable) return { kind: 'drop', refusals };
      edits.push(...left.edits);
    }
    return { kind: 'fallback', refusals, edits: edits.toSorted((a, b) => a.start - b.start) };
  }
}

const pass: FilterVerdict = { kind: 'pass', shown: [] };

function refusedOf(where: Omit<Refused, 'sightings'>, sightings: readonly Sighting[]): Refused[] {
  const refused = sightings.filter(({ refusal }) => refusal !== undefined);
  return refused.length === 0 ? [] : [{ ...where, sightings: refused }];
}

/** Returns each kind and reason once, in order. */
function refusalsOf(refused: readonly Refused[]): readonly Refusal[] {
  const entries = refused.flatMap(({ sightings }) => sightings.map(refusalEntry));
  return [...new Map(entries).values()];
}

function refusalEntry({ kind, refusal }: Sighting): [string, Refusal] {
  return [`${kind.name} ${refusal!}`, { kind: kind.name, reason: refusal! }];
}

function namesOf(sightings: readonly Sighting[]): string[] {
  return [...new Set(sightings.map(({ kind }) => kind.name))];
}
