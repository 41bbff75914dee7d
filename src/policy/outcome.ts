/** What comes of one stanza while a policy is applied to it: the edits and decisions so far, and the verdict that they
 *  make in the end. */
import { answerTo } from '../minimisation/answer.ts';
import { delayOf } from '../minimisation/delay.ts';
import { isAnswer, isOwedAnswer, refusal, withheldAnswer } from '../minimisation/refuse.ts';
import { outermost, positionEdits, type ChangedRun } from '../minimisation/text-positions.ts';
import type { StanzaCondition } from '../minimisation/treatment.ts';
import { ns } from '../stanza/namespaces.ts';
import type { Names } from '../stanza/names.ts';
import type { Stanza } from '../stanza/stanza.ts';
import { forward, type Decision, type Edit, type Disposition } from '../stanza/verdict.ts';
import type { CompiledPolicy } from './compile.ts';
import type { Effect, TableRule } from './table.ts';

/** What the policy says about one stanza. Valid until the next one is decided. */
export interface Outcome {
  readonly verdict: Disposition;
  /** One per field and place, in document order; prebuilt, never a value. */
  readonly decisions: readonly Decision[];
  /** How long the stanza has to wait, in milliseconds. Order within the stream is the holder's business. */
  readonly delayMs: number;
  /** Whether it leaves in normal form (canonical writer) instead of as it came. */
  readonly normalise: boolean;
  /** White space after it fills it up to one of these sizes: bytes, ascending. */
  readonly padTo: readonly number[] | undefined;
}

/** What comes of a stanza that no policy touches. */
export const untouched: Outcome = {
  verdict: forward,
  decisions: [],
  delayMs: 0,
  normalise: false,
  padTo: undefined,
};

/** What came of deciding one element, text or attribute. */
export const elementResult = { kept: 0, removed: 1, rewritten: 2 } as const;
export type ElementResult = (typeof elementResult)[keyof typeof elementResult];

/** The outcome of the stanza at hand. One per decider, used again for each stanza. */
export class PendingOutcome {
  readonly policy: CompiledPolicy;
  stanza!: Stanza;
  decisions: Decision[] = [];
  edits: Edit[] = [];
  /** The answer or error that goes back instead of the stanza; once there is one, nothing else matters. */
  isSettled = false;
  /** Nothing of the stanza may be seen. */
  isWithheld = false;
  changedRuns: ChangedRun[] = [];
  #delayMs = 0;
  #normalise = false;
  #padTo: readonly number[] | undefined;
  #refused: StanzaCondition | undefined;
  #answer: string | undefined;
  readonly #random: () => number;
  readonly #client: number;
  readonly #message: number;
  readonly #presence: number;
  readonly #iq: number;
  readonly #outcome = {
    verdict: forward,
    decisions: this.decisions as readonly Decision[],
    delayMs: 0,
    normalise: false,
    padTo: undefined as readonly number[] | undefined,
  };

  /** @param random in [0, 1), for delays */
  constructor(policy: CompiledPolicy, names: Names, random: () => number) {
    this.policy = policy;
    this.#random = random;
    this.#client = names.namespace(ns.client);
    this.#message = names.local('message');
    this.#presence = names.local('presence');
    this.#iq = names.local('iq');
  }

  begin(stanza: Stanza): void {
    this.stanza = stanza;
    // Emptying the old arrays would cost more.
    this.decisions = [];
    if (this.edits.length > 0) this.edits = [];
    if (this.changedRuns.length > 0) this.changedRuns = [];
    this.isSettled = false;
    this.isWithheld = false;
    this.#delayMs = 0;
    this.#normalise = false;
    this.#padTo = undefined;
    this.#refused = undefined;
    this.#answer = undefined;
  }

  /** Whether the element is a message, presence or iq: the stanza itself, or one inside it. */
  isStanza(element: number): boolean {
    if (this.stanza.namespaceOf(element) !== this.#client) return false;
    const local = this.stanza.localOf(element);
    return local === this.#message || local === this.#presence || local === this.#iq;
  }

  /** Whether the element is a message. */
  isMessage(element: number): boolean {
    const { stanza } = this;
    return stanza.namespaceOf(element) === this.#client && stanza.localOf(element) === this.#message;
  }

  /** Adds the decision of a rule that has applied. */
  count({ decision }: TableRule): void {
    if (decision !== undefined) this.decisions.push(decision);
  }

  /** Takes back the edits made since there were this many. */
  undoEdits(count: number): void {
    // Shortening the array would cost more.
    while (this.edits.length > count) this.edits.pop();
  }

  /** Applies the treatment of what the catalogue does not know.
   *  @param namespace as on the tape
   *  @param parent the element around it; for an attribute, around its element */
  decideUnlisted(namespace: number, parent: number): ElementResult {
    const { policy } = this;
    this.decisions.push(policy.unlistedDecision(namespace));
    if (policy.unlisted === 'keep') return elementResult.kept;
    if (policy.unlisted === 'drop') return elementResult.removed;
    return this.refuse('policy-violation', parent);
  }

  /** Applies an effect that is about the whole stanza, wherever in it the field was found. */
  applyToStanza(effect: Effect, element: number): ElementResult {
    switch (effect.kind) {
      case 'refuse':
        return this.refuse(effect.condition, element);
      case 'answer':
        if (this.stanza.depthOf(element) === 2) {
          this.#answer = effect.payload;
          this.isSettled = true;
        }
        return elementResult.kept;
      case 'delay':
        this.#delayMs = Math.max(this.#delayMs, delayOf(effect.upToMs, this.#random));
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

  /** Refuses the stanza, where it may be bounced. Inside another stanza there is no sender to bounce to, and an error is
   *  not answered with an error: there the element is removed. */
  refuse(condition: StanzaCondition, element: number): ElementResult {
    for (let outer = element; outer > 0; outer = this.stanza.parentOf(outer))
      if (this.isStanza(outer)) return elementResult.removed;
    if (refusal(this.stanza, condition) === undefined) return elementResult.removed;
    this.#refused = condition;
    this.isSettled = true;
    return elementResult.kept;
  }

  /** What comes of the stanza when the policy is obeyed. */
  finish(): Outcome {
    if (this.changedRuns.length > 0)
      // Whatever points at characters of a text that has changed its length points at them still.
      this.edits = outermost([...this.edits, ...positionEdits(this.stanza, this.changedRuns)]);
    const outcome = this.#outcome;
    outcome.verdict = this.#verdict();
    outcome.decisions = this.decisions;
    outcome.delayMs = this.#delayMs;
    outcome.normalise = this.#normalise;
    outcome.padTo = this.#padTo;
    return outcome;
  }

  #verdict(): Disposition {
    const { stanza, edits } = this;
    if (this.#refused !== undefined) return { kind: 'drop', reply: refusal(stanza, this.#refused)! };
    if (this.#answer !== undefined) return { kind: 'drop', reply: answerTo(stanza, this.#answer) };
    if (this.isWithheld) return this.#withheld();
    return edits.length === 0 ? forward : { kind: 'forward', edits };
  }

  /** A request is refused, an answer becomes an error, everything else ends here. */
  #withheld(): Disposition {
    const { stanza } = this;
    if (isOwedAnswer(stanza)) return { kind: 'drop', reply: refusal(stanza, 'service-unavailable')! };
    if (!isAnswer(stanza)) return { kind: 'drop' };
    // Identifier and addresses of the answer are still mapped back: the recipient knows it by them.
    return { kind: 'forward', edits: withheldAnswer(stanza, this.edits) };
  }
}
