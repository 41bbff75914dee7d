/** The session, as its phases use it. A phase is made with the data that it needs (legs, facts, relay), sets itself
 *  as the receiver of its legs, and enters the next phase. Only the session ends itself. */
import type { Socket } from 'node:net';
import type { StreamErrorCode } from '../errors/stream.ts';
import type { ClientHelloProgress } from '../signals/client-hello-reader.ts';
import type { ConnectionEvidence, HandshakeFacts } from '../signals/connection-evidence.ts';
import type { Names } from '../stanza/names.ts';
import type { StanzaProtocol } from '../stanza/protocol.ts';
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
import type { ReadBatch } from './read-batch.ts';
import type { RegionOf } from './region.ts';
import type { Relay, RelayOptions } from './relay.ts';
import type { StageFactory } from './stage.ts';

/** A gatekeeper, as a session uses it. */
export interface GatekeeperRoute {
  /** Its name in the configuration. */
  readonly name: string;
  readonly channelBinding: ChannelBinding;
  readonly protocol: StanzaProtocol;
  /** Stages of its sessions; undefined for those of all sessions. */
  readonly stages?: readonly StageFactory[] | undefined;
  /** Limits of its authenticated sessions; undefined for those of all sessions. */
  readonly limits?: SessionLimits | undefined;
  readonly negotiation: Negotiation;
}

/** Limits of an authenticated session. */
export interface SessionLimits {
  readonly stream: StreamLimits;
  readonly rates: RateLimits;
}

/** The part of a session between the client's stream header and phase `established`: when the gatekeeper is dialled,
 *  which party authenticates to which, and in which protocol.
 *
 *  `relaySasl` dials at once and passes the client's authentication on. A strategy that verifies the client's token
 *  itself would dial after that, and report success when the gatekeeper has accepted. */
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
  /** From authentication on. */
  readonly limits: SessionLimits;
  readonly protocol: StanzaProtocol;
  readonly stages: readonly StageFactory[];
}

/** Options shared by every session of a process. */
export interface SessionOptions extends RelayOptions {
  readonly names: Names;
  readonly workspace: Workspace;
  readonly limits: StreamLimits;
  readonly preAuthenticationLimits: StreamLimits;
  /** Filters the stream header of each side for the other. */
  readonly filterHeader: HeaderView;
  /** @returns the gatekeeper of an XMPP domain, or undefined when it is not served here. */
  readonly route: (domain: string) => GatekeeperRoute | undefined;
  /** Negotiates TLS with a client, and reports the progress of its ClientHello.
   *  @throws StreamError ERR_TLS_… */
  readonly secure: (
    socket: Socket,
    signal: AbortSignal,
    onClientHello: ((progress: ClientHelloProgress) => void) | undefined,
  ) => Promise<SecuredConnection>;
  readonly regionOf: RegionOf;
  /** Called for each connection whose TLS is up. Only the presence of its values may be recorded, no value. */
  readonly captured: (evidence: ConnectionEvidence) => void;
  readonly writeStalls: WriteStallWatch;
  readonly reads: ReadBatch;
  /** Time from accept to SASL success, in milliseconds. */
  readonly preAuthenticationMs: number;
  /** Time for a peer to answer the end of a stream, in milliseconds. */
  readonly closeGraceMs: number;
  /** Time without a byte from the client, in milliseconds; 0 for no limit. */
  readonly idleMs: number;
  readonly rates: RateLimits;
  /** Returns how long a session may last from now on, in milliseconds; 0 for no limit. Called after authentication. */
  readonly sessionAgeMs: () => number;
  /** Records a refusal.
   *  @returns the support code for the client */
  readonly supportCode: (phase: Phase, code: StreamErrorCode) => string;
  /** Returns whether the process is overloaded; no session begins then. */
  readonly overloaded: () => boolean;
  /** Returns milliseconds since 1970. */
  readonly clock: () => number;
}

/** A client's connection with TLS on it. */
export interface SecuredConnection {
  readonly socket: Socket;
  readonly handshake: HandshakeFacts;
}

/** The name of a phase, and what the session must close when it ends. */
export interface PhaseState {
  readonly name: Phase;
  readonly client?: XmppLeg;
  readonly gatekeeper?: GatekeeperLeg;
  /** The client's stream header, from the time it was read. */
  readonly header?: StreamHeader;
  readonly facts?: SessionRecord;
  readonly relay?: Pick<Relay, 'end' | 'resumable'>;
}

export interface Machine {
  readonly options: SessionOptions;
  readonly observer: SessionObserver;
  readonly evidence: ConnectionEvidence;
  readonly listener: string;
  /** Names in TLS that agree with any domain, in lower case. */
  readonly sharedNames: ReadonlySet<string>;
  /** Start of the session in milliseconds since 1970. */
  readonly startedAt: number;
  /** Aborted when the session ends. */
  readonly signal: AbortSignal;
  readonly ended: boolean;
  /** Receives the events of the legs that a phase makes. */
  readonly events: LegEvents;
  enter(state: PhaseState): void;
  /** Runs a step that does not come from reading, and flushes both legs. An error that it throws ends the session. */
  perform(step: () => void): void;
  /** Ends the deadline for authentication. */
  authenticated(): void;
  end(cause: EndCause): void;
}
