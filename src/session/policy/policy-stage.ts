/** Minimisation as a stage. Applies the policies in force to each stanza of an established stream, to requests
 *  inside an authentication (XEP-0388 §2.2.1, XEP-0386), and to the error that ends a stream. The guard handles the
 *  elements that negotiate a stream. */
import type { CompiledPolicy } from '../../policy/compile.ts';
import { Decider } from '../../policy/decide.ts';
import type { Enforcement } from '../../policy/enforcement.ts';
import { untouched, type Outcome } from '../../policy/outcome.ts';
import { SharedWalks } from '../../policy/shared-walks.ts';
import { SeenCells } from '../../observability/seen-cells.ts';
import type { PolicySubject } from '../../policy/subject.ts';
import { audienceOf, type Audience, type Direction } from '../../stanza/direction.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { forward, type Disposition } from '../../stanza/verdict.ts';
import type { SessionFacts } from '../facts.ts';
import type { Stage, StageFactory } from '../stage.ts';

export interface PolicyStageOptions {
  readonly enforcement: Enforcement;
  readonly accounts?: AccountPolicies | undefined;
  /** Returns milliseconds since 1970. */
  readonly clock: () => number;
  /** Returns an unpredictable number in [0, 1), for delays. */
  readonly random: () => number;
}

/** Which policy is for which account, and how many sessions each has. */
export interface AccountPolicies {
  /** Returns which of the gatekeeper's policies is for an account, as `PolicySubject` counts them.
   *  @param account bare JID */
  shareOf(gatekeeper: string, account: string): number;
  entered(gatekeeper: string, share: number): void;
  left(gatekeeper: string, share: number): void;
}

/** With what the stages of all sessions share. */
type SharedOptions = PolicyStageOptions & { readonly walks: SharedWalks };

export function policyStage(options: PolicyStageOptions): StageFactory {
  const shared = { ...options, walks: new SharedWalks(options.random) };
  return { name: 'policy', begin: ({ context }) => new PolicyStage(context, shared) };
}

class PolicyStage implements Stage, PolicySubject {
  readonly gatekeeper: string;
  readonly seen = new SeenCells();
  /** Of the account, once the gatekeeper has accepted it. */
  share: number | undefined;
  readonly #context: SessionFacts;
  /** The account that `share` is of, '' before. */
  #account = '';
  readonly #options: SharedOptions;
  /** The current stanza. */
  #stanza!: Stanza;
  /** Those of a policy that is no longer in force go with it. */
  readonly #deciders: WeakRef<Decider>[] = [];
  readonly #ask: Readonly<Record<Direction, (policy: CompiledPolicy) => Outcome>>;

  constructor(context: SessionFacts, options: SharedOptions) {
    this.#context = context;
    this.gatekeeper = context.gatekeeper;
    this.#options = options;
    this.#ask = { 'to-gatekeeper': this.#asking('to-gatekeeper'), 'to-client': this.#asking('to-client') };
  }

  judge(stanza: Stanza, direction: Direction): Disposition {
    if (this.#context.phase === 'established' && this.#context.account !== this.#account) this.#place();
    const audience = audienceOf(direction);
    if (this.#context.phase !== 'established' && !speaksEarly(stanza))
      return this.#hidesForm(audience) ? inNormalForm : forward;
    this.#stanza = stanza;
    const outcome = this.#options.enforcement.apply(this, audience, this.#ask[direction], asItCame);
    const { verdict, normalise, padTo, delayMs, answers, awaits } = outcome;
    if (verdict.kind !== 'forward') return verdict;
    // Only stanzas are delayed and padded.
    if (stanza.kind === 'nonza') {
      const form = this.#hidesForm(audience) ? { ...verdict, normalise: true } : verdict;
      return answers === undefined ? form : { ...form, answers };
    }
    const isTimed = delayMs > 0 || answers !== undefined || awaits !== undefined;
    if (!normalise && padTo === undefined && !isTimed) return verdict;
    return { ...verdict, normalise, padTo, delayMs, answers, awaits };
  }

  equalises(direction: Direction): boolean {
    return this.#options.enforcement.equalises(this, direction);
  }

  end(): void {
    if (this.share !== undefined) this.#options.accounts?.left(this.gatekeeper, this.share);
    this.share = undefined;
    for (const decider of this.#deciders) decider.deref()?.end();
  }

  /** Chooses the policy for the account, which is known now or is another than the client had claimed. */
  #place(): void {
    const { accounts } = this.#options;
    this.#account = this.#context.account;
    if (accounts === undefined) return;
    const share = accounts.shareOf(this.gatekeeper, this.#account);
    if (this.share !== undefined) accounts.left(this.gatekeeper, this.share);
    accounts.entered(this.gatekeeper, share);
    this.share = share;
  }

  /** Returns whether nonzas are rewritten in normal form for this audience: catalogue fields select stanzas only. */
  #hidesForm(audience: Audience): boolean {
    const { enforcement, clock } = this.#options;
    const { listener, region, knownClaims } = this.#context;
    const { gatekeeper, share } = this;
    const context = { gatekeeper, share, listener, region, knownClaims, now: clock() };
    return enforcement.ruling(audience, 'style.fingerprint', context)?.treatment.kind === 'drop';
  }

  /** Returns a function that asks a policy about the current stanza. Deciders are cached for each policy. */
  #asking(direction: Direction): (policy: CompiledPolicy) => Outcome {
    const deciders = new WeakMap<CompiledPolicy, Decider>();
    return (policy) => {
      let decider = deciders.get(policy);
      if (decider === undefined) {
        decider = new Decider(policy, direction, this.#context, this.#options);
        this.#deciders.push(new WeakRef(decider));
        deciders.set(policy, decider);
      }
      return decider.decide(this.#stanza);
    };
  }
}

const asItCame = (): Outcome => untouched;

const inNormalForm: Disposition = { kind: 'forward', normalise: true };

/** Returns whether an element has metadata before the stream is established. */
function speaksEarly(stanza: Stanza): boolean {
  const namespace = stanza.namespaceName(0);
  return namespace === ns.sasl2 || namespace === ns.sasl || stanza.is(0, ns.streams, 'error');
}
