import type { Direction } from '../stanza/direction.ts';
import type { Defect } from '../errors/defect.ts';
import type { StreamErrorCode } from '../errors/stream.ts';
import type { ErrorDetail } from '../stanza/error.ts';
import type { StanzaKind } from '../stanza/protocol.ts';
import type { PacedResource } from './pacing.ts';
import type { Phase } from './phase.ts';

/** Why a session ended, from the proxy's point of view. A code says that the proxy refused something. */
export type CloseReason = 'client-closed' | 'gatekeeper-closed' | StreamErrorCode;

/** What the operator may know of a refusal beyond its code. */
export interface SessionRefusal {
  readonly side: 'client' | 'gatekeeper';
  /** Numbers of ours: the offset in bytes in the stream of that side, the limit that was reached. */
  readonly detail: ErrorDetail;
  /** Of `ERR_INTERNAL`. */
  readonly defect: Defect | undefined;
}

/** Receives the life of one session. Names are the operator's own, numbers are counts, bytes and milliseconds; no value
 *  from the wire is passed. Calls are synchronous and must be cheap. */
export interface SessionObserver {
  phase(phase: Phase): void;
  /** A TLS handshake with this side is over. */
  secured(side: 'client' | 'gatekeeper', outcome: 'ok' | StreamErrorCode, milliseconds: number): void;
  /** The gatekeeper was dialled, its STARTTLS included. */
  dialled(gatekeeper: string, outcome: 'ok' | StreamErrorCode, milliseconds: number): void;
  /** A stanza was forwarded or dropped. */
  stanza(direction: Direction, kind: StanzaKind): void;
  /** Bytes were read. */
  bytes(direction: Direction, count: number): void;
  /** A stanza was filled up. */
  padded(direction: Direction, bytes: number): void;
  /** A side is not read for a while because it sends too much of this. */
  paced(side: 'client' | 'gatekeeper', resource: PacedResource): void;
  /** @param refusal what the proxy refused, when `reason` is a code and a side caused it */
  closed(reason: CloseReason, refusal?: SessionRefusal): void;
}

/** Receives what the capability stages do: counts only. `kind` is a name of the provider's content-kind table. */
export interface CapabilityObserver {
  /** The proxy asked for disco#info in its own name. */
  asked(whom: 'client' | 'contact'): void;
  /** A request for capabilities was answered in the client's place. */
  answered(): void;
  /** A presence waits for the client's answer. */
  held(): void;
  /** Content that a client cannot receive was kept out. */
  gated(action: 'bounce' | 'drop' | 'fallback', kind: string): void;
}
