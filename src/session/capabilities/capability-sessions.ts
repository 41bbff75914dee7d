/** What the capability stages of all sessions share: the provider's policy in force, what has been verified, and which
 *  sessions are to hear of a new policy. */
import type { AdvertisementLimits, CapabilityPolicy } from '../../capabilities/advertisements.ts';
import type { CapabilityCache } from '../../capabilities/capability-cache.ts';
import { Baselines } from '../../capabilities/rewrite.ts';
import { ContentGate } from '../../capabilities/content-gate.ts';
import type { CapabilityProfile } from '../../capabilities/profile.ts';
import type { Names } from '../../stanza/names.ts';
import type { CapabilityObserver } from '../observer.ts';
import type { SessionFacts } from '../facts.ts';

export interface CapabilitySessionsOptions {
  readonly policy: CapabilityPolicy;
  readonly cache: CapabilityCache;
  /** Must hold `contentVocabulary` of every policy that comes. */
  readonly names: Names;
  readonly limits: AdvertisementLimits;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Ids for iqs of our own: never guessable. */
  readonly newId: () => string;
  readonly observer: CapabilityObserver;
}

/** A session as its fellows and the next policy see it. */
interface Member {
  readonly profile: CapabilityProfile;
  reload(policy: CapabilityPolicy): void;
}

export class CapabilitySessions {
  readonly options: CapabilitySessionsOptions;
  #policy: CapabilityPolicy;
  #gate: ContentGate;
  readonly baselines = new Baselines();
  readonly #members = new Map<SessionFacts, Member>();

  /** @throws RangeError when the vocabulary lacks a name of the content-kind table. */
  constructor(options: CapabilitySessionsOptions) {
    this.options = options;
    this.#policy = options.policy;
    this.#gate = new ContentGate(options.policy.table, options.names);
  }

  get policy(): CapabilityPolicy {
    return this.#policy;
  }

  get gate(): ContentGate {
    return this.#gate;
  }

  /** The profile of a session, undefined before it is known which one that is. */
  profileOf(context: SessionFacts): CapabilityProfile | undefined {
    return this.#members.get(context)?.profile;
  }

  join(context: SessionFacts, member: Member): void {
    this.#members.set(context, member);
  }

  leave(context: SessionFacts): void {
    this.#members.delete(context);
  }

  /** The provider has written something new. Every session advertises it, each after its own jitter.
   *  @throws RangeError when the table names what the vocabulary lacks; the old policy then stays. */
  replace(policy: CapabilityPolicy): void {
    this.#gate = new ContentGate(policy.table, this.options.names);
    this.#policy = policy;
    for (const member of this.#members.values()) member.reload(policy);
  }
}
