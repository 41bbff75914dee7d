/** Stages: each sees every stanza of a session, in both directions, and answers with a disposition. A stage never writes
 *  bytes.
 *
 *  A stage reads the stanza as it came; the edits of all stages are merged at the end. Where two edit the same place, the
 *  wider edit is applied; of two equal ones, the later. */
import type { Direction } from '../stanza/direction.ts';
import type { OwnershipClaims } from '../stanza/ownership-claims.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Edit, Disposition } from '../stanza/verdict.ts';
import type { SessionFacts } from './facts.ts';

/** What a stage can do outside of a disposition: when time has passed, or an answer has come. */
export interface StagePort {
  readonly context: SessionFacts;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Runs `task` after `milliseconds`, unless the session ends or the returned function is called before. */
  schedule(milliseconds: number, task: () => void): () => void;
  /** Sends a stanza that the proxy itself has written, without asking any stage. Counted as injected (XEP-0198). */
  inject(direction: Direction, stanza: Uint8Array): void;
  /** Sends a stanza seen earlier once more, with these edits, through the stages after this one. The stanza must be
   *  a retained one. Counted as injected. */
  repeat(direction: Direction, stanza: Stanza, edits?: readonly Edit[]): void;
  /** Records the claims of the token by which the client has authenticated. */
  settleClaims(claims: OwnershipClaims): void;
  /** The client has proved that it owns this account, a bare JID. The gatekeeper's answer may say another one. */
  identify(account: string): void;
}

/** A stage of one session. */
export interface Stage {
  judge(stanza: Stanza, direction: Direction): Disposition;
  /** Called when the session is over; scheduled tasks and held stanzas are discarded. */
  end?(): void;
}

/** Makes a stage for each session. */
export interface StageFactory {
  readonly name: string;
  begin(port: StagePort): Stage;
}
