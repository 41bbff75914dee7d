/** Whether the condition of an exception holds for a session. What is not known may hold or not: of each field that the
 *  exception changes, the stricter treatment is taken then. */
import type { ClaimValue, OwnershipClaims } from '../stanza/ownership-claims.ts';
import { domainOf } from '../stanza/jid.ts';
import type { Sensitive } from '../stanza/sensitive.ts';

/** Conditions; all that are there must hold. */
export interface ExceptionCondition {
  readonly contactDomain?: string;
  readonly accountDomain?: string;
  readonly gatekeeper?: string;
  /** The operator's name for the listener that the client has connected to. */
  readonly listener?: string;
  /** Claims of the client's ownership token, by name. */
  readonly identity?: Readonly<Record<string, ClaimValue>>;
  /** Where the client's address is: countries (ISO 3166-1) and subdivisions (ISO 3166-2); one must fit. */
  readonly region?: readonly string[];
}

/** Where an address is, as the operator's table says. */
export interface KnownRegion {
  readonly country: string;
  /** '' when the table does not say. */
  readonly subdivision: string;
}

/** What is known of the connection and the client, apart from gatekeeper, account and contact. */
export interface Circumstances {
  readonly listener?: string | undefined;
  /** Undefined until the client's token was accepted; empty when it has none. */
  readonly knownClaims?: OwnershipClaims | undefined;
  /** Undefined when no prefix of the table holds the address. */
  readonly region?: Sensitive<KnownRegion> | undefined;
}

export type Holding = 'yes' | 'no' | 'unknown';

/** What the condition says of everything but the stanza's contact.
 *  @param account domain of the account; undefined where no account can be meant, such as in a connection */
export function holdsFor(
  when: ExceptionCondition,
  facts: Circumstances & { readonly gatekeeper: string },
  account: string | undefined,
): Holding {
  if (when.gatekeeper !== undefined && when.gatekeeper !== facts.gatekeeper) return 'no';
  if (when.accountDomain !== undefined && (account === undefined || when.accountDomain !== domainOf(account)))
    return 'no';
  return worst(listenerHolds(when, facts), worst(identityHolds(when, facts), regionHolds(when, facts)));
}

function worst(one: Holding, other: Holding): Holding {
  if (one === 'no' || other === 'no') return 'no';
  return one === 'unknown' ? one : other;
}

function listenerHolds({ listener }: ExceptionCondition, facts: Circumstances): Holding {
  if (listener === undefined) return 'yes';
  if (facts.listener === undefined) return 'unknown';
  return listener === facts.listener ? 'yes' : 'no';
}

function identityHolds({ identity }: ExceptionCondition, { knownClaims }: Circumstances): Holding {
  if (identity === undefined) return 'yes';
  if (knownClaims === undefined) return 'unknown';
  const all = Object.entries(identity).every(([name, value]) => knownClaims.get(name)?.reveal() === value);
  return all ? 'yes' : 'no';
}

function regionHolds({ region: wanted }: ExceptionCondition, { region }: Circumstances): Holding {
  if (wanted === undefined) return 'yes';
  if (region === undefined) return 'unknown';
  const { country, subdivision } = region.reveal();
  if (wanted.includes(country) || wanted.includes(subdivision)) return 'yes';
  // The table says the country only: the subdivision that is asked for may be the one.
  return subdivision === '' && wanted.some((each) => each.startsWith(`${country}-`)) ? 'unknown' : 'no';
}

/** Whether every session that meets the first meets the second. */
export function implies(when: ExceptionCondition, other: ExceptionCondition): boolean {
  const same = plainConditions.every((key) => other[key] === undefined || other[key] === when[key]);
  const claims = Object.entries(other.identity ?? {}).every(
    ([name, value]) => when.identity?.[name] === value,
  );
  return same && claims && (other.region === undefined || regionsWithin(when.region, other.region));
}

function regionsWithin(regions: readonly string[] | undefined, wanted: readonly string[]): boolean {
  return regions?.every((each) => wanted.some((one) => each === one || each.startsWith(`${one}-`))) ?? false;
}

const plainConditions = ['contactDomain', 'accountDomain', 'gatekeeper', 'listener'] as const;

/** Whether some session could meet both. */
export function canMeetBoth(a: ExceptionCondition, b: ExceptionCondition): boolean {
  const same = plainConditions.every(
    (key) => a[key] === undefined || b[key] === undefined || a[key] === b[key],
  );
  return same && claimsMeet(a.identity, b.identity) && regionsMeet(a.region, b.region);
}

function claimsMeet(a: ExceptionCondition['identity'] = {}, b: ExceptionCondition['identity'] = {}): boolean {
  return Object.entries(a).every(([name, value]) => b[name] === undefined || b[name] === value);
}

function regionsMeet(a: ExceptionCondition['region'], b: ExceptionCondition['region']): boolean {
  if (a === undefined || b === undefined) return true;
  return a.some((one) =>
    b.some((other) => one === other || one.startsWith(`${other}-`) || other.startsWith(`${one}-`)),
  );
}

/** The conditions by the keys of a policy, values in words. */
export function describeWhen(when: ExceptionCondition): Readonly<Record<string, string>> {
  const { contactDomain, accountDomain, gatekeeper, listener, identity, region } = when;
  return {
    ...(contactDomain !== undefined && { 'contact-domain': contactDomain }),
    ...(accountDomain !== undefined && { 'account-domain': accountDomain }),
    ...(gatekeeper !== undefined && { gatekeeper }),
    ...(listener !== undefined && { listener }),
    ...(identity !== undefined && {
      identity: Object.entries(identity)
        .map(([name, value]) => `${name} ${String(value)}`)
        .join(', '),
    }),
    ...(region !== undefined && { region: region.join(', ') }),
  };
}
