import type { StreamError } from './error.ts';
import type { Stanza } from './stanza.ts';

/** Replaces the bytes `[start, end)` of a stanza; offsets as on its tape. Edits of one stage do not overlap. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly replacement: Uint8Array;
}

/** The treatment of one field in one stanza, with the rule that caused it. Holds no value. */
export interface Decision {
  /** Number among the decisions of its policy, by which it is counted. The numbers of those that no policy makes come
   *  first (`fixedDecisions`). */
  readonly id: number;
  readonly field: string;
  readonly treatment: string;
  readonly reason: string;
}

/** Numbers of the decisions that are the same under every policy. */
export const fixedDecisions = { loneSubject: 0, headerAttribute: 1 } as const;

/** Number of the first decision of a policy. */
export const firstPolicyDecision = 2;

/** An answer whose time is equalised. */
export interface EqualisedAnswer {
  /** Id of the answered stanza; '' without one. */
  readonly id: string;
  /** The field of the answer. */
  readonly field: string;
  /** Milliseconds after the delivery of the answered stanza at which it leaves; 0 for at once, unless that was
   *  awaited with another time. */
  readonly afterMs: number;
  /** Whether the stanza has no other content, and so need not keep its place among those between the same two
   *  parties. */
  readonly alone: boolean;
}

/** An answer that is awaited. */
export interface AwaitedAnswer {
  /** Id by which it will name the answered stanza. */
  readonly id: string;
  /** Milliseconds after the delivery at which its answer leaves; 0 for at once. */
  readonly afterMs: number;
}

/** How a stanza is sent, in addition to its edits. */
export interface SendOptions {
  /** In normal form: the same tree gives the same bytes, however the sender wrote it. */
  readonly normalise?: boolean;
  /** Sizes in bytes, ascending, to one of which the stanza is padded with white space. */
  readonly padTo?: readonly number[] | undefined;
  /** Delay in milliseconds. Later stanzas between the same two parties wait too. */
  readonly delayMs?: number;
  /** Set for an answer, whose time depends on the answered stanza. */
  readonly answers?: EqualisedAnswer | undefined;
  /** Answers that are awaited. */
  readonly awaits?: readonly AwaitedAnswer[] | undefined;
}

/** A stanza that a stage holds. It keeps its place among those between the same two parties. */
export interface HeldStanza {
  /** A retained copy. */
  readonly stanza: Stanza;
  /** Passes the stanza to the stages after the one that held it. */
  release(edits?: readonly Edit[]): void;
  /** Drops the stanza. `reply` is sent to its sender. */
  drop(reply?: Uint8Array): void;
}

/** The decision about a stanza: that of one stage, and that of all of them together. A stage never writes bytes.
 *
 *  - `forward`: it is sent with these edits, or unchanged.
 *  - `drop`: it is not sent. `reply` goes to the sender, who is owed one for an iq get or set (RFC 6120 §8.2.3).
 *  - `hold`: it is queued until the stage releases or drops the handle that `keep` received. Nonzas cannot be held.
 *  - `close`: the stream ends with this error. */
export type Disposition =
  | ({ readonly kind: 'forward'; readonly edits?: readonly Edit[] } & SendOptions)
  | { readonly kind: 'drop'; readonly reply?: Uint8Array }
  | ({ readonly kind: 'hold'; readonly keep: (held: HeldStanza) => void } & HeldBy & SendOptions)
  | { readonly kind: 'close'; readonly error: StreamError };

/** Added to `hold` when all stages were asked: the edits of earlier stages, and the stage that holds the stanza. */
interface HeldBy {
  readonly edits?: readonly Edit[];
  readonly stage?: number;
}

/** Sends a stanza unchanged. One object, so that it can be compared and costs no allocation. */
export const forward: Disposition = { kind: 'forward' };
