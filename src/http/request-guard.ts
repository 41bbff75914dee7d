/** Refuses requests that two HTTP parsers may read differently (RFC 9112 §11.2), before any route. */
import type { HttpEnv } from './env.ts';
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

/** Limits of the fields of a request. */
export interface HeaderLimits {
  readonly headersMax: number;
  readonly headerBytesMax: number;
}

/** Checks the request line and headers.
 *  @throws HttpProblem ERR_HTTP_HEADERS, ERR_HTTP_MALFORMED */
export function guardRequest(incoming: HttpEnv['Bindings']['incoming'], limits: HeaderLimits): void {
  const { rawHeaders, url = '' } = incoming;
  const { headersMax } = limits;
  const pseudoHeaders = incoming.httpVersionMajor === 2 ? checkHttp2Fields(rawHeaders, limits) : 0;
  if (rawHeaders.length / 2 - pseudoHeaders > headersMax)
    throw new HttpProblem('ERR_HTTP_HEADERS', { headersMax });
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

/** Bytes that a field counts in addition to its name and value (RFC 9113 §6.5.2). */
const fieldBytes = 32;

/** Checks what HTTP/1.1 has no form for: the size of fields without their compression, and two names of one host (RFC
 *  9113 §8.3.1). nghttp2 has checked the rest of §8.2 and §8.3.
 *  @returns the number of pseudo-header fields
 *  @throws HttpProblem ERR_HTTP_HEADERS, ERR_HTTP_MALFORMED */
function checkHttp2Fields(rawHeaders: readonly string[], { headerBytesMax }: HeaderLimits): number {
  let pseudoHeaders = 0;
  let bytes = 0;
  const hosts = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name, value] = [rawHeaders[at]!, rawHeaders[at + 1]!];
    bytes += name.length + value.length + fieldBytes;
    if (name.startsWith(':')) pseudoHeaders += 1;
    if (name === ':authority' || name === 'host') hosts.add(value.toLowerCase());
  }
  if (bytes > headerBytesMax) throw new HttpProblem('ERR_HTTP_HEADERS', { headerBytesMax });
  if (hosts.size !== 1) throw new HttpProblem('ERR_HTTP_MALFORMED');
  return pseudoHeaders;
}
