/** Minimisation as a stage: asks the policy in force what becomes of each stanza of an established stream, of what says
 *  more than who somebody is while authenticating (XEP-0388 §2.2.1, XEP-0386), and of the error that ends a stream.
 *  What negotiates it is the guard's. */
import type { CompiledPolicy } from '../../policy/compile.ts';
import { Decider } from '../../policy/decide.ts';
import { audienceOf, type Audience, type Direction } from '../../stanza/direction.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { forward, type Decision, type Disposition } from '../../stanza/verdict.ts';
import type { SessionFacts } from '../facts.ts';
import type { Stage, StageFactory } from '../stage.ts';

/** The policies in force: replaced as a whole, between two stanzas. */
export interface PoliciesInForce {
  readonly enforced: CompiledPolicy;
  /** Decides beside it and changes nothing. */
  readonly shadow: CompiledPolicy | undefined;
}

export interface PolicyStageOptions {
  /** Asked before each stanza; another object means other policies. */
  readonly policies: () => PoliciesInForce;
  /** Hears every decision: prebuilt, never a value. */
  readonly decided: (audience: Audience, mode: 'enforced' | 'shadow', decisions: readonly Decision[]) => void;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** In [0, 1), not predictable: for delays. */
  readonly random: () => number;
}

export function policyStage(options: PolicyStageOptions): StageFactory {
  return { name: 'policy', begin: ({ context }) => new PolicyStage(context, options) };
}

/** Of one direction. */
interface Deciders {
  readonly enforced: Decider;
  readonly shadow: Decider | undefined;
}

class PolicyStage implements Stage {
  readonly #context: SessionFacts;
  readonly #options: PolicyStageOptions;
  #policies: PoliciesInForce | undefined;
  #deciders: Partial<Record<Direction, Deciders>> = {};

  constructor(context: SessionFacts, options: PolicyStageOptions) {
    this.#context = context;
    this.#options = options;
  }

  judge(stanza: Stanza, direction: Direction): Disposition {
    if (this.#context.phase !== 'established' && !speaksEarly(stanza))
      return this.#hidesForm(audienceOf(direction)) ? inNormalForm : forward;
    const { enforced, shadow } = this.#decidersOf(direction);
    const audience = audienceOf(direction);
    if (shadow !== undefined) this.#options.decided(audience, 'shadow', shadow.decide(stanza).decisions);
    const { verdict, decisions, normalise, padTo, delayMs } = enforced.decide(stanza);
    this.#options.decided(audience, enforced.enforces ? 'enforced' : 'shadow', decisions);
    if (verdict.kind !== 'forward') return verdict;
    // Only stanzas wait and are padded.
    if (stanza.kind === 'nonza') return this.#hidesForm(audience) ? { ...verdict, normalise: true } : verdict;
    if (!normalise && padTo === undefined && delayMs === 0) return verdict;
    return { ...verdict, normalise, padTo, delayMs };
  }

  /** Whether the audience sees no more of a nonza's form than its tree: catalogue fields select stanzas only. */
  #hidesForm(audience: Audience): boolean {
    const { enforced } = this.#options.policies();
    if (enforced.mode !== 'enforce') return false;
    const { gatekeeper } = this.#context;
    const ruling = enforced.ruling(audience, 'style.fingerprint', { gatekeeper, now: this.#options.clock() });
    return ruling.treatment.kind === 'drop';
  }

  #decidersOf(direction: Direction): Deciders {
    const policies = this.#options.policies();
    if (policies !== this.#policies) {
      this.#policies = policies;
      this.#deciders = {};
    }
    return (this.#deciders[direction] ??= {
      enforced: this.#decider(policies.enforced, direction),
      shadow: policies.shadow && this.#decider(policies.shadow, direction),
    });
  }

  #decider(policy: CompiledPolicy, direction: Direction): Decider {
    return new Decider(policy, direction, this.#context, this.#options);
  }
}

const inNormalForm: Disposition = { kind: 'forward', normalise: true };

/** What says something before the stream is established. */
function speaksEarly(stanza: Stanza): boolean {
  const namespace = stanza.namespaceName(0);
  return namespace === ns.sasl2 || namespace === ns.sasl || stanza.is(0, ns.streams, 'error');
}
