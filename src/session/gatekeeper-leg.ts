/** The gatekeeper's side of a session, whatever protocol it speaks. Above this interface a session knows stanzas only:
 *  XML with a tape, in both directions. */
import type { StreamCondition } from '../stanza/error.ts';
import type { StanzaProtocol } from '../stanza/protocol.ts';
import type { Stanza } from '../stanza/stanza.ts';

/** Receives what a peer sends, in order. A stanza is valid during the call only. */
export interface StanzaSink {
  readonly stanza: (stanza: Stanza) => void;
  /** A keep-alive: white space between stanzas in XMPP (RFC 6120 §4.6.1). */
  readonly whitespace: (byteLength: number) => void;
  /** The peer has closed its stream, as its protocol does that (in XMPP RFC 6120 §4.4). */
  readonly end: () => void;
}

/** A connection that takes output at its own pace. */
export interface FlowControlled {
  /** Passes queued output to the connection.
   *  @returns false when the peer does not drain it */
  flush(): boolean;
  /** Stops reading. Reading goes on after the same number of calls of `resume`. */
  pause(): void;
  resume(): void;
  /** Keeps what is read undelivered until `release` was called as often. Inside a sink call nothing is delivered after
   *  the current stanza. */
  hold(): void;
  /** Delivers what was kept. Must not be called inside a sink call of any leg. */
  release(): void;
  /** Calls `task` once, when the peer has taken the output. */
  onceDrained(task: () => void): void;
}

export interface GatekeeperLeg extends FlowControlled {
  readonly protocol: StanzaProtocol;
  /** Opens the stream that answers the client's header.
   *  @param attributes of the header, as the policy shows them */
  open(attributes: ReadonlyMap<string, string>): void;
  /** Sets the receiver of everything that is read from now on. */
  receive(sink: StanzaSink): void;
  /** Takes what is read from now on together with what other connections read at the same time, where the leg can. */
  batch(): void;
  /** Queues one stanza or nonza, `bytes[start, end)`. The buffer must not change afterwards. */
  write(bytes: Uint8Array, start?: number, end?: number): void;
  /** Queues the keep-alive of the protocol. */
  keepAlive(): void;
  /** Closes an open stream, with an error when `condition` is given, and flushes. */
  close(condition?: StreamCondition): void;
  /** Ends the connection and stops delivery. Resolves when it is closed, after `closeGraceMs` at the latest. */
  end(closeGraceMs: number): Promise<unknown>;
}
