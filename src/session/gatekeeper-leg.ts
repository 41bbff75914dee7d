/** The gatekeeper's side of a session, whatever protocol it speaks. Above this interface a session knows stanzas only:
 *  XML with a tape, in both directions. */
import type { StreamCondition } from '../stanza/error.ts';
import type { Stanza } from '../stanza/stanza.ts';

/** Receives what a peer sends, in order. A stanza is valid during the call only. */
export interface StanzaSink {
  readonly stanza: (stanza: Stanza) => void;
  /** A keep-alive: white space between stanzas in XMPP (RFC 6120 §4.6.1). */
  readonly whitespace: (byteLength: number) => void;
  /** The peer has closed its stream in the protocol's own words (RFC 6120 §4.4). */
  readonly end: () => void;
}

/** A connection that takes output at its own pace. */
export interface FlowControlled {
  /** Passes what was written to the connection. @returns false when the peer does not drain it. */
  flush(): boolean;
  /** Stops reading until as many calls of `resume`. */
  pause(): void;
  resume(): void;
  /** Delivers nothing of what is read until `release`. Inside a sink call: nothing after the current stanza. */
  hold(): void;
  /** Not inside a sink call of any leg. */
  release(): void;
  /** Calls `task` once, when the peer has taken what was passed on. */
  onceDrained(task: () => void): void;
}

export interface GatekeeperLeg extends FlowControlled {
  /** Opens the stream that the client's header asks for.
   *  @param attributes of the header, as the policy shows them */
  open(attributes: ReadonlyMap<string, string>): void;
  /** Sets the receiver of everything read from now on. */
  receive(sink: StanzaSink): void;
  /** Queues one stanza or nonza, `bytes[start, end)`. The buffer must not change afterwards. */
  write(bytes: Uint8Array, start?: number, end?: number): void;
  /** Queues what the protocol has for a keep-alive. */
  keepAlive(): void;
  /** Closes an open stream, with an error when `condition` is given, and flushes. */
  close(condition?: StreamCondition): void;
  /** Ends the connection; nothing is delivered any more. Resolves when it is gone. */
  end(closeGraceMs: number): Promise<unknown>;
}
