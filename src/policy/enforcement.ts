/** Enforcement of the policies in force: the one place where a policy is asked, its decisions are counted, and its answer
 *  is obeyed or not. Streams, stream headers, connection signals and HTTP all go through it. */
import type { Audience } from '../stanza/direction.ts';
import type { Decision } from '../stanza/verdict.ts';
import type { CompiledPolicy, Ruling, RulingContext } from './compile.ts';

/** The policies in force: replaced as a whole, between two stanzas. */
export interface PoliciesInForce {
  readonly enforced: CompiledPolicy;
  /** Is asked in addition, and changes nothing. */
  readonly shadow: CompiledPolicy | undefined;
}

/** Receives every decision: prebuilt, never a value. */
export type CountDecisions = (
  audience: Audience,
  mode: 'enforced' | 'shadow',
  decisions: readonly Decision[],
) => void;

export interface EnforcementOptions {
  /** Called for each question; another object means other policies. */
  readonly policies: () => PoliciesInForce;
  readonly decided: CountDecisions;
}

/** What one policy makes of something. */
interface Answer {
  readonly decisions: readonly Decision[];
}

export class Enforcement {
  readonly #policies: () => PoliciesInForce;
  readonly #decided: CountDecisions;

  constructor({ policies, decided }: EnforcementOptions) {
    this.#policies = policies;
    this.#decided = decided;
  }

  /** Asks the shadow and the enforced policy and counts the decisions of both.
   *  @param ask returns what a policy makes of it
   *  @param untouched turns the enforced policy's answer into one that withholds nothing
   *  @returns what is to be done: the answer, or `untouched` of it under `mode: shadow` */
  apply<T extends Answer>(
    audience: Audience,
    ask: (policy: CompiledPolicy) => T,
    untouched: (answer: T) => T,
  ): T {
    const { enforced, shadow } = this.#policies();
    if (shadow !== undefined) this.#decided(audience, 'shadow', ask(shadow).decisions);
    const answer = ask(enforced);
    const isEnforced = enforced.mode === 'enforce';
    this.#decided(audience, isEnforced ? 'enforced' : 'shadow', answer.decisions);
    return isEnforced ? answer : untouched(answer);
  }

  /** The enforced policy's ruling on a field, without a decision to be counted; undefined under `mode: shadow`. */
  ruling(audience: Audience, field: string, context: RulingContext): Ruling | undefined {
    const { enforced } = this.#policies();
    return enforced.mode === 'enforce' ? enforced.ruling(audience, field, context) : undefined;
  }

  /** The policy that pseudonyms are mapped back under, in either mode. */
  get enforced(): CompiledPolicy {
    return this.#policies().enforced;
  }
}
