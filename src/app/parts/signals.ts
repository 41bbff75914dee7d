/** Connection signals as the configuration wants them: what is captured, with which keys it is signed, who is told. */
import type { Socket } from 'node:net';
import type { Config, GatekeeperConfig, ListenerConfig } from '../../config/schema.ts';
import type { ProxyObserver } from '../proxy.ts';
import {
  GatekeeperAttestations,
  type AttestationOutcome,
  type Carrier,
} from '../../session/signals/attestations.ts';
import type { CaptureOptions, ListenerOptions } from '../../session/stream-server.ts';
import type { PoliciesInForce } from '../../session/policy/policy-stage.ts';
import { parseTrustedNetworks } from '../../signals/cidr.ts';
import type { SignalName } from '../../signals/claims.ts';
import { ConnectionEvidence, type Arrival } from '../../signals/connection-evidence.ts';
import type { AbsentReason, ConnectionSignals, Observer } from '../../signals/evidence.ts';
import type { SigningKeys } from '../../signals/keys.ts';
import { loadSynCapture, type SynCapture } from '../../signals/saved-syn.ts';
import type { Balancers, SynVisibility } from '../../transport/listen.ts';
import { SigningKeyFolder, type SigningKeysReport } from '../../transport/signing-keys.ts';

/** Whose packets a listener sees: see `SynVisibility`; behind a trusted load balancer they are the balancer's. */
export type ListenerVisibility = SynVisibility | 'behind-balancer';

/** Who saw a signal, or why nobody did. */
export type CaptureOutcome = Observer | AbsentReason;

export interface SignalsObserver {
  /** A listener is open. */
  synVisibility(listener: string, visibility: ListenerVisibility): void;
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
  /** What a gatekeeper is told; undefined when nothing. */
  attestations(gatekeeper: string): GatekeeperAttestations | undefined;
  captured(evidence: ConnectionEvidence): void;
  readonly http: HttpSignals;
  /** Reads the signing keys again. */
  refresh(): Promise<void>;
  close(): void;
}

/** The same for the public HTTPS port. */
export interface HttpSignals {
  readonly syn: SynCapture | undefined;
  readonly balancers: Balancers | undefined;
  /** Where a secured connection comes from, as a trusted load balancer says where there is one; undefined when it does
   *  not say. */
  addressOf(client: Socket): string | undefined;
  begin(arrival: Arrival): ConnectionEvidence;
  /** TLS is up: what is known belongs to this connection from now on. */
  secured(socket: Socket, evidence: ConnectionEvidence): void;
  /** The statement about a client's connection, for a request over `upstream`.
   *  @throws StreamError ERR_SIGNALS_… when one is required and cannot be made */
  attest(gatekeeper: string, client: Socket, upstream: Socket): string | undefined;
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
  { signals: section, timeouts, gatekeepers, http }: Config,
  options: SignalsOptions,
): Promise<SignalsSetup> {
  const { observer } = options;
  const keys =
    section &&
    (await SigningKeyFolder.open({
      folder: section.keysFolder,
      report: (report) => observer.keys(report),
    }));
  const capture = section === undefined ? nothing : await captureOptions(section.capture);
  const attestations = new Map(
    section === undefined || keys === undefined
      ? []
      : gatekeepers.flatMap((gatekeeper) => attestationsOf(gatekeeper, { ...options, section, keys })),
  );
  const captured = ({ signals }: ConnectionEvidence): void => {
    if (section === undefined) return;
    for (const [name, outcome] of outcomes(signals)) observer.captured(name, outcome);
  };
  return {
    capture,
    keys: () => keys?.current,
    listener: (config) => listenerOptions(config, timeouts.handshakeMs),
    attestations: (gatekeeper) => attestations.get(gatekeeper),
    captured,
    http: httpSignals(
      capture,
      balancersOf(http?.proxyProtocol, timeouts.handshakeMs),
      attestations,
      captured,
    ),
    refresh: async () => keys?.refresh(),
    close: () => keys?.close(),
  };
}

interface Attesting extends SignalsOptions {
  readonly section: NonNullable<Config['signals']>;
  readonly keys: SigningKeyFolder;
}

function attestationsOf(
  { name, attestation }: GatekeeperConfig,
  { section, keys, observer, decided, policies, policyDigest }: Attesting,
): [string, GatekeeperAttestations][] {
  if (attestation === undefined) return [];
  const { stream, proxyProtocol, http } = attestation.carriers;
  const attestations = new GatekeeperAttestations({
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
  return [[name, attestations]];
}

function httpSignals(
  { switches, syn }: CaptureOptions,
  balancers: ListenerOptions['balancers'],
  attestations: ReadonlyMap<string, GatekeeperAttestations>,
  captured: (evidence: ConnectionEvidence) => void,
): HttpSignals {
  const known = new WeakMap<Socket, ConnectionEvidence>();
  return {
    syn,
    balancers,
    begin: (arrival) => new ConnectionEvidence(arrival, switches, balancers?.fields),
    secured(socket, evidence) {
      known.set(socket, evidence);
      captured(evidence);
    },
    addressOf: (client) => known.get(client)?.client?.reveal().address,
    attest(gatekeeper, client, upstream) {
      const evidence = known.get(client);
      return evidence && attestations.get(gatekeeper)?.httpField(evidence, upstream);
    },
  };
}

type Switches = NonNullable<Config['signals']>['capture'];

async function captureOptions(switches: Switches): Promise<CaptureOptions> {
  return { switches, syn: switches.syn || switches.roundTrip ? await loadSynCapture() : undefined };
}

/** The port's options, as the stream server takes them. */
function listenerOptions(config: ListenerConfig, headerTimeoutMs: number): ListenerOptions {
  const { name, host, port, tls, proxyProtocol } = config;
  return { name, host, port, tls, balancers: balancersOf(proxyProtocol, headerTimeoutMs) };
}

function balancersOf(
  proxyProtocol: ListenerConfig['proxyProtocol'],
  headerTimeoutMs: number,
): ListenerOptions['balancers'] {
  if (proxyProtocol === undefined) return undefined;
  const { ja4Type, p0fType } = proxyProtocol;
  const trusted = parseTrustedNetworks(proxyProtocol.trusted);
  if (trusted.kind === 'invalid') throw new RangeError('the configuration was not checked');
  return { trusted: trusted.networks, headerTimeoutMs, fields: { ja4Type, p0fType } };
}

/** What a listener that sees packets sees of them. */
export function synVisibilityOf(
  { proxyProtocol }: ListenerConfig,
  visibility: SynVisibility,
): ListenerVisibility {
  return proxyProtocol === undefined || visibility === 'off' ? visibility : 'behind-balancer';
}

function outcomes(signals: ConnectionSignals): [SignalName, CaptureOutcome][] {
  const { clientIp, tcpFingerprint, tlsFingerprint, roundTrip } = signals;
  const named = { client_ip: clientIp, tcp: tcpFingerprint, tls: tlsFingerprint, round_trip: roundTrip };
  return Object.entries(named).map(([name, signal]) => [
    name as SignalName,
    signal.kind === 'seen' ? signal.observedBy : signal.reason,
  ]);
}
