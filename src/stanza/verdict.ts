import type { StreamError } from './error.ts';

/** Replaces the bytes `[start, end)` of a stanza; offsets as on its tape. Edits of one stanza do not overlap. */
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

/** What a stage says about a stanza. A stage never writes bytes: the relay carries the verdict out.
 *
 *  - `forward`: on to the next stage, with these edits, or untouched.
 *  - `drop`: it ends here. `reply` goes back to the sender: what an iq get or set is owed (RFC 6120 §8.2.3).
 *  - `close`: the stream ends with this error. */
export type Verdict =
  | { readonly kind: 'forward'; readonly edits?: readonly Edit[] }
  | { readonly kind: 'drop'; readonly reply?: Uint8Array }
  | { readonly kind: 'close'; readonly error: StreamError };

/** The verdict that costs nothing. */
export const forward: Verdict = { kind: 'forward' };
