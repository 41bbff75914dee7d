/** Counts open sessions by listener, gatekeeper and phase, for the operator's API. Keeps no single session. */
import type { Label } from './label.ts';

/** The number of sessions with the same listener, gatekeeper and phase. */
export interface SessionCount {
  readonly listener: Label;
  /** Null until the session is routed. */
  readonly gatekeeper: Label | null;
  readonly phase: string;
  readonly sessions: number;
}

type Where = Omit<SessionCount, 'sessions'>;

/** Keeps the count of one session: `move` when a label changes, `leave` once when the session ends. */
export interface GaugedSession {
  move(where: Partial<Where>): void;
  leave(): void;
}

export class SessionGauge {
  readonly #counts = new Map<string, { readonly where: Where; sessions: number }>();

  /** Counts a new session, not yet routed. */
  enter(listener: Label, phase: string): GaugedSession {
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

  /** Returns the rows with at least one session. */
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
