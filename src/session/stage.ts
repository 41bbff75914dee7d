/** The chain that every stanza passes in both directions. A stage sees a stanza and what the session has settled,
 *  and answers with a verdict; it never writes bytes. The same list serves both directions.
 *
 *  Every stage reads the stanza as it came: edits of the stages before it add up and are carried out at the end.
 *  Where two stages edit the same place, the edit that takes in the other one stands; of two equal ones, the later. */
import type { Direction } from '../stanza/direction.ts';
import type { OwnershipClaims } from '../stanza/ownership-claims.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Edit, Disposition } from '../stanza/verdict.ts';
import type { SessionFacts } from './facts.ts';

/** What a stage can do outside a verdict: when time has passed, or an answer has come. */
export interface StagePort {
  readonly context: SessionFacts;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Runs `task` after `milliseconds`, unless the session ends or the returned function is called before. */
  schedule(milliseconds: number, task: () => void): () => void;
  /** Sends a stanza that the proxy itself has written, past every stage. Counted as injected (XEP-0198). */
  inject(direction: Direction, stanza: Uint8Array): void;
  /** Sends a stanza seen earlier once more, with these edits, through the stages behind this one. The stanza must be
   *  a retained one. Counted as injected. */
  repeat(direction: Direction, stanza: Stanza, edits?: readonly Edit[]): void;
  /** The client has authenticated by a token that says this. */
  settleClaims(claims: OwnershipClaims): void;
  /** The client has proved that it owns this account, a bare JID. The gatekeeper's answer may say another one. */
  identify(account: string): void;
}

/** A stage of one session. */
export interface Stage {
  judge(stanza: Stanza, direction: Direction): Disposition;
  /** The session is over: scheduled tasks are gone, held stanzas too. */
  end?(): void;
}

/** Makes a stage for each session. */
export interface StageFactory {
  readonly name: string;
  begin(port: StagePort): Stage;
}
