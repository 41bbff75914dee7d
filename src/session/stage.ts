/** A stage of a session sees every stanza in both directions and answers with a disposition. It never writes bytes.
 *
 *  A stage reads the stanza as it was received; the edits of all stages are merged at the end. Where two edit the
 *  same place, the wider edit is applied; of two equal ones, the later. */
import type { Direction } from '../stanza/direction.ts';
import type { OwnershipClaims } from '../stanza/ownership-claims.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Edit, Disposition } from '../stanza/verdict.ts';
import type { SessionFacts } from './facts.ts';

/** The actions of a stage outside of a disposition: after a time, or when an answer has come. */
export interface StagePort {
  readonly context: SessionFacts;
  /** Returns monotonic milliseconds. */
  readonly now: () => number;
  /** Runs `task` after `milliseconds`, unless the session ends first.
   *  @returns a function that cancels it */
  schedule(milliseconds: number, task: () => void): () => void;
  /** Sends a stanza of the proxy's own without asking any stage. Counted as injected (XEP-0198). */
  inject(direction: Direction, stanza: Uint8Array): void;
  /** Sends a stanza again, with these edits, through the stages after this one. It must be a retained one. Counted
   *  as injected. */
  repeat(direction: Direction, stanza: Stanza, edits?: readonly Edit[]): void;
  /** Sets the claims of the token by which the client has authenticated. */
  settleClaims(claims: OwnershipClaims): void;
  /** Sets the account that the client has proved to own, a bare JID. The gatekeeper may bind another one. */
  identify(account: string): void;
  /** Ends a login by SASL 2 with a gatekeeper that has accepted it by SASL 1 (phases/inline-login.ts).
   *  @param request `<authenticate/>`, retained */
  logInInline(request: Stanza): void;
}

/** A stage of one session. */
export interface Stage {
  judge(stanza: Stanza, direction: Direction): Disposition;
  /** Returns whether the stage equalises the time of answers in this direction. Deliveries in the opposite one are
   *  then recorded. */
  equalises?(direction: Direction): boolean;
  /** Called when the session has ended. Scheduled tasks and held stanzas are discarded. */
  end?(): void;
}

/** Makes a stage for each session. */
export interface StageFactory {
  readonly name: string;
  begin(port: StagePort): Stage;
}
