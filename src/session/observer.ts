import type { Direction } from '../stanza/direction.ts';
import type { DialCause } from '../errors/causes.ts';
import type { Defect } from '../errors/defect.ts';
import type { StreamErrorCode } from '../errors/stream.ts';
import type { ErrorDetail } from '../stanza/error.ts';
import type { StanzaKind } from '../stanza/protocol.ts';
import type { EqualisedOutcome, WaitingStanza } from './dispatch.ts';
import type { PacedResource } from './pacing.ts';
import type { Phase } from './phase.ts';

/** Why a session ended. A code is the proxy's refusal. */
export type CloseReason = 'client-closed' | 'gatekeeper-closed' | StreamErrorCode;

/** What is logged of a refusal in addition to its code. */
export interface SessionRefusal {
  readonly side: 'client' | 'gatekeeper';
  /** Numbers of the proxy's own: the offset in bytes in the stream of that side, the limit that was exceeded. */
  readonly detail: ErrorDetail;
  /** Set for `ERR_INTERNAL` only. */
  readonly defect: Defect | undefined;
  /** Why the gatekeeper could not be reached, where that is the refusal. */
  readonly cause?: DialCause;
}

/** Receives the events of one session. Names are those of the configuration, numbers are counts, bytes and
 *  milliseconds; no value from the wire is passed. Calls are synchronous and must be cheap. */
export interface SessionObserver {
  phase(phase: Phase): void;
  /** A TLS handshake with this side has ended, after `milliseconds`. */
  secured(side: 'client' | 'gatekeeper', outcome: 'ok' | StreamErrorCode, milliseconds: number): void;
  /** The gatekeeper was dialled, STARTTLS included.
   *  @param cause of a failure; undefined for a fault of the proxy itself */
  dialled(gatekeeper: string, outcome: 'ok' | StreamErrorCode, milliseconds: number, cause?: DialCause): void;
  /** A stanza was forwarded or dropped. */
  stanza(direction: Direction, kind: StanzaKind): void;
  /** Bytes were read. */
  bytes(direction: Direction, count: number): void;
  /** A stanza was padded. */
  padded(direction: Direction, bytes: number): void;
  /** A stanza was sent after waiting for `milliseconds`. */
  waited(what: WaitingStanza, milliseconds: number): void;
  /** The time of an answer is equalised. */
  equalised(outcome: EqualisedOutcome): void;
  /** Reading from a side pauses, because it exceeds the rate of this resource. */
  paced(side: 'client' | 'gatekeeper', resource: PacedResource): void;
  /** The session ended.
   *  @param refusal given when `reason` is a code and a side caused it */
  closed(reason: CloseReason, refusal?: SessionRefusal): void;
}

/** Receives counts of the capability stages. `kind` is a name of the provider's content-kind table. */
export interface CapabilityObserver {
  /** The proxy sent a disco#info request of its own. */
  asked(whom: 'client' | 'contact'): void;
  /** A request for capabilities was answered in the client's place. */
  answered(): void;
  /** A presence is held until the client answers. */
  held(): void;
  /** Content that a client cannot receive was filtered. */
  filtered(action: 'bounce' | 'drop' | 'fallback', kind: string): void;
}
