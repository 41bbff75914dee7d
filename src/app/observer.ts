/** Reports of a running proxy. Interfaces only: `telemetry/` implements them, the parts call them. */
import type { ScopeName } from '../config/scopes.ts';
import type { Diagnostic } from '../documents/diagnostic.ts';
import type { Report } from '../http/events.ts';
import type { LedgerFailure } from '../ledger/writer.ts';
import type { CertificateUse } from '../observability/certificate-uses.ts';
import type { DecisionCounts } from '../observability/decision-counts.ts';
import type { ConnectionRefusal } from '../observability/http-words.ts';
import type { RecordingEnd } from '../recording/writer.ts';
import type { Policy } from '../policy/policy.ts';
import type { TokenAuthenticationOptions } from '../session/authentication/token-exchange.ts';
import type { CapabilityObserver, SessionObserver } from '../session/observer.ts';
import type { AttestationOutcome, AttestationCarrier } from '../session/signals/attestations.ts';
import type { SignalName } from '../signals/claims.ts';
import type { AbsentReason, Observer } from '../signals/evidence.ts';
import type { StateObserver } from '../state/observer.ts';
import type { CertificateReport } from '../transport/certificates.ts';
import type { ListenRefusal, SynVisibility } from '../transport/listen.ts';
import type { LoadReport } from '../transport/load-monitor.ts';
import type { ReloadReport } from '../transport/reloading.ts';
import type { SigningKeysReport } from '../transport/signing-keys.ts';
import type { RestartReport } from './files/restart-watch.ts';

export interface ProxyObserver {
  /** Makes the observer of a session that starts on a listener. */
  session(listener: string): SessionObserver;
  /** A connection was refused before a session began. */
  refused(listener: string, code: ListenRefusal): void;
  readonly certificates: FilesReport;
  policy(report: PolicyReport): void;
  /** Sets the function that returns the number of sessions of each policy. */
  policySessions(count: () => readonly PolicySessions[]): void;
  /** The table of regions was read, or rejected. */
  regions(report: RegionsReport): void;
  /** Files that take effect at the next start have changed. */
  restart(report: RestartReport): void;
  /** Sets the function that returns the number of resumable streams, and their estimated memory in bytes. */
  resumable(size: () => { readonly streams: number; readonly bytes: number }): void;
  /** The process is overloaded, or has recovered. */
  load(report: LoadReport): void;
  /** The ledger cannot be written, or can be again (undefined). */
  ledger(failure: LedgerFailure | undefined): void;
  /** A recording has begun, or has ended. */
  recording(report: RecordingReport): void;
  /** A client has attempted to authenticate to the proxy. */
  reauthenticated: TokenAuthenticationOptions['concluded'];
  /** Counts what the policies decide. */
  readonly decisions: DecisionCounts;
  readonly capabilities: CapabilitiesObserver;
  readonly http: HttpObserver;
  /** Reports of a store that replicas share. */
  readonly state: StateObserver;
  readonly signals: SignalsObserver;
}

export type RecordingReport =
  | { readonly kind: 'started'; readonly durationMs: number; readonly bytesMax: number }
  | ({ readonly kind: 'ended' } & RecordingEnd);

/** Receives reports of certificates, keys and secrets on disk. */
export type FilesReport = (report: CertificateReport | ReloadReport | ValidityReport) => void;

/** The end of validity of a loaded certificate. */
export interface ValidityReport {
  readonly kind: 'validity';
  readonly use: CertificateUse;
  /** Name of the party, or index in the list of certificates. */
  readonly certificate: string;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
}

/** Digests of the documents in force (`files/digest.ts`). */
export interface PolicyDigests {
  readonly policyDigest: string;
  /** Absent without a shadow. */
  readonly shadowDigest?: string;
  readonly catalogueDigest: string;
}

/** A report of the policies on disk. */
export type PolicyReport =
  | (ScopeName & {
      readonly kind: 'loaded' | 'reloaded';
      /** The policy in force, then those of shares. Under mode `shadow` every field passes unchanged. */
      readonly policies: readonly Pick<Policy, 'name' | 'mode'>[];
      readonly warnings: number;
    } & PolicyDigests)
  | (ScopeName & { readonly kind: 'rejected'; readonly problems: readonly Diagnostic[] })
  /** Without `keyFiles`, pseudonyms are made with a key that lasts as long as the process. */
  | { readonly kind: 'ephemeral-key' }
  /** Without `shareKeyFile`, accounts are given to shares by a key that lasts as long as the process. */
  | { readonly kind: 'ephemeral-share-key' };

/** A report of the table of regions. */
export type RegionsReport =
  | { readonly kind: 'loaded'; readonly rows: number }
  | { readonly kind: 'rejected'; readonly problems: readonly Diagnostic[] };

/** The number of authenticated sessions that a policy has at a gatekeeper. */
export interface PolicySessions {
  readonly gatekeeper: string;
  readonly policy: string;
  readonly sessions: number;
}

/** The number of sessions that a capability profile has at a gatekeeper. */
export interface ProfileSessions {
  readonly gatekeeper: string;
  readonly profile: string;
  readonly sessions: number;
}

export interface CapabilitiesObserver extends CapabilityObserver {
  /** Changed files were put into force, or rejected.
   *  @param profilesDigest of the files in force */
  reloaded(report: ReloadReport, profilesDigest: string): void;
  /** Sets a function that returns the number of sessions of each profile. */
  profileSessions(count: () => readonly ProfileSessions[]): void;
}

export interface HttpObserver {
  readonly report: Report;
  /** A connection ended before its first request. */
  refused(why: ConnectionRefusal): void;
  /** Media addresses are sealed with a secret that lasts as long as the process. */
  ephemeralMediaKey(): void;
}

export interface SignalsObserver {
  /** A listener is open. */
  synVisibility(listener: string, visibility: ListenerVisibility): void;
  /** TLS of a connection is up, and this is the outcome of one signal. */
  captured(signal: SignalName, outcome: CaptureOutcome): void;
  attested(gatekeeper: string, carrier: AttestationCarrier, outcome: AttestationOutcome): void;
  /** Sets the function that returns the start of each signing key, in seconds since 1970. */
  signing(starts: () => readonly number[]): void;
  /** A trusted load balancer sent fields of a PROXY header without the required HMAC; they were ignored. */
  fieldsIgnored(listener: string, count: number): void;
  /** The folder of signing keys changed. */
  keys(report: SigningKeysReport): void;
}

/** The packets that a listener can see; `behind-balancer`: those of a trusted load balancer. */
export type ListenerVisibility = SynVisibility | 'behind-balancer';

/** The observer of a signal, or why it is absent. */
export type CaptureOutcome = Observer | AbsentReason;
