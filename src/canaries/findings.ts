/** What was found where, and whether it may be there. */
import type { Canaries, Canary, Unsent } from './canary.ts';
import { keptOnPurpose } from './named.ts';
import type { PlaceName } from './places.ts';
import type { Search } from './search.ts';

/** Places of which the policy says who sees what. In every other one nothing may be. */
const parties: ReadonlySet<PlaceName> = new Set(['gatekeeper', 'client', 'provider']);

/** A canary was found at a place. */
export interface Sighting {
  readonly canary: Canary;
  /** Names of the forms, such as `plain`. */
  readonly forms: ReadonlySet<string>;
  /** The objects that keep it alive, in a heap; one path per string or buffer. */
  readonly keptBy: readonly (readonly string[])[];
}

/** The result of searching one place. */
export interface SearchedPlace {
  readonly place: PlaceName;
  readonly bytes: number;
  readonly sightings: ReadonlyMap<Canary, Sighting>;
}

/** A place that could not be searched. */
export interface SkippedPlace {
  readonly place: PlaceName;
  readonly reason: string;
}

/** Collects sightings at one place. */
export class PlaceSearch {
  readonly #place: PlaceName;
  readonly #canaries: readonly Canary[];
  readonly #search: Search;
  readonly #sightings = new Map<Canary, { canary: Canary; forms: Set<string>; keptBy: string[][] }>();
  #bytes = 0;

  constructor(place: PlaceName, canaries: readonly Canary[], search: Search) {
    this.#place = place;
    this.#canaries = canaries;
    this.#search = search;
  }

  /** Searches some bytes. A value that is divided between two calls is not found. */
  look(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    this.#search.each(bytes, ({ canary, form }) => this.note(canary, form));
  }

  /** Notes a sighting. @param index of the canary */
  note(index: number, form: string, keptBy?: readonly string[]): void {
    const canary = this.#canaries[index]!;
    const sighting = this.#sightings.get(canary) ?? { canary, forms: new Set(), keptBy: [] };
    sighting.forms.add(form);
    if (keptBy !== undefined) sighting.keptBy.push([...keptBy]);
    this.#sightings.set(canary, sighting);
  }

  count(bytes: number): void {
    this.#bytes += bytes;
  }

  done(): SearchedPlace {
    return { place: this.#place, bytes: this.#bytes, sightings: this.#sightings };
  }
}

export const verdictMeanings = {
  shown: 'visible, as the policy says',
  hidden: 'not there, as the policy says',
  absent: 'not there, though the policy would let it',
  sender: 'this party sent it',
  named: 'kept on purpose, see below',
  remains: 'in memory that was freed and not written to since',
  leak: 'a leak',
} as const;

export type Verdict = keyof typeof verdictMeanings;

const marks: Readonly<Record<Verdict, string>> = {
  shown: '+',
  hidden: '.',
  absent: 'o',
  sender: 's',
  named: 'n',
  remains: 'r',
  leak: 'LEAK',
};

/** Returns the mark of a verdict in a table. */
export function markOf(verdict: Verdict): string {
  return marks[verdict];
}

export interface JudgedCanary {
  readonly canary: Canary;
  /** What became of it on its way in. */
  readonly sending: string;
  readonly verdicts: Readonly<Partial<Record<PlaceName, Verdict>>>;
}

export interface CanaryReport {
  readonly places: readonly SearchedPlace[];
  readonly skipped: readonly SkippedPlace[];
  readonly unsent: readonly Unsent[];
  readonly canaries: readonly JudgedCanary[];
  readonly leaks: readonly { readonly place: PlaceName; readonly sighting: Sighting }[];
  /** Values that are kept on purpose. */
  readonly named: readonly {
    readonly place: PlaceName;
    readonly sighting: Sighting;
    readonly what: string;
    readonly until: string;
  }[];
}

export interface Judgement {
  readonly canaries: Canaries;
  readonly sending: ReadonlyMap<Canary, string>;
  readonly places: readonly SearchedPlace[];
  readonly skipped: readonly SkippedPlace[];
  /** Returns whether the policy lets the receiving audience have the value. */
  readonly isShown: (canary: Canary) => boolean;
}

/** Compares what was found with what may be found. */
export function judge({ canaries, sending, places, skipped, isShown }: Judgement): CanaryReport {
  const judged = canaries.sent.map((canary) => {
    const shown = isShown(canary);
    const verdicts = places.map(({ place, sightings }) => [
      place,
      verdictOf(place, canary, sightings.get(canary), shown),
    ]);
    return {
      canary,
      sending: sending.get(canary) ?? 'not sent',
      verdicts: Object.fromEntries(verdicts) as JudgedCanary['verdicts'],
    };
  });
  const leaks = places.flatMap(({ place, sightings }) =>
    judged.flatMap(({ canary, verdicts }) =>
      verdicts[place] === 'leak' ? [{ place, sighting: sightings.get(canary)! }] : [],
    ),
  );
  const named = places.flatMap(({ place, sightings }) =>
    [...sightings.values()].flatMap((sighting) => {
      const kept = keptOnPurpose(place, sighting.canary, sighting.keptBy);
      return kept === undefined ? [] : [{ place, sighting, what: kept.what, until: kept.until }];
    }),
  );
  return { places, skipped, unsent: canaries.unsent, canaries: judged, leaks, named };
}

function verdictOf(
  place: PlaceName,
  canary: Canary,
  sighting: Sighting | undefined,
  isShown: boolean,
): Verdict {
  const isThere = sighting !== undefined;
  if (!parties.has(place)) {
    if (!isThere) return 'hidden';
    if (place === 'memory') return 'remains';
    return keptOnPurpose(place, canary, sighting.keptBy) === undefined ? 'leak' : 'named';
  }
  if (place === senderOf(canary)) return 'sender';
  const mayBeThere = place === canary.audience && isShown;
  if (isThere) return mayBeThere ? 'shown' : 'leak';
  return mayBeThere ? 'absent' : 'hidden';
}

/** Returns the party that sends the canary. */
function senderOf({ direction }: Canary): PlaceName {
  return direction === 'to-gatekeeper' ? 'client' : 'gatekeeper';
}
