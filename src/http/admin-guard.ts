/** Who may use the operator's API. The admin port has no users: whoever reaches it may use it, so what is kept out is
 *  a browser on the operator's machine that works for somebody else's page.
 *
 *  - Such a page may be served under a name that was made to resolve to this address (DNS rebinding). The request then
 *    carries that name: only addresses, `localhost` and listed names are answered.
 *  - A page of another origin may send a form or a fetch here without reading the answer. Browsers say so in Origin
 *    (RFC 6454 §7) or Sec-Fetch-Site (Fetch Metadata), and cannot send JSON without asking first (CORS), which is
 *    never granted: whatever changes something takes JSON only. */
import { isIP } from 'node:net';
import { HttpProblem } from './problem.ts';

/** @param names further host names, lower case.
 *  @throws HttpProblem ERR_ADMIN_HOST, ERR_ADMIN_ORIGIN */
export function guardAdminRequest(headers: Headers, names: readonly string[]): void {
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
