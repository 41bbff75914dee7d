import type { StreamError } from './error.ts';
import type { Stanza } from './stanza.ts';

/** Replaces the bytes `[start, end)` of a stanza; offsets as on its tape. Edits of one stage do not overlap. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly replacement: Uint8Array;
}

/** One field of one stanza, what the policy did with it, and by which rule. Never a value. */
export interface Decision {
  readonly field: string;
  readonly treatment: string;
  readonly reason: string;
}

/** How a stanza leaves, beside its edits. */
export interface Manner {
  /** In normal form: the same tree, the same bytes, however the sender wrote it. */
  readonly normalise?: boolean;
  /** White space behind it fills it up to one of these sizes: bytes, ascending. */
  readonly padTo?: readonly number[] | undefined;
  /** It waits for this many milliseconds, and what is behind it between the same two parties waits with it. */
  readonly delayMs?: number;
}

/** A stanza that a stage has put aside. It keeps its place among those between the same two parties. */
export interface HeldStanza {
  /** A copy that stays. */
  readonly stanza: Stanza;
  /** On to the stages behind the one that held it. */
  release(edits?: readonly Edit[]): void;
  /** It ends here; `reply` goes back to the sender. */
  drop(reply?: Uint8Array): void;
}

/** What a stage says about a stanza. A stage never writes bytes: the relay carries the verdict out.
 *
 *  - `forward`: on to the next stage, with these edits, or untouched.
 *  - `drop`: it ends here. `reply` goes back to the sender: what an iq get or set is owed (RFC 6120 §8.2.3).
 *  - `hold`: it waits until the stage lets go of what `keep` was given. Only stanzas can be held, no nonzas.
 *  - `close`: the stream ends with this error. */
export type Verdict =
  | ({ readonly kind: 'forward'; readonly edits?: readonly Edit[] } & Manner)
  | { readonly kind: 'drop'; readonly reply?: Uint8Array }
  | { readonly kind: 'hold'; readonly keep: (held: HeldStanza) => void }
  | { readonly kind: 'close'; readonly error: StreamError };

/** The verdict that costs nothing. */
export const forward: Verdict = { kind: 'forward' };
