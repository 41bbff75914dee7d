/** Refuses requests that two HTTP parsers may read differently (RFC 9112 §11.2), before any route. */
import type { IncomingMessage } from 'node:http';
import { HttpProblem } from './problem.ts';

/** Fields that a request may have once: of two, one parser takes the first and another the last. */
const singletons: ReadonlySet<string> = new Set([
  'authorization',
  'content-length',
  'content-type',
  'host',
  'idempotency-key',
  'if-range',
  'ownership-nonce',
  'range',
  'transfer-encoding',
]);

/** Checks the request line and headers.
 *  @throws HttpProblem ERR_HTTP_HEADERS, ERR_HTTP_MALFORMED */
export function guardRequest({ rawHeaders, url = '' }: IncomingMessage, headersMax: number): void {
  if (rawHeaders.length / 2 > headersMax) throw new HttpProblem('ERR_HTTP_HEADERS', { headersMax });
  // Origin form only (RFC 9112 §3.2.1): an absolute target has a second host next to the Host field.
  if (!url.startsWith('/')) throw new HttpProblem('ERR_HTTP_MALFORMED');
  const seen = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase();
    if (!singletons.has(name)) continue;
    if (seen.has(name)) throw new HttpProblem('ERR_HTTP_MALFORMED');
    seen.add(name);
  }
}
