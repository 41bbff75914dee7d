/** Connection signals as the configuration wants them: what is captured, with which keys it is signed, who is told. */
import type { Config, GatekeeperConfig, ListenerConfig } from '../config/schema.ts';
import type { ProxyObserver } from './compose.ts';
import { GatekeeperAttestations, type AttestationOutcome, type Carrier } from '../session/attestations.ts';
import type { CaptureOptions, ListenerOptions } from '../session/gateway.ts';
import type { PoliciesInForce } from '../session/policy-stage.ts';
import { parseTrustedNetworks } from '../signals/cidr.ts';
import type { SignalName } from '../signals/claims.ts';
import type { ConnectionEvidence } from '../signals/connection-evidence.ts';
import type { AbsentReason, ConnectionSignals, Observer } from '../signals/evidence.ts';
import type { SigningKeys } from '../signals/keys.ts';
import { loadSynCapture } from '../signals/saved-syn.ts';
import type { SynSight } from '../transport/listen.ts';
import { SigningKeyFolder, type SigningKeysReport } from '../transport/signing-keys.ts';

/** Whose packets a listener sees: see `SynSight`; behind a trusted load balancer they are the balancer's. */
export type ListenerSight = SynSight | 'behind-balancer';

/** Who saw a signal, or why nobody did. */
export type CaptureOutcome = Observer | AbsentReason;

export interface SignalsObserver {
  /** A listener is open. */
  sight(listener: string, sight: ListenerSight): void;
  /** A connection's TLS is up. */
  captured(signal: SignalName, outcome: CaptureOutcome): void;
  attested(gatekeeper: string, carrier: Carrier, outcome: AttestationOutcome): void;
  /** The folder of signing keys changed. */
  keys(report: SigningKeysReport): void;
}

export interface SignalsSetup {
  readonly capture: CaptureOptions;
  /** The keys in use now; undefined without the section. */
  keys(): SigningKeys | undefined;
  listener(config: ListenerConfig): ListenerOptions;
  attestations(config: GatekeeperConfig): GatekeeperAttestations | undefined;
  captured(evidence: ConnectionEvidence): void;
  close(): void;
}

export interface SignalsOptions {
  readonly observer: SignalsObserver;
  readonly decided: ProxyObserver['decided'];
  readonly policies: () => PoliciesInForce;
  readonly policyDigest: () => string;
}

const nothing: CaptureOptions = {
  switches: { syn: false, clientHello: false, roundTrip: false },
  syn: undefined,
};

/** @throws SetupError ERR_SIGNING_KEYS_… */
export async function openSignals(
  { signals: section, timeouts }: Config,
  { observer, decided, policies, policyDigest }: SignalsOptions,
): Promise<SignalsSetup> {
  const keys =
    section &&
    (await SigningKeyFolder.open({
      folder: section.keysFolder,
      report: (report) => observer.keys(report),
    }));
  const capture = section === undefined ? nothing : await captureOptions(section.capture);
  return {
    capture,
    keys: () => keys?.current,
    listener: (config) => listenerOptions(config, timeouts.handshakeMs),
    attestations({ name, attestation }) {
      if (attestation === undefined || section === undefined || keys === undefined) return undefined;
      const { stream, proxyProtocol, http } = attestation.carriers;
      return new GatekeeperAttestations({
        gatekeeper: name,
        issuer: section.issuer,
        audience: attestation.audience,
        carriers: { stream: stream !== undefined, proxyProtocol, http: http !== undefined },
        required: attestation.required,
        keys: () => keys.current,
        policies,
        policyDigest,
        decided,
        attested: (gatekeeper, carrier, outcome) => observer.attested(gatekeeper, carrier, outcome),
        clock: () => Date.now(),
      });
    },
    captured({ signals }) {
      if (section === undefined) return;
      for (const [name, outcome] of outcomes(signals)) observer.captured(name, outcome);
    },
    close: () => keys?.close(),
  };
}

type Switches = NonNullable<Config['signals']>['capture'];

async function captureOptions(switches: Switches): Promise<CaptureOptions> {
  return { switches, syn: switches.syn || switches.roundTrip ? await loadSynCapture() : undefined };
}

/** The port's options, as the gateway wants them. */
function listenerOptions(config: ListenerConfig, headerTimeoutMs: number): ListenerOptions {
  const { name, host, port, tls, proxyProtocol } = config;
  if (proxyProtocol === undefined) return { name, host, port, tls };
  const { ja4Type, p0fType } = proxyProtocol;
  const trusted = parseTrustedNetworks(proxyProtocol.trusted);
  if (trusted.kind === 'invalid') throw new RangeError('the configuration was not checked');
  const balancers = { trusted: trusted.networks, headerTimeoutMs, fields: { ja4Type, p0fType } };
  return { name, host, port, tls, balancers };
}

/** What a listener that sees packets sees of them. */
export function sightOf({ proxyProtocol }: ListenerConfig, sight: SynSight): ListenerSight {
  return proxyProtocol === undefined || sight === 'off' ? sight : 'behind-balancer';
}

function outcomes(signals: ConnectionSignals): [SignalName, CaptureOutcome][] {
  const { clientIp, tcpFingerprint, tlsFingerprint, roundTrip } = signals;
  const named = { client_ip: clientIp, tcp: tcpFingerprint, tls: tlsFingerprint, round_trip: roundTrip };
  return Object.entries(named).map(([name, signal]) => [
    name as SignalName,
    signal.kind === 'seen' ? signal.observedBy : signal.reason,
  ]);
}
