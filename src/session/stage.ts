/** The chain that every stanza passes in both directions. A stage sees a stanza and what the session has settled,
 *  and answers with a verdict; it never writes bytes. The same list serves both directions.
 *
 *  Every stage reads the stanza as it came: edits of the stages before it add up and are carried out at the end.
 *  Where two stages edit the same place, the edit that takes in the other one stands; of two equal ones, the later. */
import type { Direction } from '../stanza/direction.ts';
import type { OwnershipClaims } from '../stanza/ownership-claims.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Edit, Verdict } from '../stanza/verdict.ts';
import type { Phase } from './phase.ts';

/** What becomes of channel binding, which cannot pass an intermediary by itself (RFC 5802 §6, XEP-0440). */
export type ChannelBinding = 'same-certificate' | 'upstream-without-plus' | 'reauthenticate';

/** What a session has settled, by phase: `domain` and `gatekeeper` from `routing` on, `claims` from authentication on,
 *  `account` from then or at the latest from binding on. */
export interface StageContext {
  /** Tells sessions apart; never sent. A resumed stream keeps the one it began with (XEP-0198 §5). */
  readonly id: string;
  /** Milliseconds since 1970; of the first session, where one was resumed. */
  readonly startedAt: number;
  readonly phase: Phase;
  /** The XMPP domain of the stream. */
  readonly domain: string;
  /** The operator's name for the gatekeeper. */
  readonly gatekeeper: string;
  /** The operator's name for the listener. */
  readonly listener: string;
  readonly channelBinding: ChannelBinding;
  /** Bare JID of the session's account, '' while unknown. */
  readonly account: string;
  /** The resource that the gatekeeper has bound, '' before. */
  readonly resource: string;
  readonly naming: Naming;
  /** What the ownership token says beside, where the proxy has verified one; else nothing. */
  readonly claims: OwnershipClaims;
}

/** What the client knows by another name than the gatekeeper. It goes with a stream that is resumed, since the rules
 *  that it came of may have changed meanwhile. */
export interface Naming {
  /** The bound resource; undefined before the first stanza that holds it. */
  shownResource: string | undefined;
}

/** What a stage can do outside a verdict: when time has passed, or an answer has come. */
export interface StagePort {
  readonly context: StageContext;
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
  judge(stanza: Stanza, direction: Direction): Verdict;
  /** The session is over: scheduled tasks are gone, held stanzas too. */
  end?(): void;
}

/** Makes a stage for each session. */
export interface StageFactory {
  readonly name: string;
  begin(port: StagePort): Stage;
}
