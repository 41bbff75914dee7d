import type {
  AddressEvidence,
  ConnectionSignals,
  Necessity,
  RoundTripEvidence,
  Signal,
  TcpEvidence,
  TlsEvidence,
} from './evidence.ts';
import { absentReasons } from './evidence.ts';

/** The `signals` claim on the wire, with the names of docs/connection-signals.md. A signal that the policy withholds
 *  has no member; one that was not captured has the reason. */
export type SignalClaims = { readonly [K in SignalName]?: SignalClaim };

export type SignalName = 'client_ip' | 'tcp' | 'tls' | 'round_trip';

type SignalClaim =
  | { readonly absent: string }
  | ({ readonly observed_by: string; readonly necessity: string } & Readonly<
      Record<string, string | number>
    >);

/** The signals that a gatekeeper gets, with the reason for each. Others are not sent. */
export type SignalNecessities = { readonly [K in SignalName]?: Necessity };

/** Catalogue fields of the claim's members. */
export const catalogueFields = {
  client_ip: 'conn.client-ip',
  tcp: 'conn.tcp-fingerprint',
  tls: 'conn.tls-fingerprint',
  round_trip: 'conn.round-trip',
} as const satisfies Readonly<Record<SignalName, string>>;

/** Returns the claim. The address is revealed here, to the gatekeeper that the policy lets see it. */
export function signalClaims(signals: ConnectionSignals, necessities: SignalNecessities): SignalClaims {
  const claims: { -readonly [K in SignalName]?: SignalClaim } = {};
  const { client_ip, tcp, tls, round_trip } = necessities;
  if (client_ip !== undefined) claims.client_ip = claim(signals.clientIp, client_ip, addressMembers);
  if (tcp !== undefined) claims.tcp = claim(signals.tcpFingerprint, tcp, tcpMembers);
  if (tls !== undefined) claims.tls = claim(signals.tlsFingerprint, tls, tlsMembers);
  if (round_trip !== undefined) claims.round_trip = claim(signals.roundTrip, round_trip, roundTripMembers);
  return claims;
}

type Members = Readonly<Record<string, string | number>>;

function claim<T>(signal: Signal<T>, necessity: Necessity, members: (value: T) => Members): SignalClaim {
  if (signal.kind === 'absent') return { absent: signal.reason };
  return { ...members(signal.value), observed_by: signal.observedBy, necessity };
}

function addressMembers({ address, prefixBits }: AddressEvidence): Members {
  return { address: address.reveal(), ...(prefixBits === undefined ? {} : { prefix: prefixBits }) };
}

function tcpMembers({ p0f, distance }: TcpEvidence): Members {
  return { p0f, ...(distance === undefined ? {} : { distance }) };
}

function tlsMembers({ ja4, ja4Stable }: TlsEvidence): Members {
  // Equal for clients without the extensions that it leaves out; then it is left out itself.
  return { ja4, ...(ja4Stable === undefined || ja4Stable === ja4 ? {} : { ja4_stable_2: ja4Stable }) };
}

function roundTripMembers({ tcpMs, tlsMs }: RoundTripEvidence): Members {
  return { tcp_ms: tcpMs, ...(tlsMs === undefined ? {} : { tls_ms: tlsMs }) };
}

/** Members of each signal with their types; `true` marks required ones. */
const shapes: Readonly<
  Record<SignalName, Readonly<Record<string, readonly ['string' | 'number', boolean]>>>
> = {
  client_ip: { address: ['string', true], prefix: ['number', false] },
  tcp: { p0f: ['string', true], distance: ['number', false] },
  tls: { ja4: ['string', true], ja4_stable_2: ['string', false] },
  round_trip: { tcp_ms: ['number', true], tls_ms: ['number', false] },
};

const observers: ReadonlySet<unknown> = new Set(['edge', 'balancer']);
const necessityWords: ReadonlySet<unknown> = new Set(['obligation', 'anti-abuse']);
const reasonWords: ReadonlySet<unknown> = new Set(absentReasons);

/** Returns whether a decoded claim has these shapes. An unknown member is refused: a receiver must not act on a
 *  signal that it cannot interpret. */
export function isSignalClaims(value: unknown): value is SignalClaims {
  if (!isRecord(value)) return false;
  return Object.entries(value).every(
    ([name, signal]) => Object.hasOwn(shapes, name) && isSignalClaim(shapes[name as SignalName], signal),
  );
}

function isSignalClaim(shape: (typeof shapes)[SignalName], signal: unknown): boolean {
  if (!isRecord(signal)) return false;
  if ('absent' in signal) return Object.keys(signal).length === 1 && reasonWords.has(signal['absent']);
  const { observed_by, necessity, ...members } = signal;
  const known = Object.entries(members).every(
    ([name, member]) => Object.hasOwn(shape, name) && typeof member === shape[name]![0],
  );
  const complete = Object.entries(shape).every(([name, [, needed]]) => !needed || name in members);
  return observers.has(observed_by) && necessityWords.has(necessity) && known && complete;
}

/** Returns whether a value is a JSON object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
