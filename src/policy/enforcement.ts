/** Enforcement of the policies in force: asks a policy, counts its decisions, and returns its answer or not.
 *  Streams, stream headers, connection signals and HTTP all go through it. */
import type { Audience, Direction } from '../stanza/direction.ts';
import type { Decision } from '../stanza/verdict.ts';
import type { CompiledPolicy, Ruling, RulingContext } from './compile.ts';

/** The policies in force: replaced as a whole, between two stanzas. */
export interface PoliciesInForce {
  readonly enforced: CompiledPolicy;
  /** A policy that is asked and counted in addition, without effect. */
  readonly shadow: CompiledPolicy | undefined;
}

/** Receives every decision. Decisions are prebuilt and hold no value. */
export type CountDecisions = (
  audience: Audience,
  mode: 'enforced' | 'shadow',
  decisions: readonly Decision[],
) => void;

export interface EnforcementOptions {
  /** Returns the policies in force. Called for each question; another object means other policies. */
  readonly policies: () => PoliciesInForce;
  readonly decided: CountDecisions;
}

/** What one policy answers. */
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

  /** Asks the shadow policy and the enforced one, and counts the decisions of both.
   *  @param ask returns a policy's answer
   *  @param untouched turns the enforced policy's answer into one that withholds nothing
   *  @returns the enforced policy's answer, or `untouched` of it under `mode: shadow` */
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

  /** Returns the enforced policy's ruling on a field without counting it; undefined under `mode: shadow`. */
  ruling(audience: Audience, field: string, context: RulingContext): Ruling | undefined {
    const { enforced } = this.#policies();
    return enforced.mode === 'enforce' ? enforced.ruling(audience, field, context) : undefined;
  }

  /** Returns whether the time of any answer that travels this way is equalised. */
  equalises(direction: Direction): boolean {
    const { enforced } = this.#policies();
    return enforced.mode === 'enforce' && enforced.equalises(direction);
  }

  /** Returns the policy by which pseudonyms are mapped back, in either mode. */
  get enforced(): CompiledPolicy {
    return this.#policies().enforced;
  }
}
