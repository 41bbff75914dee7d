/** Chooses the profile of a session among those a provider has written. */
import type { OwnershipClaims } from '../stanza/ownership-claims.ts';
import type { CapabilityProfile, ProfileMatch } from './profile.ts';

/** Facts of a session that conditions use. `identityType` is undefined until the client was asked, '' when it has
 *  none. */
export interface SessionFacts {
  readonly listener: string;
  readonly domain: string;
  /** Claims of its ownership token; none where the proxy has not verified one. */
  readonly claims: OwnershipClaims;
  readonly identityType?: string;
}

/** `provisional`: the client's identity, once known, may select another profile. */
export interface Selection {
  readonly profile: CapabilityProfile;
  readonly provisional: boolean;
}

export type ProfileSetReading =
  | { readonly kind: 'profiles'; readonly profiles: ProfileSet }
  | {
      readonly kind: 'invalid';
      readonly code: 'ERR_PROFILE_NAME' | 'ERR_PROFILE_DEFAULT';
      readonly names: string[];
    };

/** Makes a set of profiles: names are unique, and exactly one profile has no `match`. */
export function createProfileSet(profiles: readonly CapabilityProfile[]): ProfileSetReading {
  const names = profiles.map(({ name }) => name);
  const repeated = names.filter((name, index) => names.indexOf(name) !== index);
  if (repeated.length > 0) return { kind: 'invalid', code: 'ERR_PROFILE_NAME', names: repeated };
  const defaults = profiles.filter(({ match }) => match === undefined);
  const [fallback] = defaults;
  if (fallback === undefined || defaults.length > 1)
    return { kind: 'invalid', code: 'ERR_PROFILE_DEFAULT', names: defaults.map(({ name }) => name) };
  return { kind: 'profiles', profiles: new ProfileSet(profiles, fallback) };
}

/** An immutable set of profiles. */
export class ProfileSet {
  readonly fallback: CapabilityProfile;
  readonly #particularFirst: readonly CapabilityProfile[];

  constructor(profiles: readonly CapabilityProfile[], fallback: CapabilityProfile) {
    this.fallback = fallback;
    this.#particularFirst = profiles
      .filter(({ match }) => match !== undefined)
      .toSorted((a, b) => conditions(b.match!) - conditions(a.match!) || (a.name < b.name ? -1 : 1));
  }

  get names(): readonly string[] {
    return [...this.#particularFirst, this.fallback].map(({ name }) => name);
  }

  /** Returns the profile with the most conditions that all hold; of equals the first by name; else the default. */
  select(facts: SessionFacts): Selection {
    let provisional = false;
    for (const profile of this.#particularFirst) {
      const answer = matches(profile.match!, facts);
      if (answer === 'yes') return { profile, provisional };
      provisional ||= answer === 'unknown';
    }
    return { profile: this.fallback, provisional };
  }
}

function conditions({ identityType, listener, domain, claims }: ProfileMatch): number {
  return [identityType, listener, domain].filter((value) => value !== undefined).length + claims.size;
}

function matches(match: ProfileMatch, facts: SessionFacts): 'yes' | 'no' | 'unknown' {
  if (match.listener !== undefined && match.listener !== facts.listener) return 'no';
  if (match.domain !== undefined && match.domain !== facts.domain) return 'no';
  for (const [name, value] of match.claims) if (facts.claims.get(name)?.reveal() !== value) return 'no';
  if (match.identityType === undefined) return 'yes';
  if (facts.identityType === undefined) return 'unknown';
  return match.identityType === facts.identityType ? 'yes' : 'no';
}
