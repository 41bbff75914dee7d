/** State shared by the capability stages of all sessions: the policy in force, the cache of verified capabilities,
 *  and the sessions that get a new policy. */
import type { AdvertisementLimits, CapabilityPolicy } from '../../capabilities/advertisements.ts';
import type { CapabilityCache } from '../../capabilities/capability-cache.ts';
import { Baselines } from '../../capabilities/rewrite.ts';
import { ContentFilter } from '../../capabilities/content-filter.ts';
import type { CapabilityProfile } from '../../capabilities/profile.ts';
import type { Names } from '../../stanza/names.ts';
import type { CapabilityObserver } from '../observer.ts';
import type { SessionFacts } from '../facts.ts';

export interface CapabilitySessionsOptions {
  readonly policy: CapabilityPolicy;
  readonly cache: CapabilityCache;
  /** Has every name of the `contentVocabulary` of each policy in use. */
  readonly names: Names;
  readonly limits: AdvertisementLimits;
  /** Returns a number in [0, 1), uniformly distributed. */
  readonly random: () => number;
  /** Returns an unguessable id for an iq of the proxy's own. */
  readonly newId: () => string;
  readonly observer: CapabilityObserver;
}

/** The part of a session that the shared state uses. */
interface Member {
  readonly profile: CapabilityProfile;
  reload(policy: CapabilityPolicy): void;
}

export class CapabilitySessions {
  readonly options: CapabilitySessionsOptions;
  #policy: CapabilityPolicy;
  #filter: ContentFilter;
  readonly baselines = new Baselines();
  readonly #members = new Map<SessionFacts, Member>();

  /** @throws RangeError when the vocabulary lacks a name of the content-kind table. */
  constructor(options: CapabilitySessionsOptions) {
    this.options = options;
    this.#policy = options.policy;
    this.#filter = new ContentFilter(options.policy.table, options.names);
  }

  get policy(): CapabilityPolicy {
    return this.#policy;
  }

  get filter(): ContentFilter {
    return this.#filter;
  }

  /** Returns the profile of a session, undefined until it is chosen. */
  profileOf(context: SessionFacts): CapabilityProfile | undefined {
    return this.#members.get(context)?.profile;
  }

  /** How many sessions with a gatekeeper each profile has; every profile is there. */
  countsAt(gatekeeper: string): ReadonlyMap<string, number> {
    const counts = new Map(this.#policy.profiles.names.map((name) => [name, 0]));
    for (const [context, { profile }] of this.#members)
      if (context.gatekeeper === gatekeeper) counts.set(profile.name, (counts.get(profile.name) ?? 0) + 1);
    return counts;
  }

  join(context: SessionFacts, member: Member): void {
    this.#members.set(context, member);
  }

  leave(context: SessionFacts): void {
    this.#members.delete(context);
  }

  /** Puts a new policy in force. Every session advertises it, each after its own jitter.
   *  @throws RangeError when the table has a name that the vocabulary lacks; the old policy stays in force */
  replace(policy: CapabilityPolicy): void {
    this.#filter = new ContentFilter(policy.table, this.options.names);
    this.#policy = policy;
    for (const member of this.#members.values()) member.reload(policy);
  }
}
