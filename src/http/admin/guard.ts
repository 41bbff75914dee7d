/** Decides which callers may use the operator's API. The admin port has no users, so the API answers callers on this
 *  machine and at listed addresses; scrapers and probes reach the port from elsewhere. Two attacks through a browser on
 *  the operator's machine are refused too:
 *
 *  - DNS rebinding: a page's own host name resolves to this address. The request then carries that name, and only
 *    addresses, `localhost` and listed names are answered.
 *  - A page of another origin sends a form or a fetch and does not read the answer. Browsers state the origin in
 *    Origin (RFC 6454 §7) or Sec-Fetch-Site (Fetch Metadata). They send JSON only after a CORS request, which is
 *    never granted, so every route that changes state takes only JSON. */
import { isIP } from 'node:net';
import { addressList } from '../address-list.ts';
import { HttpProblem } from '../problem.ts';

export interface AdminCallers {
  /** Host names in lower case that requests may carry, in addition to addresses and `localhost`. */
  readonly names: readonly string[];
  /** Address ranges (CIDR) of callers, in addition to the loopback. */
  readonly addresses: readonly string[];
}

/** Returns a guard that throws.
 *  @throws HttpProblem ERR_ADMIN_ADDRESS, ERR_ADMIN_HOST, ERR_ADMIN_ORIGIN from the guard */
export function adminGuard({ names, addresses }: AdminCallers): (headers: Headers, peer: string) => void {
  const allowed = addressList(['127.0.0.0/8', '::1/128', ...addresses]);
  return (headers, peer) => {
    if (!allowed.has(peer)) throw new HttpProblem('ERR_ADMIN_ADDRESS');
    guardPage(headers, names);
  };
}

function guardPage(headers: Headers, names: readonly string[]): void {
  const host = headers.get('host') ?? '';
  const name = host
    .replace(/:\d+$/, '')
    .replaceAll(/^\[|\]$/g, '')
    .toLowerCase();
  if (isIP(name) === 0 && name !== 'localhost' && !names.includes(name))
    throw new HttpProblem('ERR_ADMIN_HOST');
  const origin = headers.get('origin');
  if (origin !== null && origin !== `http://${host}`) throw new HttpProblem('ERR_ADMIN_ORIGIN');
  const site = headers.get('sec-fetch-site');
  if (site !== null && site !== 'same-origin' && site !== 'none') throw new HttpProblem('ERR_ADMIN_ORIGIN');
}
