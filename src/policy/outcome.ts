/** The outcome of one stanza while a policy is applied to it: edits and decisions so far, and in the end the
 *  disposition. */
import { answerTo } from '../minimisation/answer.ts';
import { delayOf } from '../minimisation/delay.ts';
import { isAnswer, isOwedAnswer, refusal, withheldAnswer } from '../minimisation/refuse.ts';
import { outermost, positionEdits, type ChangedRun } from '../minimisation/text-positions.ts';
import type { StanzaCondition } from '../minimisation/treatment.ts';
import type { Direction } from '../stanza/direction.ts';
import { removeText } from '../stanza/edits.ts';
import { ns } from '../stanza/namespaces.ts';
import type { Names } from '../stanza/names.ts';
import type { Stanza } from '../stanza/stanza.ts';
import {
  forward,
  type AwaitedAnswer,
  type Decision,
  type Disposition,
  type Edit,
  type EqualisedAnswer,
} from '../stanza/verdict.ts';
import type { CompiledPolicy } from './compile.ts';
import type { SessionView } from './session-view.ts';
import type { Effect, TableRule } from './table.ts';

/** The policy's answer about one stanza. Valid until the next stanza is decided. */
export interface Outcome {
  readonly verdict: Disposition;
  /** One decision per field and place, in document order. Decisions are prebuilt and hold no value. */
  readonly decisions: readonly Decision[];
  /** Bytes of the element, attribute or text that each decision is about, as received. */
  readonly sizes: readonly number[];
  /** Delay of the stanza in milliseconds. The caller keeps the order of stanzas. */
  readonly delayMs: number;
  /** Whether the stanza must leave in normal form. */
  readonly normalise: boolean;
  /** Sizes in bytes, ascending, to one of which the stanza is padded with white space. */
  readonly padTo: readonly number[] | undefined;
  /** Set for an answer whose time is equalised. */
  readonly answers: EqualisedAnswer | undefined;
  /** Ids of the answers that are awaited. */
  readonly awaits: readonly AwaitedAnswer[] | undefined;
}

/** The outcome of a stanza that no policy changes. */
export const untouched: Outcome = {
  verdict: forward,
  decisions: [],
  sizes: [],
  delayMs: 0,
  normalise: false,
  padTo: undefined,
  answers: undefined,
  awaits: undefined,
};

/** Most ids under which one stanza may be answered, without its own. Real stanzas have two. */
const awaitedMax = 8;

/** The result of deciding one element, text or attribute. */
export const elementResult = { kept: 0, removed: 1, rewritten: 2 } as const;
export type ElementResult = (typeof elementResult)[keyof typeof elementResult];

/** The outcome of the current stanza. One object per policy and direction, used again for each stanza. */
export class PendingOutcome {
  readonly policy: CompiledPolicy;
  stanza!: Stanza;
  /** The session that the stanza is of. */
  session!: SessionView;
  decisions: Decision[] = [];
  /** Bytes that each decision is about. */
  sizes: number[] = [];
  edits: Edit[] = [];
  /** Whether the outcome is settled: an answer or error is sent back in place of the stanza. */
  isSettled = false;
  /** Whether the whole stanza must be withheld. */
  isWithheld = false;
  changedRuns: ChangedRun[] = [];
  /** Whether only answers whose time is equalised remain of the stanza. */
  isOnlyAnswer = true;
  #answers: Omit<EqualisedAnswer, 'alone'> | undefined;
  #awaits: AwaitedAnswer[] | undefined;
  #delayMs = 0;
  #normalise = false;
  #padTo: readonly number[] | undefined;
  #refused: StanzaCondition | undefined;
  #answer: string | undefined;
  readonly #direction: Direction;
  readonly #random: () => number;
  readonly #client: number;
  readonly #chat: number;
  readonly #message: number;
  readonly #presence: number;
  readonly #iq: number;
  readonly #outcome = {
    verdict: forward,
    decisions: this.decisions as readonly Decision[],
    sizes: this.sizes as readonly number[],
    delayMs: 0,
    normalise: false,
    padTo: undefined as readonly number[] | undefined,
    answers: undefined as EqualisedAnswer | undefined,
    awaits: undefined as readonly AwaitedAnswer[] | undefined,
  };

  /** @param random returns a number in [0, 1), for delays */
  constructor(policy: CompiledPolicy, direction: Direction, names: Names, random: () => number) {
    this.policy = policy;
    this.#direction = direction;
    this.#random = random;
    this.#client = names.namespace(ns.client);
    this.#chat = names.namespace(ns.chat);
    this.#message = names.local('message');
    this.#presence = names.local('presence');
    this.#iq = names.local('iq');
  }

  begin(stanza: Stanza, session: SessionView): void {
    this.stanza = stanza;
    this.session = session;
    // Emptying the old array would cost more.
    this.decisions = [];
    this.sizes = [];
    if (this.edits.length > 0) this.edits = [];
    if (this.changedRuns.length > 0) this.changedRuns = [];
    this.isSettled = false;
    this.isWithheld = false;
    this.isOnlyAnswer = true;
    this.#answers = undefined;
    this.#awaits = undefined;
    this.#delayMs = 0;
    this.#normalise = false;
    this.#padTo = undefined;
    this.#refused = undefined;
    this.#answer = undefined;
  }

  /** Returns whether the element is a stanza, or a message, presence or iq inside one. Over the chat channel nothing is
   *  inside another: there `status` and `call` are also names of ordinary elements. */
  isStanza(element: number): boolean {
    const namespace = this.stanza.namespaceOf(element);
    if (namespace === this.#chat) return element === 0;
    if (namespace !== this.#client) return false;
    const local = this.stanza.localOf(element);
    return local === this.#message || local === this.#presence || local === this.#iq;
  }

  /** Returns whether the element is a message. */
  isMessage(element: number): boolean {
    const { stanza } = this;
    return stanza.namespaceOf(element) === this.#client && stanza.localOf(element) === this.#message;
  }

  /** Adds the decision of a rule that was applied.
   *  @param bytes of what it was applied to, as received */
  count({ decision }: TableRule, bytes: number): void {
    if (decision !== undefined) this.decide(decision, bytes);
  }

  /** Adds a decision.
   *  @param bytes of what it is about, as received */
  decide(decision: Decision, bytes: number): void {
    this.decisions.push(decision);
    this.sizes.push(bytes);
  }

  /** Removes the edits after the first `count`. */
  undoEdits(count: number): void {
    // Shortening the array would cost more.
    while (this.edits.length > count) this.edits.pop();
  }

  /** Removes a text of an element. Where an address in it was changed before, that edit is undone: of two edits that
   *  overlap, the wider would be applied.
   *  @param text tape index
   *  @param element the element that directly contains it */
  removeText(text: number, element: number): void {
    if (this.changedRuns.length > 0) {
      const undone = this.changedRuns.filter((run) => run.element === element).map(({ edit }) => edit);
      this.changedRuns = this.changedRuns.filter((run) => run.element !== element);
      this.edits = this.edits.filter((edit) => !undone.includes(edit));
    }
    this.edits.push(removeText(this.stanza, text));
  }

  /** Applies the treatment of an unlisted element or attribute.
   *  @param namespace id on the tape
   *  @param parent the element that it is in or on
   *  @param bytes of it, as received */
  decideUnlisted(namespace: number, parent: number, bytes: number): ElementResult {
    const { policy } = this;
    this.decide(policy.unlistedDecision(namespace), bytes);
    if (policy.unlisted === 'keep') return elementResult.kept;
    if (policy.unlisted === 'drop') return elementResult.removed;
    return this.refuse('policy-violation', parent);
  }

  /** Applies an effect on the whole stanza, wherever in it the field was found. */
  applyToStanza(effect: Effect, element: number): ElementResult {
    switch (effect.kind) {
      case 'refuse':
        return this.refuse(effect.condition, element);
      case 'answer':
        // Over the chat channel an attribute of the iq itself says what is asked.
        if (this.stanza.depthOf(element) <= 2) {
          this.#answer = effect.payload;
          this.isSettled = true;
        }
        return elementResult.kept;
      case 'delay':
        this.#delayMs = Math.max(this.#delayMs, delayOf(effect.upToMs, this.#random));
        return elementResult.kept;
      case 'equalise':
        this.#equalise(effect, element);
        return elementResult.kept;
      case 'await':
        this.#await(effect, element);
        return elementResult.kept;
      case 'pad':
        this.#padTo = effect.buckets;
        return elementResult.kept;
      case 'normalise':
        this.#normalise = true;
        return elementResult.kept;
      default:
        return elementResult.kept;
    }
  }

  /** Sets the equalised time of the stanza. Of several answers the longest time applies; in an iq the deeper element
   *  is more specific. */
  #equalise(effect: Extract<Effect, { kind: 'equalise' }>, element: number): void {
    const { field, afterMs } = effect;
    if (this.#isInner(element)) return;
    if (this.#answers !== undefined && this.stanza.kind !== 'iq' && this.#answers.afterMs >= afterMs) return;
    this.#answers = { id: this.#idOf(effect, element), field, afterMs };
  }

  /** Adds ids under which the stanza may be answered. For one id the deeper element is more specific. */
  #await(effect: Extract<Effect, { kind: 'await' }>, element: number): void {
    if (this.#isInner(element)) return;
    const id = this.#idOf(effect, element);
    const others = this.#awaits?.filter((each) => each.id !== id) ?? [];
    if (others.length < awaitedMax) this.#awaits = [...others, { id, afterMs: effect.afterMs }];
  }

  /** Returns the id of the stanza that an element answers, by its attribute or by the stanza's own id. */
  #idOf({ names }: { readonly names: string | undefined }, element: number): string {
    const { stanza } = this;
    return stanza.attributeValue(names === undefined ? 0 : element, names ?? 'id') ?? '';
  }

  /** Returns whether an element is inside a stanza that this one carries. */
  #isInner(element: number): boolean {
    for (let outer = element; outer > 0; outer = this.stanza.parentOf(outer))
      if (this.isStanza(outer)) return true;
    return false;
  }

  /** Refuses the stanza where it can be bounced. An element inside another stanza has no sender to bounce to, and an
   *  error is not answered with an error: there the element is removed. */
  refuse(condition: StanzaCondition, element: number): ElementResult {
    if (this.#isInner(element)) return elementResult.removed;
    if (refusal(this.stanza, this.#direction, condition) === undefined) return elementResult.removed;
    // Where rules of one element give several conditions, `policy-violation` is sent, or else the last one.
    if (this.#refused !== 'policy-violation') this.#refused = condition;
    this.isSettled = true;
    return elementResult.kept;
  }

  /** Returns the outcome of the stanza. */
  finish(): Outcome {
    if (this.changedRuns.length > 0)
      // References to character positions in a changed text must be adjusted.
      this.edits = outermost([...this.edits, ...positionEdits(this.stanza, this.changedRuns)]);
    const outcome = this.#outcome;
    outcome.verdict = this.#verdict();
    outcome.decisions = this.decisions;
    outcome.sizes = this.sizes;
    outcome.delayMs = this.#delayMs;
    outcome.normalise = this.#normalise;
    outcome.padTo = this.#padTo;
    outcome.answers =
      this.#answers === undefined ? undefined : { ...this.#answers, alone: this.isOnlyAnswer };
    outcome.awaits = this.#awaits;
    return outcome;
  }

  #verdict(): Disposition {
    const { stanza, edits } = this;
    if (this.#refused !== undefined)
      return { kind: 'drop', reply: refusal(stanza, this.#direction, this.#refused)! };
    if (this.#answer !== undefined) return { kind: 'drop', reply: answerTo(stanza, this.#answer) };
    if (this.isWithheld) return this.#withheld();
    return edits.length === 0 ? forward : { kind: 'forward', edits };
  }

  /** Returns the disposition of a withheld stanza: a request is refused, an answer becomes an error, others are
   *  dropped. */
  #withheld(): Disposition {
    const { stanza } = this;
    if (isOwedAnswer(stanza, this.#direction)) {
      // `service-unavailable` would mean to a client that its server has no personal events.
      const condition = isPublication(stanza) ? 'policy-violation' : 'service-unavailable';
      return { kind: 'drop', reply: refusal(stanza, this.#direction, condition)! };
    }
    if (!isAnswer(stanza)) return { kind: 'drop' };
    // Id and addresses of the answer are mapped back, so that the recipient can match it to its request.
    return { kind: 'forward', edits: withheldAnswer(stanza, this.edits) };
  }
}

/** Returns whether an iq publishes an item (XEP-0060 §7.1). */
function isPublication(stanza: Stanza): boolean {
  for (const pubsub of stanza.children())
    if (stanza.is(pubsub, ns.pubsub, 'pubsub'))
      for (const child of stanza.children(pubsub)) if (stanza.is(child, ns.pubsub, 'publish')) return true;
  return false;
}
