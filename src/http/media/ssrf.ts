/** Protects the media relay against server-side request forgery. A URL comes from a message, so its origin must be
 *  listed, its name is resolved once, every resolved address must be public, and the connection goes to one of those
 *  addresses. A second look-up, which could answer differently, is never made. */
import type { LookupAddress } from 'node:dns';
import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { callbackify } from 'node:util';
import { addressList } from '../address-list.ts';
import { HttpProblem } from '../problem.ts';

export interface SsrfOptions {
  /** Such as `https://media.example.org`, with a port if it has one, or `https://*.media.example.org` for its
   *  subdomains. */
  readonly origins: readonly string[];
  /** Address ranges (CIDR) that are allowed although they are not public, for media servers in the same network. */
  readonly allowAddresses?: readonly string[];
  readonly resolve?: (hostname: string) => Promise<readonly LookupAddress[]>;
}

export interface SsrfGuard {
  /** Returns whether the URL is of a listed origin, whatever its address. */
  lists(url: string): boolean;
  /** Parses a URL that the relay may fetch.
   *  @throws HttpProblem ERR_MEDIA_ORIGIN; ERR_MEDIA_ADDRESS for a literal address that is not allowed */
  checkUrl(url: string): URL;
  /** Resolves names for the connecting socket; fails with the code ERR_MEDIA_ADDRESS. */
  readonly lookup: LookupFunction;
}

export function createSsrfGuard(options: SsrfOptions): SsrfGuard {
  const { origins, allowAddresses = [], resolve = resolveAll } = options;
  const allowed = addressList(allowAddresses);
  const mayConnect = (address: string): boolean => allowed.has(address) || isPublicAddress(address);
  // One forbidden address refuses the whole answer: an honest name does not mix both kinds.
  const check = callbackify(async (hostname: string) => {
    const addresses = await resolve(hostname);
    if (addresses.length > 0 && addresses.every(({ address }) => mayConnect(address))) return addresses;
    throw new HttpProblem('ERR_MEDIA_ADDRESS');
  });
  const listed = (text: string): URL | undefined => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || url.username !== '' || url.password !== '') return undefined;
    return origins.some((origin) => matchesOrigin(url, origin)) ? url : undefined;
  };
  return {
    lists: (text) => listed(text) !== undefined,
    checkUrl: (text) => {
      const url = listed(text);
      if (url === undefined) throw new HttpProblem('ERR_MEDIA_ORIGIN');
      const literal = url.hostname.replace(/^\[|\]$/g, '');
      // A literal address is connected to without a look-up.
      if (isIP(literal) !== 0 && !mayConnect(literal)) throw new HttpProblem('ERR_MEDIA_ADDRESS');
      return url;
    },
    lookup: (hostname, { all }, callback) => {
      check(hostname, (error, addresses) => {
        if (error !== null) callback(error, '');
        else if (all === true) callback(null, [...addresses]);
        else callback(null, addresses[0]!.address, addresses[0]!.family);
      });
    },
  };
}

async function resolveAll(hostname: string): Promise<readonly LookupAddress[]> {
  return systemLookup(hostname, { all: true });
}

function matchesOrigin(url: URL, origin: string): boolean {
  const [scheme, name] = origin.split('://*.');
  if (name === undefined) return url.origin === origin;
  return url.protocol === `${scheme}:` && url.host.endsWith(`.${name}`);
}

/** Ranges of IPv4 that are not public (IANA special-purpose registry, RFC 6890; multicast; the reserved class E). */
const specialIPv4 = addressList([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]);

/** The public ranges of IPv6: global unicast, of which protocol assignments with Teredo (2001::/23), documentation
 *  and 6to4 are excepted. */
const globalIPv6 = addressList(['2000::/3']);
const specialIPv6 = addressList(['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']);
/** Ranges whose last 32 bits are the IPv4 address that is reached: mapped (RFC 4291 §2.5.5.2) and NAT64 (RFC 6052
 *  §2.1). */
const embeddingIPv6 = addressList(['::ffff:0:0/96', '64:ff9b::/96']);

export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !specialIPv4.has(address);
  // A zone is valid on a link only.
  if (family !== 6 || address.includes('%')) return false;
  if (embeddingIPv6.has(address)) return !specialIPv4.has(embeddedIPv4(address));
  return globalIPv6.has(address) && !specialIPv6.has(address);
}

function embeddedIPv4(address: string): string {
  // The URL parser gives the canonical form: no dotted quad, at most one `::`.
  const groups = new URL(`http://[${address}]/`).hostname.slice(1, -1).split(':');
  const [high, low] = [groups.at(-2), groups.at(-1)].map((group) => Number.parseInt(group || '0', 16));
  return [high! >> 8, high! & 255, low! >> 8, low! & 255].join('.');
}
