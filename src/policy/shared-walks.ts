/** What deciders of one policy and direction share, whatever their sessions: a decision is complete when it returns, so
 *  one walk with its memory serves all of them. One for each session would keep 7 kB that a stanza uses for microseconds. */
import type { Direction } from '../stanza/direction.ts';
import type { CompiledPolicy } from './compile.ts';
import { PendingOutcome } from './outcome.ts';
import { Walk } from './walk.ts';

/** The walk of one policy and direction, with the outcome that it makes. */
export class SharedWalk {
  readonly #begin: () => PendingOutcome;
  #pending: PendingOutcome;
  #walk: Walk;

  constructor(begin: () => PendingOutcome) {
    this.#begin = begin;
    this.#pending = begin();
    this.#walk = new Walk(this.#pending);
  }

  get pending(): PendingOutcome {
    return this.#pending;
  }

  get walk(): Walk {
    return this.#walk;
  }

  /** Drops every value of the last stanza: its session may have ended. */
  forget(): void {
    this.#pending = this.#begin();
    this.#walk = new Walk(this.#pending);
  }
}

/** The walks of a process. Those of a policy that is no longer in force go with it. */
export class SharedWalks {
  readonly #random: () => number;
  readonly #walks: Readonly<Record<Direction, WeakMap<CompiledPolicy, SharedWalk>>> = {
    'to-gatekeeper': new WeakMap(),
    'to-client': new WeakMap(),
  };

  /** @param random returns a number in [0, 1), for delays */
  constructor(random: () => number) {
    this.#random = random;
  }

  of(policy: CompiledPolicy, direction: Direction): SharedWalk {
    const known = this.#walks[direction].get(policy);
    if (known !== undefined) return known;
    const made = new SharedWalk(() => new PendingOutcome(policy, direction, policy.names, this.#random));
    this.#walks[direction].set(policy, made);
    return made;
  }
}
