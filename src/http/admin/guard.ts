/** Decides who may use the operator's API. The admin port has no users, so the API answers callers on this machine and at
 *  listed addresses. Scrapers and probes reach the port from elsewhere. A browser on the operator's machine that runs a
 *  page of another site is refused too.
 *
 *  - Such a page may be served under a name that was made to resolve to this address (DNS rebinding). The request then
 *    carries that name: only addresses, `localhost` and listed names are answered.
 *  - A page of another origin may send a form or a fetch here without reading the answer. Browsers say so in Origin
 *    (RFC 6454 §7) or Sec-Fetch-Site (Fetch Metadata), and cannot send JSON without asking first (CORS), which is
 *    never granted: whatever changes something takes JSON only. */
import { isIP } from 'node:net';
import { addressList } from '../address-list.ts';
import { HttpProblem } from '../problem.ts';

export interface AdminCallers {
  /** Host names under which the API is called, in addition to addresses and `localhost`; lower case. */
  readonly names: readonly string[];
  /** Address ranges (CIDR) it is called from, in addition to the loopback. */
  readonly addresses: readonly string[];
}

/** @returns a guard that throws HttpProblem ERR_ADMIN_ADDRESS, ERR_ADMIN_HOST, ERR_ADMIN_ORIGIN. */
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
