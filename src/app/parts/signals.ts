/** Connection signals: what is captured, the keys that sign it, and the gatekeepers that receive it. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Config, GatekeeperConfig, ListenerConfig } from '../../config/schema.ts';
import { GatekeeperAttestations } from '../../session/signals/attestations.ts';
import type { RegionOf } from '../../session/region.ts';
import type { CaptureOptions, ListenerOptions } from '../../session/stream-server.ts';
import type { Enforcement } from '../../policy/enforcement.ts';
import { parseTrustedNetworks } from '../../signals/cidr.ts';
import type { SignalName } from '../../signals/claims.ts';
import { ConnectionEvidence, type Arrival } from '../../signals/connection-evidence.ts';
import type { ConnectionSignals } from '../../signals/evidence.ts';
import type { SigningKeys } from '../../signals/keys.ts';
import { loadSynCapture, type SynCapture } from '../../signals/saved-syn.ts';
import type { Balancers, SynVisibility } from '../../transport/listen.ts';
import { Reloading } from '../../transport/reloading.ts';
import { SigningKeyFolder } from '../../transport/signing-keys.ts';
import type { Clock } from '../clock.ts';
import type { CaptureOutcome, FilesReport, ListenerVisibility, SignalsObserver } from '../observer.ts';
import { assemble, type Part, type Parts } from '../part.ts';

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
  /** Returns the evidence of a connection whose TLS is up. */
  evidenceOf(socket: Socket): ConnectionEvidence | undefined;
  /** Records the evidence of a connection whose TLS is up. */
  secured(socket: Socket, evidence: ConnectionEvidence): void;
  /** Returns the attestation of a client's connection, for a request over `outgoing`.
   *  @throws StreamError ERR_SIGNALS_… when one is required and cannot be made */
  attest(gatekeeper: string, client: Socket, outgoing: Socket): string | undefined;
}

export interface SignalsOptions {
  readonly observer: { readonly signals: SignalsObserver; readonly certificates: FilesReport };
  readonly clock: Clock;
  readonly enforcement: Enforcement;
  readonly policyDigest: (gatekeeper: string) => string;
  readonly regionOf: RegionOf;
}

type SignalsSection = NonNullable<Config['signals']>;
type SignalsConfig = Pick<Config, 'signals' | 'timeouts' | 'gatekeepers' | 'http' | 'listeners'>;
type BalancerOptions = NonNullable<ListenerOptions['balancers']>;

const nothing: CaptureOptions = {
  switches: { syn: false, clientHello: false, roundTrip: false },
  syn: undefined,
};

/** Opens the signals.
 *  @throws SetupError ERR_SIGNING_KEYS_…, ERR_SECRET_… */
export function openSignals(
  { signals: section, timeouts, gatekeepers, http, listeners }: SignalsConfig,
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
    const openPort = (listener: string, balancers: ListenerConfig['proxyProtocol']) =>
      openBalancers(balancers, { listener, headerTimeoutMs: timeouts.handshakeMs, ...options }, parts);
    const publicPort = await openPort('http', http?.proxyProtocol);
    const ports = new Map<string, BalancerOptions | undefined>();
    for (const { name, proxyProtocol } of listeners) ports.set(name, await openPort(name, proxyProtocol));
    return {
      capture,
      keys: () => keys?.current,
      listener: ({ name, host, port, tls }) => ({ name, host, port, tls, balancers: ports.get(name) }),
      attestations: (gatekeeper) => attestations.get(gatekeeper),
      captured,
      http: httpSignals(capture, publicPort, attestations, captured),
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
  { section, keys, observer, enforcement, policyDigest, regionOf, clock }: Attesting,
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
    policyDigest: () => policyDigest(name),
    regionOf,
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
    evidenceOf: (socket) => known.get(socket),
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

interface PortOptions extends Pick<SignalsOptions, 'observer'> {
  /** The port's name in metrics. */
  readonly listener: string;
  readonly headerTimeoutMs: number;
}

/** Opens the load balancers of a port, with the secrets that they share with it.
 *  @throws SetupError ERR_SECRET_… */
async function openBalancers(
  config: ListenerConfig['proxyProtocol'],
  { listener, headerTimeoutMs, observer }: PortOptions,
  parts: Parts,
): Promise<BalancerOptions | undefined> {
  if (config === undefined) return undefined;
  const { ja4Type, p0fType, authentication } = config;
  const trusted = parseTrustedNetworks(config.trusted);
  if (trusted.kind === 'invalid') throw new RangeError('the configuration was not checked');
  const balancers = { trusted: trusted.networks, headerTimeoutMs, fields: { ja4Type, p0fType } };
  if (authentication === undefined) return balancers;
  const secrets = parts.track(await openSecrets(listener, authentication.keyFiles, observer.certificates));
  return {
    ...balancers,
    authentication: { type: authentication.hmacType, keys: () => secrets.current },
    onIgnoredFields: (count) => observer.signals.fieldsIgnored(listener, count),
  };
}

const secretBytesMin = 32;

function openSecrets(
  listener: string,
  keyFiles: readonly string[],
  report: FilesReport,
): Promise<Reloading<readonly KeyObject[]>> {
  return Reloading.open({
    name: `${listener}: proxyProtocol.authentication`,
    files: keyFiles.map((path) => ({ role: 'secret', path, isPrivate: true })),
    encoding: 'latin1',
    report,
    build: (texts, refuse) =>
      texts.map((text, index) =>
        text.length < secretBytesMin ? refuse(index) : createSecretKey(Buffer.from(text, 'latin1')),
      ),
  });
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
