/** Observes what sessions read and send, stanza by stanza, for a recording. Without a recording `RelayOptions` has no
 *  tap, and a stanza costs no call of it. */
import type { Direction } from '../stanza/direction.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { SessionFacts } from './facts.ts';

export interface StanzaTap {
  /** A session begins to relay. Its facts change while it goes on. */
  begin(facts: SessionFacts): SessionTap;
}

/** The tap of one session. Calls are synchronous, must be cheap, and never throw. */
export interface SessionTap {
  /** A stanza or nonza was read, which is valid during the call only.
   *  @returns undefined when its outcome is of no interest */
  read(stanza: Stanza, direction: Direction): TappedStanza | undefined;
  /** The proxy makes a stanza of its own. */
  made(direction: Direction): TappedStanza | undefined;
  /** The session has ended. What waits is discarded. */
  end(): void;
}

export interface TappedStanza {
  /** It was sent on with this many bytes, or dropped (0). Called at most once. */
  left(bytes: number): void;
}
