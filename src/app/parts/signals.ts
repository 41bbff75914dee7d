/** Connection signals: what is captured, the keys that sign it, and the gatekeepers that receive it. */
import type { Socket } from 'node:net';
import type { Config, GatekeeperConfig, ListenerConfig } from '../../config/schema.ts';
import { GatekeeperAttestations } from '../../session/signals/attestations.ts';
import type { CaptureOptions, ListenerOptions } from '../../session/stream-server.ts';
import type { Enforcement } from '../../policy/enforcement.ts';
import { parseTrustedNetworks } from '../../signals/cidr.ts';
import type { SignalName } from '../../signals/claims.ts';
import { ConnectionEvidence, type Arrival } from '../../signals/connection-evidence.ts';
import type { ConnectionSignals } from '../../signals/evidence.ts';
import type { SigningKeys } from '../../signals/keys.ts';
import { loadSynCapture, type SynCapture } from '../../signals/saved-syn.ts';
import type { Balancers, SynVisibility } from '../../transport/listen.ts';
import { SigningKeyFolder } from '../../transport/signing-keys.ts';
import type { Clock } from '../clock.ts';
import type { CaptureOutcome, ListenerVisibility, SignalsObserver } from '../observer.ts';
import { assemble, type Part } from '../part.ts';

export interface Signals extends Part {
  readonly capture: CaptureOptions;
  /** Returns the keys in use; undefined without the section. */
  keys(): SigningKeys | undefined;
  listener(config: ListenerConfig): ListenerOptions;
  /** Returns the attestations for a gatekeeper; undefined when it gets none. */
  attestations(gatekeeper: string): GatekeeperAttestations | undefined;
  captured(evidence: ConnectionEvidence): void;
  readonly http: HttpSignals;
}

/** Signals of connections to the public HTTPS port. */
export interface HttpSignals {
  readonly syn: SynCapture | undefined;
  readonly balancers: Balancers | undefined;
  /** Returns the address that a connection comes from, by a trusted load balancer where there is one; undefined when
   *  that does not state it. */
  addressOf(client: Socket): string | undefined;
  begin(arrival: Arrival): ConnectionEvidence;
  /** Records the evidence of a connection whose TLS is up. */
  secured(socket: Socket, evidence: ConnectionEvidence): void;
  /** Returns the attestation of a client's connection, for a request over `outgoing`.
   *  @throws StreamError ERR_SIGNALS_… when one is required and cannot be made */
  attest(gatekeeper: string, client: Socket, outgoing: Socket): string | undefined;
}

export interface SignalsOptions {
  readonly observer: { readonly signals: SignalsObserver };
  readonly clock: Clock;
  readonly enforcement: Enforcement;
  readonly policyDigest: () => string;
}

type SignalsSection = NonNullable<Config['signals']>;
type SignalsConfig = Pick<Config, 'signals' | 'timeouts' | 'gatekeepers' | 'http'>;

const nothing: CaptureOptions = {
  switches: { syn: false, clientHello: false, roundTrip: false },
  syn: undefined,
};

/** Opens the signals.
 *  @throws SetupError ERR_SIGNING_KEYS_… */
export function openSignals(
  { signals: section, timeouts, gatekeepers, http }: SignalsConfig,
  options: SignalsOptions,
): Promise<Signals> {
  const observer = options.observer.signals;
  return assemble(async (parts) => {
    const keys = section && parts.track(await openKeys(section, observer));
    if (keys !== undefined) observer.signing(() => keys.current.starts().map(({ notBefore }) => notBefore));
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
    const balancers = balancersOf(http?.proxyProtocol, timeouts.handshakeMs);
    return {
      capture,
      keys: () => keys?.current,
      listener: (config) => listenerOptions(config, timeouts.handshakeMs),
      attestations: (gatekeeper) => attestations.get(gatekeeper),
      captured,
      http: httpSignals(capture, balancers, attestations, captured),
    };
  });
}

function openKeys({ keysFolder }: SignalsSection, observer: SignalsObserver): Promise<SigningKeyFolder> {
  return SigningKeyFolder.open({ folder: keysFolder, report: (report) => observer.keys(report) });
}

interface Attesting extends SignalsOptions {
  readonly section: SignalsSection;
  readonly keys: SigningKeyFolder;
}

function attestationsOf(
  { name, attestation }: GatekeeperConfig,
  { section, keys, observer, enforcement, policyDigest, clock }: Attesting,
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
    enforcement,
    policyDigest,
    attested: (gatekeeper, carrier, outcome) => observer.signals.attested(gatekeeper, carrier, outcome),
    clock: clock.wall,
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
    attest(gatekeeper, client, outgoing) {
      const evidence = known.get(client);
      return evidence && attestations.get(gatekeeper)?.httpField(evidence, outgoing);
    },
  };
}

async function captureOptions(switches: SignalsSection['capture']): Promise<CaptureOptions> {
  return { switches, syn: switches.syn || switches.roundTrip ? await loadSynCapture() : undefined };
}

/** Returns the options of a port for the stream server. */
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

/** Returns what the packets are that a listener sees. */
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
