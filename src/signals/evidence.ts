/** Connection signals: the properties of a client's connection that the proxy hides from the gatekeeper, and reports to
 *  it in signed form.
 *
 *  The folder in reading order: captured bytes (saved-syn, client-hello-reader, proxy-protocol) become fingerprints
 *  (p0f, ja4), these become evidence (here), evidence becomes an attestation (attestation, keys,
 *  proxy-protocol-header), and a gatekeeper verifies it (verify, jwks). Imports only the vocabulary in stanza/.
 *
 *  Never part of the evidence: TCP timestamp values, IP ids, sequence numbers, raw SYN bytes, TLS session ids,
 *  randoms, ticket hashes, the server name, and anything that names the user. */
import { Sensitive } from '../stanza/sensitive.ts';
import type { ClientHelloProgress } from './client-hello-reader.ts';
import { canonicalIp, formatIp, parseIp, prefixOf } from './ip-address.ts';
import { ja4 } from './ja4.ts';
import { fingerprintSyn } from './p0f.ts';
import type { ConnectionCapture } from './saved-syn.ts';

/** Why a signal is missing. A missing signal is never suspicious.
 *
 *  - `syncookie`: the kernel answered a flood without keeping SYNs.
 *  - `behind-lb`: a load balancer opened this connection, so the packet is not the client's.
 *  - `unsupported`: the platform cannot capture it.
 *  - `not-tls`: the connection has no TLS with the proxy.
 *  - `parse-error`: parsers might read the bytes differently.
 *  - `disabled`: policy or configuration turns it off. */
export const absentReasons = [
  'syncookie',
  'behind-lb',
  'unsupported',
  'not-tls',
  'parse-error',
  'disabled',
] as const;

export type AbsentReason = (typeof absentReasons)[number];

/** The observer: the proxy at its own socket, or a trusted load balancer that reported it. */
export type Observer = 'edge' | 'balancer';

/** Why the gatekeeper receives a signal: an obligation of intermediaries in its published rules, or protection from
 *  spam and scams. */
export type Necessity = 'obligation' | 'anti-abuse';

export type Signal<T> =
  | { readonly kind: 'seen'; readonly value: T; readonly observedBy: Observer }
  | { readonly kind: 'absent'; readonly reason: AbsentReason };

/** The signals of one connection, by the names of the policy's catalogue. */
export interface ConnectionSignals {
  /** `conn.client-ip` */
  readonly clientIp: Signal<AddressEvidence>;
  /** `conn.tcp-fingerprint` */
  readonly tcpFingerprint: Signal<TcpEvidence>;
  /** `conn.tls-fingerprint` */
  readonly tlsFingerprint: Signal<TlsEvidence>;
  /** `conn.round-trip` */
  readonly roundTrip: Signal<RoundTripEvidence>;
}

export interface AddressEvidence {
  /** Canonical text of the address. */
  readonly address: Sensitive<string>;
  /** Number of leading bits that are disclosed, where not all are; the others are 0. Undefined for all. */
  readonly prefixBits: number | undefined;
}

/** A balancer reports the signature only; `distance` is then undefined. */
export interface TcpEvidence {
  readonly p0f: string;
  /** Hops from the client. */
  readonly distance: number | undefined;
}

/** A balancer reports JA4 only. */
export interface TlsEvidence {
  readonly ja4: string;
  readonly ja4Stable: string | undefined;
}

/** Round trips in milliseconds, rounded to `roundTripGrainMs`. A TLS round trip far above that of TCP reveals a
 *  relay in front of the edge: TCP ends at the relay, TLS at the client. */
export interface RoundTripEvidence {
  readonly tcpMs: number;
  /** Undefined when TLS was not used or not timed. */
  readonly tlsMs: number | undefined;
}

/** Coarse enough not to identify users, fine enough to show a relay. */
const roundTripGrainMs = 5;

/** Returns a signal that was not captured. */
export function absent(reason: AbsentReason): Signal<never> {
  return { kind: 'absent', reason };
}

/** Returns the signal of the client's address; `parse-error` when the text is no address. */
export function clientIpSignal(address: string, observedBy: Observer): Signal<AddressEvidence> {
  const text = canonicalIp(address);
  if (text === undefined) return absent('parse-error');
  return { kind: 'seen', value: { address: new Sensitive(text), prefixBits: undefined }, observedBy };
}

/** Returns the address with the bits after the prefix set to 0. Prefixes in bits. */
export function coarsenAddress(
  { address }: AddressEvidence,
  prefixBits: { readonly ipv4: number; readonly ipv6: number },
): AddressEvidence {
  const ip = parseIp(address.reveal())!;
  const bits = ip.version === 4 ? prefixBits.ipv4 : prefixBits.ipv6;
  return { address: new Sensitive(formatIp(prefixOf(ip, bits))), prefixBits: bits };
}

/** Returns times rounded down to a grain in milliseconds. */
export function coarsenRoundTrip({ tcpMs, tlsMs }: RoundTripEvidence, grainMs: number): RoundTripEvidence {
  const down = (ms: number): number => Math.floor(ms / grainMs) * grainMs;
  return { tcpMs: down(tcpMs), tlsMs: tlsMs === undefined ? undefined : down(tlsMs) };
}

/** Returns the fingerprint of the SYN that the kernel kept. For a connection that a load balancer opened, use
 *  `absent('behind-lb')`. */
export function tcpFingerprintSignal({ syn }: ConnectionCapture): Signal<TcpEvidence> {
  if (syn.kind === 'absent') return absent(syn.reason);
  const { p0f, distance } = fingerprintSyn(syn.syn);
  return { kind: 'seen', value: { p0f, distance }, observedBy: 'edge' };
}

/** Returns the fingerprint of a ClientHello, or why there is none. */
export function tlsFingerprintSignal(progress: ClientHelloProgress): Signal<TlsEvidence> {
  if (progress.kind === 'not-tls') return absent('not-tls');
  if (progress.kind !== 'hello') return absent('parse-error');
  const { ja4: fingerprint, stable } = ja4(progress.hello);
  return { kind: 'seen', value: { ja4: fingerprint, ja4Stable: stable }, observedBy: 'edge' };
}

/** Returns both round trips.
 *  @param tlsHandshakeMs from the server's first flight to the client's answer; undefined when it was not timed */
export function roundTripSignal(
  { tcp }: ConnectionCapture,
  tlsHandshakeMs: number | undefined,
): Signal<RoundTripEvidence> {
  if (tcp === undefined) return absent('unsupported');
  return {
    kind: 'seen',
    value: {
      tcpMs: toGrain(tcp.roundTripUs / 1000),
      tlsMs: tlsHandshakeMs === undefined ? undefined : toGrain(tlsHandshakeMs),
    },
    observedBy: 'edge',
  };
}

function toGrain(ms: number): number {
  return Math.round(ms / roundTripGrainMs) * roundTripGrainMs;
}

/** Types of the fields in which a load balancer reports fingerprints, as ASCII text. No standard assigns any; these
 *  are of the custom range. HAProxy can be configured to send them (`set-proxy-v2-tlv-fc`). */
export interface BalancerFields {
  /** Default 0xE2. */
  readonly ja4Type?: number;
  /** Default 0xE3. */
  readonly p0fType?: number;
}

const ja4Shape = /^[tqd](?:1[0-3]|s[23]|d[1-3]|00)[di]\d{4}[0-9A-Za-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}$/;
const p0fShape =
  /^[46]:\d{1,3}\+(?:\d{1,2}|\?):\d{1,3}:\d{1,5}:(?:m(?:ss|tu)\*)?\d{1,5},\d{1,3}:[a-z0-9?+,]{0,200}:[a-z0-9+\-,]{0,120}:[0+]$/;

/** Returns the fingerprints that a trusted load balancer reports: `parse-error` for a malformed one, `behind-lb` for
 *  a missing one. */
export function balancerSignals(
  fields: ReadonlyMap<number, Uint8Array>,
  { ja4Type = 0xe2, p0fType = 0xe3 }: BalancerFields = {},
): Pick<ConnectionSignals, 'tcpFingerprint' | 'tlsFingerprint'> {
  return {
    tcpFingerprint: reported(fields.get(p0fType), p0fShape, (p0f) => ({ p0f, distance: undefined })),
    tlsFingerprint: reported(fields.get(ja4Type), ja4Shape, (text) => ({ ja4: text, ja4Stable: undefined })),
  };
}

function reported<T>(field: Uint8Array | undefined, shape: RegExp, read: (text: string) => T): Signal<T> {
  if (field === undefined) return absent('behind-lb');
  const text = Buffer.from(field).toString('latin1');
  return shape.test(text)
    ? { kind: 'seen', value: read(text), observedBy: 'balancer' }
    : absent('parse-error');
}
