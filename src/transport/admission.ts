/** Limits the number of connections: in all, and from one address. All listeners share one admission. */
import { isIPv4, isIPv6 } from 'node:net';

/** Limits of connections. */
export interface AdmissionLimits {
  /** Live connections of the process (ERR_CONNECTION_LIMIT). */
  readonly connectionsMax: number;
  /** Live connections from one IPv4 address or IPv6 /64 (ERR_ADDRESS_LIMIT). */
  readonly connectionsPerAddressMax: number;
}

/** Why a connection was not admitted. */
export type RefusalCode = 'ERR_CONNECTION_LIMIT' | 'ERR_ADDRESS_LIMIT';

/** An admitted connection counts until `release`, which may be called repeatedly. `identify` counts its address once
 *  it is known, and returns a code when that address has too many connections. */
export type AdmissionAnswer =
  | {
      readonly kind: 'admitted';
      readonly release: () => void;
      readonly identify: (address: string) => RefusalCode | undefined;
    }
  | { readonly kind: 'refused'; readonly code: RefusalCode };

/** Counts live connections. Stores addresses of live connections only, so their number bounds its memory. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #perAddress = new Map<string, number>();
  #live = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /** Number of live connections. */
  get live(): number {
    return this.#live;
  }

  /** Number of distinct addresses (networks, for IPv6) of live connections. */
  get addresses(): number {
    return this.#perAddress.size;
  }

  /** Admits a connection or not.
   *  @param address the client's, as the socket prints it; undefined while unknown: a connection of a load balancer
   *  counts in the total only */
  admit(address: string | undefined): AdmissionAnswer {
    if (this.#live >= this.#limits.connectionsMax) return { kind: 'refused', code: 'ERR_CONNECTION_LIMIT' };
    let network: string | undefined;
    let released = false;
    const identify = (address: string): RefusalCode | undefined => {
      if (released || network !== undefined) return undefined;
      const candidate = networkOf(address);
      if (!this.#count(candidate)) return 'ERR_ADDRESS_LIMIT';
      network = candidate;
      return undefined;
    };
    const refusal = address === undefined ? undefined : identify(address);
    if (refusal !== undefined) return { kind: 'refused', code: refusal };
    this.#live += 1;
    return {
      kind: 'admitted',
      identify,
      release: () => {
        if (!released) this.#release(network);
        released = true;
      },
    };
  }

  #count(network: string): boolean {
    const before = this.#perAddress.get(network) ?? 0;
    if (before >= this.#limits.connectionsPerAddressMax) return false;
    this.#perAddress.set(network, before + 1);
    return true;
  }

  #release(network: string | undefined): void {
    this.#live -= 1;
    if (network === undefined) return;
    const left = this.#perAddress.get(network)! - 1;
    if (left === 0) this.#perAddress.delete(network);
    else this.#perAddress.set(network, left);
  }
}

/** Returns the network that counts as one address: an IPv4 address, or the /64 of an IPv6 address, which is the
 *  least that a subscriber has. An IPv4 address in IPv6 form, as a dual-stack listener shows it, is an IPv4 address. */
export function networkOf(address: string): string {
  if (isIPv4(address)) return address;
  const plain = address.replace(/%.*$/, '');
  const mapped = plain.slice(plain.lastIndexOf(':') + 1);
  if (isIPv4(mapped) && (mapped === plain || /^::ffff:/i.test(plain))) return mapped;
  return isIPv6(plain) ? firstGroups(plain, 4) : plain;
}

/** Returns the first groups of an IPv6 address, with `::` written out and without leading zeros. */
function firstGroups(address: string, count: number): string {
  const [head = '', tail] = address.toLowerCase().split('::');
  const before = groups(head);
  const after = groups(tail ?? '');
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - before.length - after.length }, () => '0');
  const all = [...before, ...zeros, ...after];
  return all
    .slice(0, count)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}

function groups(text: string): string[] {
  // An IPv4 address at the end takes two groups, both after the fourth, so their values do not matter.
  return text === '' ? [] : text.split(':').flatMap((group) => (isIPv4(group) ? ['', ''] : [group]));
}
