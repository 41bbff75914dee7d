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

/** How a stanza is sent, in addition to its edits. */
export interface SendOptions {
  /** In normal form: the same tree, the same bytes, however the sender wrote it. */
  readonly normalise?: boolean;
  /** White space after it fills it up to one of these sizes: bytes, ascending. */
  readonly padTo?: readonly number[] | undefined;
  /** Delays it by this many milliseconds, and with it later stanzas between the same two parties. */
  readonly delayMs?: number;
}

/** A stanza that a stage holds. It keeps its place among those between the same two parties. */
export interface HeldStanza {
  /** A copy that stays. */
  readonly stanza: Stanza;
  /** Passes it to the stages after the one that held it. */
  release(edits?: readonly Edit[]): void;
  /** Drops it; `reply` is sent to its sender. */
  drop(reply?: Uint8Array): void;
}

/** What becomes of a stanza: the answer of one stage, and of all of them together. A stage never writes bytes.
 *
 *  - `forward`: it is sent with these edits, or untouched.
 *  - `drop`: it ends at the proxy. `reply` is sent to the sender: what an iq get or set is owed (RFC 6120 §8.2.3).
 *  - `hold`: it is queued until the stage calls what `keep` was given. Stanzas can be held, nonzas cannot.
 *  - `close`: the stream ends with this error. */
export type Disposition =
  | ({ readonly kind: 'forward'; readonly edits?: readonly Edit[] } & SendOptions)
  | { readonly kind: 'drop'; readonly reply?: Uint8Array }
  | ({ readonly kind: 'hold'; readonly keep: (held: HeldStanza) => void } & HeldBy & SendOptions)
  | { readonly kind: 'close'; readonly error: StreamError };

/** Added to `hold` when all stages have been asked: the edits of those before, and which one holds the stanza. */
interface HeldBy {
  readonly edits?: readonly Edit[];
  readonly stage?: number;
}

/** Sends a stanza untouched. One object, so that it can be recognised and costs no allocation. */
export const forward: Disposition = { kind: 'forward' };
