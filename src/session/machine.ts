/** The session as its phases see it. A phase is made with the data it needs (legs, facts, relay), sets itself as the
 *  receiver of what its legs read, and enters the next one; only the session ends. */
import type { Socket } from 'node:net';
import type { ClientHelloProgress } from '../signals/client-hello-reader.ts';
import type { ConnectionEvidence, HandshakeFacts } from '../signals/connection-evidence.ts';
import type { Names } from '../stanza/names.ts';
import type { StreamHeader } from '../stream/header.ts';
import type { StreamLimits } from '../stream/limits.ts';
import type { Workspace } from '../stream/workspace.ts';
import type { WriteStallWatch } from '../transport/write-stall.ts';
import type { EndCause } from './ending.ts';
import type { ChannelBinding, SessionRecord } from './facts.ts';
import type { GatekeeperLeg } from './gatekeeper-leg.ts';
import type { LegEvents, XmppLeg } from './leg.ts';
import type { SessionObserver } from './observer.ts';
import type { RateLimits } from './pacing.ts';
import type { Phase } from './phase.ts';
import type { HeaderView } from './policy/header-policy.ts';
import type { Relay, RelayOptions } from './relay.ts';

/** A gatekeeper as a session needs it. */
export interface GatekeeperRoute {
  /** The operator's name for it. */
  readonly name: string;
  readonly channelBinding: ChannelBinding;
  readonly negotiation: Negotiation;
}

/** How a session gets from the client's stream header to a relay between two authenticated sides: when the gatekeeper
 *  is dialled, who authenticates to whom, and in which protocol. Everything after it is the phase `established`.
 *
 *  `relaySasl` dials at once and passes the client's authentication on. A strategy that verifies the client's token
 *  itself would dial after that, and report success to the client when the gatekeeper has accepted. */
export interface Negotiation {
  /** Enters the first phase after `routing`. The client is held. */
  begin(routed: Routed): void;
}

/** A session whose client has named a domain that is served here. */
export interface Routed {
  readonly machine: Machine;
  readonly facts: SessionRecord;
  readonly client: XmppLeg;
  /** The client's stream header. */
  readonly header: StreamHeader;
}

/** What every session of a process shares. */
export interface SessionOptions extends RelayOptions {
  readonly names: Names;
  readonly workspace: Workspace;
  readonly limits: StreamLimits;
  readonly preAuthenticationLimits: StreamLimits;
  /** What each side sees of the other's stream header. */
  readonly filterHeader: HeaderView;
  /** @returns the gatekeeper of an XMPP domain, or undefined when it is not served here. */
  readonly route: (domain: string) => GatekeeperRoute | undefined;
  /** Negotiates TLS with a client, and passes on the progress of its ClientHello. @throws StreamError */
  readonly secure: (
    socket: Socket,
    signal: AbortSignal,
    onClientHello: ((progress: ClientHelloProgress) => void) | undefined,
  ) => Promise<SecuredConnection>;
  /** Called for each connection whose TLS is up. Of its argument only what was seen may be recorded, no value. */
  readonly captured: (evidence: ConnectionEvidence) => void;
  readonly writeStalls: WriteStallWatch;
  /** From accept until SASL success, in milliseconds. */
  readonly preAuthenticationMs: number;
  /** For a peer to answer the end of a stream, in milliseconds. */
  readonly closeGraceMs: number;
  /** Without any byte from the client, in milliseconds; 0 for no limit. */
  readonly idleMs: number;
  readonly rates: RateLimits;
  /** How long a session that was just authenticated may last, in milliseconds; 0 for no limit. */
  readonly sessionAgeMs: () => number;
  /** Whether the process has more to do than it can; no session begins then. */
  readonly overloaded: () => boolean;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

/** A client's connection with TLS on it. */
export interface SecuredConnection {
  readonly socket: Socket;
  readonly handshake: HandshakeFacts;
}

/** What a phase has open, so that it can be ended. */
export interface PhaseState {
  readonly name: Phase;
  readonly client?: XmppLeg;
  readonly gatekeeper?: GatekeeperLeg;
  /** The client's stream header, once it is read. */
  readonly header?: StreamHeader;
  readonly facts?: SessionRecord;
  readonly relay?: Relay;
}

export interface Machine {
  readonly options: SessionOptions;
  readonly observer: SessionObserver;
  readonly evidence: ConnectionEvidence;
  readonly listener: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Aborted when the session ends. */
  readonly signal: AbortSignal;
  readonly ended: boolean;
  /** For the legs that a phase makes. */
  readonly events: LegEvents;
  enter(state: PhaseState): void;
  /** Runs a step that no reading has caused, and flushes both legs. What it throws ends the session. */
  perform(step: () => void): void;
  /** The client has authenticated: the deadline for that is over. */
  authenticated(): void;
  end(cause: EndCause): void;
}
