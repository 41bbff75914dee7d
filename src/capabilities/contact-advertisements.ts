/** The opposite direction: the advertisements of contacts and of the gatekeeper, on their way to one client. Their
 *  hashes cover features that the client must not see, so they are replaced by hashes of what remains, and the
 *  session answers the queries that follow. Unknown hashes are queried once, in place of the client. Until the
 *  answer comes a presence has no `<c/>`, which receivers must expect (XEP-0115 §8.4). */
import { LRUCache } from 'lru-cache';
import { charactersOf, noClaim, type CapabilityCache, type CapabilityClaim } from './capability-cache.ts';
import type { Answer } from './claim.ts';
import type { ContentKinds } from './content-kinds.ts';
import type { HiddenInfo } from './disco-edits.ts';
import { writeDiscoInfo, type DiscoInfo } from './disco-info.ts';
import {
  capabilityHash,
  capabilityHashNode,
  legacyCapsNode,
  supportsHash,
  verificationHash,
  verifyCapabilityHash,
  verifyLegacyCaps,
  writeHashSet,
  writeLegacyCaps,
  type CapabilityHash,
} from './entity-capabilities.ts';
import type { CapabilityProfile } from './profile.ts';
import { filterContactInfo, hiddenFromClient } from './rewrite.ts';

/** Limits of one session. */
export interface ContactLimits {
  /** Open questions to contacts. Above it, a presence stays without `<c/>`. */
  readonly asksMax: number;
  /** Presences that wait for one answer, to be sent again with their `<c/>`. */
  readonly waitingMax: number;
  /** Milliseconds to wait for an answer. */
  readonly askMs: number;
  /** Bytes of the largest presence that waits. A larger one is sent once, without its `<c/>`. */
  readonly presenceBytesMax: number;
  /** Nodes that the client can query; the least recently used is forgotten first. */
  readonly nodesMax: number;
  /** Characters of all their results together; a shorter one counts for `nodeCharactersMax / nodesMax`. */
  readonly nodeCharactersMax: number;
}

export const defaultContactLimits: ContactLimits = {
  asksMax: 64,
  waitingMax: 8,
  askMs: 30_000,
  presenceBytesMax: 8_192,
  nodesMax: 2_048,
  nodeCharactersMax: 16_777_216,
};

export interface ContactContext {
  readonly table: () => ContentKinds;
  readonly profile: () => CapabilityProfile;
  /** Returns the session's own disco#info for a claim, if it advertises one. */
  readonly own: (claim: CapabilityClaim) => DiscoInfo | undefined;
  /** Shared by all sessions. */
  readonly cache: CapabilityCache;
  readonly newId: () => string;
  readonly limits?: ContactLimits;
}

/** A contact's presence, by the stage's own handle, with its sender. */
export interface ContactPresence<P> {
  readonly presence: P;
  /** The sender's JID, as in `from`. */
  readonly from: string;
  readonly claim: CapabilityClaim;
}

/** What the stage does with a contact's presence.
 *
 *  - `pass`: forward it unchanged.
 *  - `replace`: these elements replace every `<c/>` in it; '' for none.
 *  - `ask`: in addition to `replace`, send `to` a disco#info get for `node` with this id, and drop the answer. */
export type ContactVerdict =
  | { readonly kind: 'pass' }
  | {
      readonly kind: 'replace';
      readonly elements: string;
      readonly ask?: { readonly id: string; readonly to: string; readonly node: string };
    };

/** A presence to send again, now with its capabilities. */
export interface Redelivery<P> {
  readonly presence: P;
  readonly elements: string;
}

interface Question<P> {
  readonly to: string;
  readonly claim: CapabilityClaim;
  readonly until: number;
  readonly waiting: ContactPresence<P>[];
}

export class ContactAdvertisements<P> {
  readonly #context: ContactContext;
  readonly #limits: ContactLimits;
  /** Open questions by id, oldest first. */
  readonly #questions = new Map<string, Question<P>>();
  /** Results that the client may query, by JID and node. Undefined before the first: many sessions have none. */
  #nodes: LRUCache<string, Shown> | undefined;
  /** The filtered form of a result, cached: hundreds of contacts have the same one, and repeat it. */
  #shown = new WeakMap<DiscoInfo, Shown>();
  #shownUnder: readonly unknown[] = [];

  constructor(context: ContactContext) {
    this.#context = context;
    this.#limits = context.limits ?? defaultContactLimits;
  }

  /** Handles a contact's presence, or a stream feature, on its way to the client. */
  presence(now: number, given: ContactPresence<P>): ContactVerdict {
    const { claim, from } = given;
    if (this.#context.profile().contacts === 'pass') return { kind: 'pass' };
    const node = askableNode(claim);
    if (node === undefined) return isClaim(claim) ? { kind: 'replace', elements: '' } : { kind: 'pass' };
    const elements = this.known(from, claim);
    if (elements !== undefined) return { kind: 'replace', elements };
    const ask = this.#ask(now, given, node);
    return { kind: 'replace', elements: '', ...(ask === undefined ? {} : { ask }) };
  }

  /** Handles a newer presence of a sender: an earlier one that waits for an answer must not be sent again.
   *  @param successor waits in its place, when it changes nothing about capabilities (XEP-0115 §8.4); undefined when it
   *  changes or ends them
   *  @returns whether the successor waits */
  superseded(from: string, successor?: P): boolean {
    let waits = false;
    for (const { waiting } of this.#questions.values()) {
      const index = waiting.findIndex((earlier) => earlier.from === from);
      if (index === -1) continue;
      const [earlier] = waiting.splice(index, 1);
      if (successor === undefined) continue;
      waiting.push({ ...earlier!, presence: successor });
      waits = true;
    }
    return waits;
  }

  /** Returns the elements for a claim that needs no question; undefined for others. */
  known(from: string, claim: CapabilityClaim): string | undefined {
    const info = this.#context.own(claim) ?? this.#context.cache.find(claim);
    return info === undefined ? undefined : this.#elements(from, claim, info);
  }

  /** Returns whether an iq to the client answers a question of the proxy. Its sender must be the one who was asked. */
  owns(id: string, from: string): boolean {
    return this.#questions.get(id)?.to === from;
  }

  /** Handles a contact's answer.
   *  @returns the presences to send again. A claim that does not verify stays unadvertised: the client would refuse
   *  it too */
  answered(id: string, from: string, answer: Answer): Redelivery<P>[] {
    const question = this.#questions.get(id);
    if (question === undefined || question.to !== from) return [];
    this.#questions.delete(id);
    if (answer.kind === 'refused') return [];
    const { claim } = question;
    const { info } = this.#context.cache.admit(claim, answer.readings);
    const holds = answer.readings.some(
      (reading) => reading.info === info && provesClaim(claim, reading.info),
    );
    if (!holds) return [];
    return question.waiting.map(({ presence, from: sender }) => ({
      presence,
      elements: this.#elements(sender, claim, info),
    }));
  }

  /** Answers the client's query for a node that the proxy has generated.
   *  @returns the `<query/>`; undefined for other queries, which go on, and whose answers lose what is `hidden` */
  query(to: string, node: string): string | undefined {
    const shown = this.#nodes?.get(nodeKey(to, node));
    return shown === undefined ? undefined : writeDiscoInfo(shown.info, node);
  }

  /** What is removed from a contact's answer to the client. */
  get hidden(): HiddenInfo {
    return hiddenFromClient(this.#context.profile(), this.#context.table());
  }

  #remember(key: string, shown: Shown): void {
    const { nodesMax, nodeCharactersMax } = this.#limits;
    // With the option `max` the cache would allocate room for all nodes at once, in every session. Each node counts for its
    // share at least, so that `maxSize` bounds their number too.
    const share = Math.max(1, Math.floor(nodeCharactersMax / nodesMax));
    this.#nodes ??= new LRUCache({
      maxSize: Math.min(nodeCharactersMax, share * nodesMax),
      sizeCalculation: ({ characters }) => Math.max(characters, share),
    });
    this.#nodes.set(key, shown);
  }

  #show(info: DiscoInfo): Shown {
    const under = [this.#context.profile(), this.#context.table()];
    if (under.some((each, index) => each !== this.#shownUnder[index])) {
      this.#shown = new WeakMap();
      this.#shownUnder = under;
    }
    let shown = this.#shown.get(info);
    if (shown === undefined) {
      const filtered = filterContactInfo(info, this.#context.profile(), this.#context.table());
      this.#shown.set(info, (shown = new Shown(filtered)));
    }
    return shown;
  }

  /** Forgets questions that were not answered in time. */
  tick(now: number): void {
    for (const [id, { until }] of this.#questions) if (now >= until) this.#questions.delete(id);
  }

  /** The time of the next `tick`; undefined when no question is open. */
  get deadline(): number | undefined {
    const [first] = this.#questions.values();
    return first?.until;
  }

  #ask(
    now: number,
    given: ContactPresence<P>,
    node: string,
  ): { id: string; to: string; node: string } | undefined {
    const same = [...this.#questions.values()].find(({ claim }) => askableNode(claim) === node);
    if (same !== undefined) {
      if (same.waiting.length < this.#limits.waitingMax) same.waiting.push(given);
      return undefined;
    }
    if (this.#questions.size >= this.#limits.asksMax) return undefined;
    const id = this.#context.newId();
    const { from, claim } = given;
    this.#questions.set(id, { to: from, claim, until: now + this.#limits.askMs, waiting: [given] });
    return { id, to: from, node };
  }

  /** Returns elements that verify against the filtered result, and stores the nodes that the client will query. They
   *  use the contact's own hash functions where these are supported. */
  #elements(from: string, { caps, hashSet }: CapabilityClaim, info: DiscoInfo): string {
    const shown = this.#show(info);
    const elements: string[] = [];
    if (caps?.hash !== undefined && supportsHash(caps.hash)) {
      const rewritten = { ...caps, ver: shown.verificationHash(caps.hash) };
      elements.push(writeLegacyCaps(rewritten));
      this.#remember(nodeKey(from, legacyCapsNode(rewritten)), shown);
    }
    const hashes = hashSet
      .filter(({ algorithm }) => supportsHash(algorithm))
      .map(({ algorithm }) => shown.capabilityHash(algorithm));
    for (const hash of hashes) this.#remember(nodeKey(from, capabilityHashNode(hash)), shown);
    if (hashes.length > 0) elements.push(writeHashSet(hashes));
    return elements.join('');
  }
}

/** A filtered result with its hashes, each computed once. */
class Shown {
  readonly info: DiscoInfo;
  readonly characters: number;
  readonly #verificationHashes = new Map<string, string>();
  readonly #capabilityHashes = new Map<string, CapabilityHash>();

  constructor(info: DiscoInfo) {
    this.info = info;
    this.characters = charactersOf(info);
  }

  verificationHash(algorithm: string): string {
    let hash = this.#verificationHashes.get(algorithm);
    if (hash === undefined)
      this.#verificationHashes.set(algorithm, (hash = verificationHash(this.info, algorithm)));
    return hash;
  }

  capabilityHash(algorithm: string): CapabilityHash {
    let hash = this.#capabilityHashes.get(algorithm);
    if (hash === undefined)
      this.#capabilityHashes.set(algorithm, (hash = capabilityHash(this.info, algorithm)));
    return hash;
  }
}

function isClaim({ caps, hashSet }: CapabilityClaim): boolean {
  return caps !== undefined || hashSet.length > 0;
}

/** Returns the node by which a claim can be verified; undefined for the legacy format and for unknown hash
 *  functions. */
function askableNode({ caps, hashSet }: CapabilityClaim = noClaim): string | undefined {
  const hash = hashSet.find(({ algorithm }) => supportsHash(algorithm));
  if (hash !== undefined) return capabilityHashNode(hash);
  return caps?.hash !== undefined && supportsHash(caps.hash) ? legacyCapsNode(caps) : undefined;
}

function provesClaim({ caps, hashSet }: CapabilityClaim, info: DiscoInfo): boolean {
  const verdicts = hashSet.map((hash) => verifyCapabilityHash(info, hash));
  if (caps !== undefined) verdicts.push(verifyLegacyCaps(info, caps));
  return (
    !verdicts.includes('mismatch') &&
    verdicts.some((verdict) => verdict === 'verified' || verdict === 'matching')
  );
}

/** Returns the key of a pair. A JID has spaces only in its resource, and the node comes last, so no two pairs share
 *  a key. */
function nodeKey(jid: string, node: string): string {
  return JSON.stringify([jid, node]);
}
