/** Enforcement of the policies in force: asks a policy, counts its decisions, and returns its answer or not.
 *  Streams, stream headers, connection signals and HTTP all go through it. */
import type { Audience, Direction } from '../stanza/direction.ts';
import type { Decision } from '../stanza/verdict.ts';
import type { CompiledPolicy, Ruling, RulingContext } from './compile.ts';
import type { PolicySubject } from './subject.ts';

/** The policies in force: replaced as a whole, between two stanzas. */
export interface PoliciesInForce {
  readonly enforced: CompiledPolicy;
  /** A policy that is asked and counted in addition, without effect. */
  readonly shadow: CompiledPolicy | undefined;
  /** Those enforced for other accounts at the same gatekeeper, where there are any. */
  readonly others?: readonly CompiledPolicy[];
}

/** Receives every decision. Decisions are prebuilt and hold no value.
 *  @param policy the policy that has decided: one object as long as it is in force */
export type CountDecisions = (
  subject: PolicySubject,
  audience: Audience,
  mode: 'enforced' | 'shadow',
  decisions: readonly Decision[],
  policy: CompiledPolicy,
  /** Bytes that each decision is about; absent for what is in no stanza. */
  sizes?: readonly number[],
) => void;

export interface EnforcementOptions {
  /** Returns the policies in force. Called for each question; another object means other policies. */
  readonly policies: (subject: PolicySubject) => PoliciesInForce;
  readonly decided: CountDecisions;
}

/** What one policy answers. */
interface Answer {
  readonly decisions: readonly Decision[];
  readonly sizes?: readonly number[];
}

export class Enforcement {
  readonly #policies: EnforcementOptions['policies'];
  readonly #decided: CountDecisions;

  constructor({ policies, decided }: EnforcementOptions) {
    this.#policies = policies;
    this.#decided = decided;
  }

  /** Asks the shadow policy and the enforced one, and counts the decisions of both.
   *  @param subject says which policies are asked
   *  @param ask returns a policy's answer
   *  @param untouched turns the enforced policy's answer into one that withholds nothing
   *  @returns the enforced policy's answer, or `untouched` of it under `mode: shadow` */
  apply<T extends Answer>(
    subject: PolicySubject,
    audience: Audience,
    ask: (policy: CompiledPolicy) => T,
    untouched: (answer: T) => T,
  ): T {
    const { enforced, shadow } = this.#policies(subject);
    if (shadow !== undefined) {
      const { decisions, sizes } = ask(shadow);
      this.#decided(subject, audience, 'shadow', decisions, shadow, sizes);
    }
    const answer = ask(enforced);
    const isEnforced = enforced.mode === 'enforce';
    const mode = isEnforced ? 'enforced' : 'shadow';
    this.#decided(subject, audience, mode, answer.decisions, enforced, answer.sizes);
    return isEnforced ? answer : untouched(answer);
  }

  /** Returns the enforced policy's ruling on a field without counting it; undefined under `mode: shadow`. */
  ruling(audience: Audience, field: string, context: RulingContext): Ruling | undefined {
    const { enforced } = this.#policies(context);
    return enforced.mode === 'enforce' ? enforced.ruling(audience, field, context) : undefined;
  }

  /** Returns whether the time of any answer that travels this way is equalised. */
  equalises(subject: PolicySubject, direction: Direction): boolean {
    const { enforced } = this.#policies(subject);
    return enforced.mode === 'enforce' && enforced.equalises(direction);
  }

  /** Returns the policies by which pseudonyms are mapped back, in either mode; the first is the one of the subject. */
  enforcedFor(subject: PolicySubject): readonly CompiledPolicy[] {
    const { enforced, others = [] } = this.#policies(subject);
    return [enforced, ...others];
  }
}
