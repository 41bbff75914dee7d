/** One session's advertisement towards the gatekeeper: when a presence may go out, with which `<c/>`, and the
 * answer to questions. A state machine without clock, timers or sockets: a stage feeds it what happens and carries out
 *  the actions it answers with.
 *
 *      bound ──▶ (ask the client, unless its profile makes every client alike)
 *      presence ─▶ release at once │ hold and ask ─▶ answer or deadline ─▶ release
 *      reload ───▶ … jitter … ──▶ advertise anew
 *
 *  The client never answers a query from outside, and none of its own nodes is ever known outside. */
import type { Answer } from './claim.ts';
import { noClaim, sameClaim, type CapabilityCache, type CapabilityClaim } from './capability-cache.ts';
import type { ContentKinds } from './content-kinds.ts';
import type { DiscoInfo } from './disco-info.ts';
import { capabilityHashNode, legacyCapsNode } from './entity-capabilities.ts';
import type { CapabilityProfile } from './profile.ts';
import type { ProfileSet, SessionFacts } from './profile-set.ts';
import { advertise, discoAnswer, rewriteInfo, type Advertisement, type Baselines } from './rewrite.ts';

/** Bounds of one session. */
export interface AdvertisementLimits {
  /** How long a presence waits for the client's answer, in milliseconds. */
  readonly holdMs: number;
  /** Presences that wait at once; one more releases them all with what is known. */
  readonly heldMax: number;
  /** Questions to the client whose answers have not come. Then no more are asked. */
  readonly asksMax: number;
  /** Advertisements that can still be asked for, the current one included. XEP-0390 §7.1 wants three. */
  readonly setsMax: number;
  /** A changed policy is advertised after a random part of this, in milliseconds. */
  readonly readvertiseJitterMs: number;
}

export const defaultAdvertisementLimits: AdvertisementLimits = {
  holdMs: 3_000,
  heldMax: 16,
  asksMax: 4,
  setsMax: 8,
  readvertiseJitterMs: 30_000,
};

/** What the provider has written: replaced as a whole on reload. */
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
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Ids for our own iqs to the client: never guessable, never one of the gatekeeper's. */
  readonly newId: () => string;
  readonly limits?: AdvertisementLimits;
}

/** What the stage does next, in order. `P` is the stage's own handle of a presence.
 *
 *  - `release`: forward the presence; `elements` replace every `<c/>` in it.
 *  - `hold`: keep it until a `release` names it.
 *  - `ask`: send the client a disco#info get with this id, and swallow the answer.
 *  - `advertise`: send the last broadcast presence again, with these elements. */
export type AdvertisementAction<P> =
  | { readonly kind: 'release'; readonly presence: P; readonly elements: string }
  | { readonly kind: 'hold'; readonly presence: P }
  | { readonly kind: 'ask'; readonly id: string; readonly node?: string }
  | { readonly kind: 'advertise'; readonly presence: P; readonly elements: string };

/** An available presence of the client, or whatever else carries its capabilities (XEP-0390 §6.6). */
export interface CarrierPresence<P> {
  readonly presence: P;
  readonly claim: CapabilityClaim;
  /** Only a broadcast is repeated when the advertisement changes. */
  readonly scope: 'broadcast' | 'directed';
}

/** The answer to a question: the `<query/>` of a result, or that there is no such node. */
export type QueryAnswer =
  { readonly kind: 'result'; readonly query: string } | { readonly kind: 'item-not-found' };

/** What the client has let us know of itself, by its last claim. */
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
  /** What the client's last `<c/>` said. */
  #claim: CapabilityClaim = noClaim;
  #known: Knowledge | undefined;
  /** The last answer, for claims that come after it. */
  #answer: Answer | undefined;
  /** Questions under way, by id, oldest first. */
  readonly #asked = new Map<string, CapabilityClaim>();
  /** A claim that was asked about in vain: asked once, not at every presence. */
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

  /** The profile in force. */
  get profile(): CapabilityProfile {
    return this.#profile;
  }

  /** When `tick` wants to be called, in the caller's milliseconds; undefined when nothing waits. */
  get deadline(): number | undefined {
    if (this.#holdUntil === undefined || this.#readvertiseAt === undefined)
      return this.#holdUntil ?? this.#readvertiseAt;
    return Math.min(this.#holdUntil, this.#readvertiseAt);
  }

  /** The client has bound its resource. Asking now spares most presences the wait. */
  bound(): AdvertisementAction<P>[] {
    return this.#needsClient() ? this.#ask() : [];
  }

  /** The client sends an available presence. */
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

  /** The client is gone from sight: nothing is repeated on its behalf until it comes back. */
  unavailable(): void {
    this.#lastBroadcast = undefined;
  }

  /** Whether an iq from the client answers one of our own questions, and so must not go on. */
  owns(id: string): boolean {
    return this.#asked.has(id);
  }

  /** The client answers the question with this id. A late answer still counts: it is advertised anew. */
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

  /** What a claim stands for when it is one of this session's own advertisements, its client's or that of another
   *  client of its cohort: found without a question. */
  find({ caps, hashSet }: CapabilityClaim): DiscoInfo | undefined {
    const claimed = hashSet.length > 0 ? hashSet.map(capabilityHashNode) : caps && [legacyCapsNode(caps)];
    return this.#sets.find(({ nodes }) => claimed?.some((node) => nodes.includes(node)))?.info;
  }

  /** A contact or server asks the client for its disco#info. Every asker gets the same answer, at any time. */
  query(node?: string): QueryAnswer {
    const asked = node ?? '';
    const set = asked === '' ? this.#sets[0] : this.#sets.find(({ nodes }) => nodes.includes(asked));
    if (set === undefined) return { kind: 'item-not-found' };
    return { kind: 'result', query: discoAnswer(set, asked) };
  }

  /** Time has passed. */
  tick(now: number): AdvertisementAction<P>[] {
    const actions: AdvertisementAction<P>[] = [];
    if (this.#holdUntil !== undefined && now >= this.#holdUntil) actions.push(...this.#giveUp());
    if (this.#readvertiseAt !== undefined && now >= this.#readvertiseAt) actions.push(...this.#readvertise());
    return actions;
  }

  /** The provider has written new profiles. What has been broadcast changes after a random delay, so that a change for
   *  ten thousand clients is not one moment on the wire. */
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

  /** A cohort's advertisement is the same whatever the client says; then the client need not be asked. */
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

  /** What the client says now may be known already, from other sessions or from its answer to `bound`. */
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

  /** What was known before stays in force: an earlier version of the client, or the profile's baseline. */
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

  /** Computes the advertisement anew. Answers whether it changed. */
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

/** The node to ask the client by, so that an answer for another version is not taken for this one. */
function nodeOf({ caps, hashSet }: CapabilityClaim): string | undefined {
  if (caps?.hash !== undefined) return legacyCapsNode(caps);
  const [hash] = hashSet;
  return hash === undefined ? undefined : capabilityHashNode(hash);
}

/** The type of the client identity, or of the first of any category; '' for none. */
function identityTypeOf({ identities }: DiscoInfo): string {
  return (identities.find(({ category }) => category === 'client') ?? identities[0])?.type ?? '';
}
