/** How many sessions are where, for the operator: by listener, gatekeeper and phase, never one by one. */
import type { Label } from './label.ts';

/** One row of the census. */
export interface SessionCount {
  readonly listener: Label;
  /** Null while it is not known. */
  readonly gatekeeper: Label | null;
  readonly phase: string;
  readonly sessions: number;
}

type Where = Omit<SessionCount, 'sessions'>;

/** One session's place in the census. */
export interface Counted {
  move(where: Partial<Where>): void;
  leave(): void;
}

export class SessionCensus {
  readonly #counts = new Map<string, { readonly where: Where; sessions: number }>();

  enter(listener: Label, phase: string): Counted {
    let where: Where = { listener, gatekeeper: null, phase };
    this.#add(where, 1);
    return {
      move: (changed) => {
        this.#add(where, -1);
        where = { ...where, ...changed };
        this.#add(where, 1);
      },
      leave: () => this.#add(where, -1),
    };
  }

  counts(): readonly SessionCount[] {
    return [...this.#counts.values()].map(({ where, sessions }) => ({ ...where, sessions }));
  }

  #add(where: Where, change: number): void {
    const key = `${where.listener} ${where.gatekeeper ?? ''} ${where.phase}`;
    const entry = this.#counts.get(key) ?? { where, sessions: 0 };
    entry.sessions += change;
    if (entry.sessions === 0) this.#counts.delete(key);
    else this.#counts.set(key, entry);
  }
}
