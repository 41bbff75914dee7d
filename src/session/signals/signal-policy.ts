/** Connection signals under the policy in force: which of them a gatekeeper sees, in which form, and why. */
import type { CompiledPolicy, Ruling, RulingContext } from '../../policy/compile.ts';
import { catalogueFields, type SignalNecessities } from '../../signals/claims.ts';
import {
  coarsenAddress,
  coarsenRoundTrip,
  type ConnectionSignals,
  type Signal,
} from '../../signals/evidence.ts';
import type { Decision } from '../../stanza/verdict.ts';

/** The field of the port, for carriers that have one. No attestation has it. */
const portField = 'conn.client-port';

/** What a gatekeeper may learn of a connection. */
export interface SignalStatement {
  readonly signals: ConnectionSignals;
  /** Reason for each signal; a signal without a reason is withheld. */
  readonly necessities: SignalNecessities;
  /** Whether the client's port may be stated with its address. */
  readonly tellsPort: boolean;
  /** The policy's decisions, for the counters. */
  readonly decisions: readonly Decision[];
}

/** A policy's rules for the signals of one gatekeeper, applied to many connections. */
export interface SignalRules {
  /** Reason for each signal that the policy does not withhold. */
  readonly necessities: SignalNecessities;
  /** Reason for every signal, withheld or not. */
  readonly purposes: SignalNecessities;
  readonly tellsPort: boolean;
  readonly decisions: readonly Decision[];
  /** Leading bits of an address that are stated; undefined for all. */
  readonly prefixBits: { readonly ipv4: number; readonly ipv6: number } | undefined;
  /** Milliseconds to which times are rounded; undefined for no rounding. */
  readonly grainMs: number | undefined;
}

/** Reads the rules of a policy for one gatekeeper.
 *  @param context `now` is milliseconds since 1970 */
export function signalRules(policy: CompiledPolicy, context: RulingContext): SignalRules {
  const rule = (field: string): Ruling => policy.ruling('gatekeeper', field, context);
  const rulings = {
    client_ip: rule(catalogueFields.client_ip),
    tcp: rule(catalogueFields.tcp),
    tls: rule(catalogueFields.tls),
    round_trip: rule(catalogueFields.round_trip),
  };
  const port = rule(portField);
  const decisions = [...Object.values(rulings), port].map(({ decision }) => decision);
  const [address, time] = [rulings.client_ip.treatment, rulings.round_trip.treatment];
  return {
    decisions,
    necessities: necessitiesOf(rulings, mayTell),
    purposes: necessitiesOf(rulings, () => true),
    tellsPort: port.treatment.kind === 'keep',
    prefixBits:
      address.kind === 'coarsen' && address.to.unit === 'address'
        ? { ipv4: address.to.ipv4Bits, ipv6: address.to.ipv6Bits }
        : undefined,
    grainMs: time.kind === 'coarsen' && time.to.unit === 'time' ? time.to.grainMs : undefined,
  };
}

/** Returns the rules as a policy that withholds nothing would have them. */
export function everySignal(rules: SignalRules): SignalRules {
  return {
    ...rules,
    necessities: rules.purposes,
    tellsPort: true,
    prefixBits: undefined,
    grainMs: undefined,
  };
}

export function signalsUnder(
  { necessities, tellsPort, decisions, prefixBits, grainMs }: SignalRules,
  signals: ConnectionSignals,
): SignalStatement {
  const { clientIp, roundTrip } = signals;
  return {
    necessities,
    tellsPort,
    decisions,
    signals: {
      ...signals,
      clientIp: prefixBits === undefined ? clientIp : coarsened(clientIp, coarsenAddress, prefixBits),
      roundTrip: grainMs === undefined ? roundTrip : coarsened(roundTrip, coarsenRoundTrip, grainMs),
    },
  };
}

/** Returns whether a ruling states the signal. Treatments that do not apply to signals withhold it: a pseudonym is
 *  no address. */
function mayTell({ treatment }: Ruling, name: keyof SignalNecessities): boolean {
  if (treatment.kind === 'keep') return true;
  if (treatment.kind !== 'coarsen') return false;
  return (
    (name === 'client_ip' && treatment.to.unit === 'address') ||
    (name === 'round_trip' && treatment.to.unit === 'time')
  );
}

function necessitiesOf(
  rulings: Readonly<Record<keyof SignalNecessities, Ruling>>,
  told: (ruling: Ruling, name: keyof SignalNecessities) => boolean,
): SignalNecessities {
  const names = Object.keys(rulings) as (keyof SignalNecessities)[];
  const entries = names
    .filter((name) => told(rulings[name], name))
    .map((name) => [name, rulings[name].required ? 'obligation' : 'anti-abuse']);
  return Object.fromEntries(entries) as SignalNecessities;
}

function coarsened<T, Grain>(
  signal: Signal<T>,
  coarsen: (value: T, grain: Grain) => T,
  grain: Grain,
): Signal<T> {
  return signal.kind === 'absent' ? signal : { ...signal, value: coarsen(signal.value, grain) };
}
