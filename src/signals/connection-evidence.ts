import { Sensitive } from '../stanza/sensitive.ts';
import type { ClientHelloProgress } from './client-hello-reader.ts';
import {
  absent,
  balancerSignals,
  clientIpSignal,
  roundTripSignal,
  tcpFingerprintSignal,
  tlsFingerprintSignal,
  type BalancerFields,
  type ConnectionSignals,
  type Observer,
  type Signal,
  type TlsEvidence,
} from './evidence.ts';
import type { Endpoint, ProxyHeader } from './proxy-protocol.ts';
import type { ConnectionCapture } from './saved-syn.ts';

/** Signals to capture. One that is off is `absent: disabled`. */
export interface CaptureSwitches {
  readonly syn: boolean;
  readonly clientHello: boolean;
  readonly roundTrip: boolean;
}

/** A connection before its first byte was read. */
export interface Arrival {
  /** The socket's own ends; the local one may be looked up when it is read. */
  readonly peer: Endpoint;
  readonly local: Endpoint;
  readonly capture: ConnectionCapture;
  /** The PROXY header of a trusted load balancer. */
  readonly header: ProxyHeader | undefined;
}

/** The facts of a finished TLS handshake. */
export interface HandshakeFacts {
  /** Milliseconds from passing on the ClientHello to the client's last flight. */
  readonly milliseconds: number;
  /** SNI, from the wire. */
  readonly serverName: string | undefined;
  readonly alpn: string | undefined;
  /** Such as `TLSv1.3`. */
  readonly version: string;
}

/** The evidence of one connection, in the order in which it arises: the SYN, the ClientHello, the handshake. Holds
 *  fingerprints and no captured bytes. */
export class ConnectionEvidence {
  /** The operator's name for the listener that it came to; undefined for the public HTTP port. */
  readonly listener: string | undefined;
  /** Undefined when a load balancer opened the connection and did not state its client. */
  readonly client: Sensitive<Endpoint> | undefined;
  readonly #destination: Pick<Arrival, 'local'>;
  readonly #arrival: Pick<ConnectionSignals, 'clientIp' | 'tcpFingerprint'>;
  readonly #capture: ConnectionCapture;
  readonly #switches: CaptureSwitches;
  /** The balancer's report, where the ClientHello that arrives here is the balancer's own. */
  readonly #reportedTls: Signal<TlsEvidence> | undefined;
  readonly #behindBalancer: boolean;
  #tls: Signal<TlsEvidence>;
  #handshake: HandshakeFacts | undefined;

  constructor(arrival: Arrival, switches: CaptureSwitches, fields: BalancerFields = {}, listener?: string) {
    this.listener = listener;
    const { peer, capture, header } = arrival;
    const speaksForItself = header === undefined || header.command === 'local';
    const observedBy: Observer = speaksForItself ? 'edge' : 'balancer';
    const client = speaksForItself ? peer : header.source;
    this.client = client && new Sensitive(client);
    this.#destination = header?.destination === undefined ? arrival : { local: header.destination };
    this.#capture = capture;
    this.#switches = switches;
    this.#behindBalancer = !speaksForItself;
    const reported = speaksForItself ? undefined : balancerSignals(header.fields.others, fields);
    this.#arrival = {
      clientIp: client === undefined ? absent('behind-lb') : clientIpSignal(client.address, observedBy),
      tcpFingerprint: switches.syn
        ? (reported?.tcpFingerprint ?? tcpFingerprintSignal(capture))
        : absent('disabled'),
    };
    // Where the balancer passes TLS through, the ClientHello is the client's, and is captured here.
    this.#reportedTls = header?.fields.tls?.overTls === true ? reported?.tlsFingerprint : undefined;
    this.#tls = absent(switches.clientHello ? 'not-tls' : 'disabled');
  }

  /** The address that the client connected to. */
  get destination(): Endpoint {
    return this.#destination.local;
  }

  /** Whether the ClientHello must be read. */
  get wantsClientHello(): boolean {
    return this.#switches.clientHello;
  }

  /** Records the client's first flight, or the bytes in its place. */
  noteClientHello(progress: ClientHelloProgress): void {
    this.#tls = this.#reportedTls ?? tlsFingerprintSignal(progress);
  }

  noteHandshake(facts: HandshakeFacts): void {
    this.#handshake = facts;
  }

  get handshake(): HandshakeFacts | undefined {
    return this.#handshake;
  }

  get signals(): ConnectionSignals {
    return { ...this.#arrival, tlsFingerprint: this.#tls, roundTrip: this.#roundTrip() };
  }

  #roundTrip(): ConnectionSignals['roundTrip'] {
    if (!this.#switches.roundTrip) return absent('disabled');
    // TCP ends at the balancer, so its round trip would be measured, not the client's.
    if (this.#behindBalancer) return absent('behind-lb');
    return roundTripSignal(this.#capture, this.#handshake?.milliseconds);
  }
}
