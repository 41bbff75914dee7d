/** The advertisement of one session towards the gatekeeper: when a presence is forwarded, with which `<c/>`, and the
 *  answers to questions. A state machine without clock, timers or sockets: a stage calls it with events, and carries
 *  out the actions that it returns.
 *
 *      bound ──▶ (ask the client, unless its profile makes every client alike)
 *      presence ─▶ release at once │ hold and ask ─▶ answer or deadline ─▶ release
 *      reload ───▶ … jitter … ──▶ advertise anew
 *
 *  The client never receives a question from others, and its own nodes are never visible to others. */
import type { Answer } from './claim.ts';
import { noClaim, sameClaim, type CapabilityCache, type CapabilityClaim } from './capability-cache.ts';
import type { ContentKinds } from './content-kinds.ts';
import type { DiscoInfo } from './disco-info.ts';
import { capabilityHashNode, legacyCapsNode } from './entity-capabilities.ts';
import type { CapabilityProfile } from './profile.ts';
import type { ProfileSet, SessionFacts } from './profile-set.ts';
import { advertise, discoAnswer, rewriteInfo, type Advertisement, type Baselines } from './rewrite.ts';

/** Limits of one session. */
export interface AdvertisementLimits {
  /** Milliseconds for which a presence waits for the client's answer. */
  readonly holdMs: number;
  /** Presences that wait at once. One more releases them all with what is verified. */
  readonly heldMax: number;
  /** Unanswered questions to the client. Above it, no more are asked. */
  readonly asksMax: number;
  /** Advertisements that can still be queried, the current one included. XEP-0390 §7.1 requires three. */
  readonly setsMax: number;
  /** Milliseconds, of which a random part passes before a changed policy is advertised. */
  readonly readvertiseJitterMs: number;
}

export const defaultAdvertisementLimits: AdvertisementLimits = {
  holdMs: 3_000,
  heldMax: 16,
  asksMax: 4,
  setsMax: 8,
  readvertiseJitterMs: 30_000,
};

/** The provider's profiles and table, replaced as a whole on reload. */
export interface CapabilityPolicy {
  readonly profiles: ProfileSet;
  readonly table: ContentKinds;
}

export interface AdvertisementContext {
  readonly policy: CapabilityPolicy;
  /** Shared by all sessions. */
  readonly cache: CapabilityCache;
  /** Shared by all sessions. */
  readonly baselines: Baselines;
  readonly facts: SessionFacts;
  /** Returns a number in [0, 1), uniformly distributed. */
  readonly random: () => number;
  /** Returns an unguessable id for an iq to the client, never one of the gatekeeper's. */
  readonly newId: () => string;
  readonly limits?: AdvertisementLimits;
}

/** The next actions of the stage, in order. `P` is the stage's own handle of a presence.
 *
 *  - `release`: forward the presence; `elements` replace every `<c/>` in it.
 *  - `hold`: keep it until a `release` names it.
 *  - `ask`: send the client a disco#info get with this id, and drop its answer.
 *  - `advertise`: send the last broadcast presence again, with these elements. */
export type AdvertisementAction<P> =
  | { readonly kind: 'release'; readonly presence: P; readonly elements: string }
  | { readonly kind: 'hold'; readonly presence: P }
  | { readonly kind: 'ask'; readonly id: string; readonly node?: string }
  | { readonly kind: 'advertise'; readonly presence: P; readonly elements: string };

/** An available presence of the client, or another stanza with its capabilities (XEP-0390 §6.6). */
export interface CarrierPresence<P> {
  readonly presence: P;
  readonly claim: CapabilityClaim;
  /** Only a broadcast is repeated when the advertisement changes. */
  readonly scope: 'broadcast' | 'directed';
}

/** The answer to a question: the `<query/>` of a result, or that there is no such node. */
export type QueryAnswer =
  { readonly kind: 'result'; readonly query: string } | { readonly kind: 'item-not-found' };

/** The client's capabilities by its last claim. */
interface Knowledge {
  readonly claim: CapabilityClaim;
  readonly info: DiscoInfo;
}

export class Advertisements<P> {
  readonly #context: AdvertisementContext;
  readonly #limits: AdvertisementLimits;
  #policy: CapabilityPolicy;
  #profile: CapabilityProfile;
  /** Newest first; never empty. */
  #sets: readonly [Advertisement, ...Advertisement[]];
  /** The client's last claim. */
  #claim: CapabilityClaim = noClaim;
  #known: Knowledge | undefined;
  /** The last answer, for later claims. */
  #answer: Answer | undefined;
  /** Open questions by id, oldest first. */
  readonly #asked = new Map<string, CapabilityClaim>();
  /** A claim whose question was not answered: it is asked once, not at every presence. */
  #unanswered: CapabilityClaim | undefined;
  #held: P[] = [];
  #holdUntil: number | undefined;
  #readvertiseAt: number | undefined;
  #lastBroadcast: { readonly presence: P } | undefined;

  constructor(context: AdvertisementContext) {
    this.#context = context;
    this.#limits = context.limits ?? defaultAdvertisementLimits;
    this.#policy = context.policy;
    const { profile } = this.#select();
    this.#profile = profile;
    this.#sets = [context.baselines.of(profile, this.#policy.table)];
  }

  /** Returns the profile in force. */
  get profile(): CapabilityProfile {
    return this.#profile;
  }

  /** The time of the next `tick`, in the caller's milliseconds; undefined when nothing waits. */
  get deadline(): number | undefined {
    if (this.#holdUntil === undefined || this.#readvertiseAt === undefined)
      return this.#holdUntil ?? this.#readvertiseAt;
    return Math.min(this.#holdUntil, this.#readvertiseAt);
  }

  /** Handles the binding of a resource. Asking now saves most presences the wait. */
  bound(): AdvertisementAction<P>[] {
    return this.#needsClient() ? this.#ask() : [];
  }

  /** Handles an available presence of the client. */
  presence(now: number, { presence, claim, scope }: CarrierPresence<P>): AdvertisementAction<P>[] {
    if (scope === 'broadcast') this.#lastBroadcast = { presence };
    // Absent capabilities mean unchanged ones (XEP-0115 §8.4).
    if (claim.caps !== undefined || claim.hashSet.length > 0) this.#takeClaim(claim);
    if (!this.#needsClient() || this.#isUnanswered())
      return [...this.#releaseHeld(), this.#release(presence)];
    const asks = this.#isAsking() ? [] : this.#ask();
    if (!this.#isAsking()) return [...this.#releaseHeld(), this.#release(presence)];
    return [...asks, ...this.#hold(now, presence)];
  }

  /** Handles an unavailable presence: nothing is repeated until the client is available again. */
  unavailable(): void {
    this.#lastBroadcast = undefined;
  }

  /** Returns whether an iq from the client answers a question of the proxy, and so must not be forwarded. */
  owns(id: string): boolean {
    return this.#asked.has(id);
  }

  /** Handles the client's answer to the question with this id. A late answer is advertised anew. */
  answered(now: number, id: string, answer: Answer): AdvertisementAction<P>[] {
    const claim = this.#asked.get(id);
    if (claim === undefined) return [];
    this.#asked.delete(id);
    if (!sameClaim(claim, this.#claim)) return [];
    if (answer.kind === 'refused') {
      this.#unanswered = claim;
      return this.#giveUp();
    }
    this.#answer = answer;
    this.#unanswered = undefined;
    this.#known = { claim, info: this.#context.cache.admit(claim, answer.readings).info };
    const late = this.#held.length === 0 && this.#lastBroadcast !== undefined;
    if (late) this.#schedule(now);
    else this.#apply();
    return this.#releaseHeld();
  }

  /** Returns the disco#info of a claim that is one of this session's advertisements: the client's, or that of
   *  another client of its cohort. No question is needed then. */
  find({ caps, hashSet }: CapabilityClaim): DiscoInfo | undefined {
    const claimed = hashSet.length > 0 ? hashSet.map(capabilityHashNode) : caps && [legacyCapsNode(caps)];
    return this.#sets.find(({ nodes }) => claimed?.some((node) => nodes.includes(node)))?.info;
  }

  /** Answers a disco#info request to the client. Every asker gets the same answer, at any time. */
  query(node?: string): QueryAnswer {
    const asked = node ?? '';
    const set = asked === '' ? this.#sets[0] : this.#sets.find(({ nodes }) => nodes.includes(asked));
    if (set === undefined) return { kind: 'item-not-found' };
    return { kind: 'result', query: discoAnswer(set, asked) };
  }

  /** Handles the passing of time. */
  tick(now: number): AdvertisementAction<P>[] {
    const actions: AdvertisementAction<P>[] = [];
    if (this.#holdUntil !== undefined && now >= this.#holdUntil) actions.push(...this.#giveUp());
    if (this.#readvertiseAt !== undefined && now >= this.#readvertiseAt) actions.push(...this.#readvertise());
    return actions;
  }

  /** Handles new profiles. What was broadcast changes after a random delay, so that a change for ten thousand
   *  clients is spread over time. */
  reload(now: number, policy: CapabilityPolicy): AdvertisementAction<P>[] {
    this.#policy = policy;
    if (this.#lastBroadcast === undefined && this.#held.length === 0) this.#apply();
    else this.#schedule(now);
    return this.#needsClient() && !this.#isUnanswered() && !this.#isAsking() ? this.#ask() : [];
  }

  #select() {
    return this.#policy.profiles.select(this.#facts());
  }

  #facts(): SessionFacts {
    if (this.#known === undefined) return this.#context.facts;
    return { ...this.#context.facts, identityType: identityTypeOf(this.#known.info) };
  }

  /** Returns whether the client's answer matters. A cohort's advertisement is the same without it. */
  #needsClient(): boolean {
    if (this.#known !== undefined && sameClaim(this.#known.claim, this.#claim)) return false;
    const { profile, provisional } = this.#select();
    return provisional || !profile.cohort;
  }

  #isUnanswered(): boolean {
    return this.#unanswered !== undefined && sameClaim(this.#unanswered, this.#claim);
  }

  #isAsking(): boolean {
    return [...this.#asked.values()].some((claim) => sameClaim(claim, this.#claim));
  }

  #ask(): AdvertisementAction<P>[] {
    if (this.#asked.size >= this.#limits.asksMax) return [];
    const id = this.#context.newId();
    this.#asked.set(id, this.#claim);
    const node = nodeOf(this.#claim);
    return [{ kind: 'ask', id, ...(node === undefined ? {} : { node }) }];
  }

  /** Takes a claim, whose disco#info may be cached from other sessions or from the answer to `bound`. */
  #takeClaim(claim: CapabilityClaim): void {
    if (sameClaim(claim, this.#claim)) return;
    this.#claim = claim;
    const info = this.#context.cache.find(claim) ?? this.#provenByAnswer(claim);
    if (info === undefined) return;
    this.#known = { claim, info };
    this.#apply();
  }

  #provenByAnswer(claim: CapabilityClaim): DiscoInfo | undefined {
    if (this.#answer?.kind !== 'answer') return undefined;
    const { kind, info } = this.#context.cache.admit(claim, this.#answer.readings);
    return kind === 'verified' ? info : undefined;
  }

  #hold(now: number, presence: P): AdvertisementAction<P>[] {
    this.#held.push(presence);
    this.#holdUntil ??= now + this.#limits.holdMs;
    return this.#held.length > this.#limits.heldMax ? this.#giveUp() : [{ kind: 'hold', presence }];
  }

  #schedule(now: number): void {
    const delay = Math.floor(this.#context.random() * this.#limits.readvertiseJitterMs);
    this.#readvertiseAt ??= now + delay;
  }

  /** Releases what waits without an answer. The earlier knowledge stays: an earlier version of the client, or the
   *  profile's baseline. */
  #giveUp(): AdvertisementAction<P>[] {
    this.#unanswered = this.#claim;
    return this.#releaseHeld();
  }

  #releaseHeld(): AdvertisementAction<P>[] {
    const held = this.#held;
    this.#held = [];
    this.#holdUntil = undefined;
    return held.map((presence) => this.#release(presence));
  }

  #release(presence: P): AdvertisementAction<P> {
    return { kind: 'release', presence, elements: this.#sets[0].elements };
  }

  #readvertise(): AdvertisementAction<P>[] {
    this.#readvertiseAt = undefined;
    if (!this.#apply() || this.#lastBroadcast === undefined || this.#held.length > 0) return [];
    return [{ kind: 'advertise', presence: this.#lastBroadcast.presence, elements: this.#sets[0].elements }];
  }

  /** Computes the advertisement anew.
   *  @returns whether it changed */
  #apply(): boolean {
    const { profile } = this.#select();
    const { table } = this.#policy;
    this.#profile = profile;
    const next =
      this.#known === undefined || profile.cohort
        ? this.#context.baselines.of(profile, table)
        : advertise(rewriteInfo(this.#known.info, profile, table).info, profile);
    if (next.elements === this.#sets[0].elements && next.content === this.#sets[0].content) return false;
    const older = this.#sets.filter(({ elements }) => elements !== next.elements);
    this.#sets = [next, ...older.slice(0, this.#limits.setsMax - 1)];
    return true;
  }
}

/** Returns the node to ask the client for, so that an answer for another version is not taken for this one. */
function nodeOf({ caps, hashSet }: CapabilityClaim): string | undefined {
  if (caps?.hash !== undefined) return legacyCapsNode(caps);
  const [hash] = hashSet;
  return hash === undefined ? undefined : capabilityHashNode(hash);
}

/** Returns the type of the client identity, or of the first of any category; '' for none. */
function identityTypeOf({ identities }: DiscoInfo): string {
  return (identities.find(({ category }) => category === 'client') ?? identities[0])?.type ?? '';
}
