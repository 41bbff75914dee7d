/** Decides stanzas under one policy, for one session and direction. Whether the outcome is obeyed is up to
 *  enforcement.ts. */
import type { Direction } from '../stanza/direction.ts';
import { domainOf } from '../stanza/jid.ts';
import { ns } from '../stanza/namespaces.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { CompiledPolicy } from './compile.ts';
import { holdsFor } from './condition.ts';
import type { Outcome } from './outcome.ts';
import { SessionView, type PolicyContext } from './session-view.ts';
import type { DecisionTable } from './table.ts';
import { SharedWalks, type SharedWalk } from './shared-walks.ts';

export interface DeciderOptions {
  /** Returns milliseconds since 1970, for the expiry of exceptions. */
  readonly clock: () => number;
  /** Returns a number in [0, 1), for delays. */
  readonly random: () => number;
  /** Shared by the deciders of a process; own ones by default. */
  readonly walks?: SharedWalks;
}

/** Namespaces of elements that negotiate the stream: the session's guard decides them. An error that ends the stream
 *  is decided here, because its text is a field. */
const negotiation = [ns.streams, ns.tls, ns.compress, ns.compressFeature, ns.framing];

export class Decider {
  readonly #policy: CompiledPolicy;
  readonly #direction: Direction;
  readonly #session: SessionView;
  readonly #clock: () => number;
  readonly #shared: SharedWalk;
  readonly #outside: readonly number[];
  readonly #client: number;
  /** The table without active exceptions. */
  readonly #usual: DecisionTable;

  constructor(
    policy: CompiledPolicy,
    direction: Direction,
    context: PolicyContext,
    { clock, random, walks = new SharedWalks(random) }: DeciderOptions,
  ) {
    const { names } = policy;
    this.#policy = policy;
    this.#direction = direction;
    this.#session = new SessionView(context, direction, policy);
    this.#clock = clock;
    this.#shared = walks.of(policy, direction);
    this.#outside = negotiation.map((namespace) => names.namespace(namespace));
    this.#client = names.namespace(ns.client);
    this.#usual = policy.table(direction, 0);
  }

  /** Drops the session's values from what other sessions share. Called when the session has ended. */
  end(): void {
    this.#session.end();
    this.#shared.forget();
  }

  /** Decides one stanza.
   *  @throws RangeError when the stanza was scanned with another vocabulary than the policy's */
  decide(stanza: Stanza): Outcome {
    if (stanza.names !== this.#policy.names) throw new RangeError('the tape has another vocabulary');
    const { pending, walk } = this.#shared;
    pending.begin(stanza, this.#session);
    this.#session.enter(stanza);
    this.#policy.generation.stanza += 1;
    if (!this.#isNegotiation(stanza))
      walk.run(this.#policy.exceptions.length === 0 ? this.#usual : this.#exceptional());
    return pending.finish();
  }

  #isNegotiation(stanza: Stanza): boolean {
    const namespace = stanza.namespaceOf(0);
    if (namespace === this.#client) return false;
    return this.#outside.includes(namespace) && !stanza.is(0, ns.streams, 'error');
  }

  /** Returns the table of the exceptions that apply, or may apply, to the current stanza. */
  #exceptional(): DecisionTable {
    const { context } = this.#session;
    const now = this.#clock();
    let applying = 0;
    let unsure = 0;
    this.#policy.exceptions.forEach(({ when, expiresAt }, index) => {
      if (now >= expiresAt) return;
      const holds = holdsFor(when, context, context.account);
      if (holds === 'no') return;
      if (when.contactDomain !== undefined && when.contactDomain !== domainOf(this.#session.peer)) return;
      if (holds === 'yes') applying |= 1 << index;
      else unsure |= 1 << index;
    });
    return applying === 0 && unsure === 0
      ? this.#usual
      : this.#policy.table(this.#direction, applying, unsure);
  }
}
