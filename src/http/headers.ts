/** Headers that may leave the proxy, one list per audience. They are written anew; an unlisted header does not pass. */

/** Headers of requests to the provider and to the gatekeeper's API: the proxy's own, and those of the client that
 *  the policy allows. */
type OutboundHeader =
  | 'accept'
  | 'accept-encoding'
  | 'accept-language'
  | 'authorization'
  | 'connection-signals'
  | 'content-type'
  | 'cookie'
  | 'forwarded'
  | 'idempotency-key'
  | 'if-none-match'
  | 'if-match'
  | 'if-modified-since'
  | 'if-unmodified-since'
  | 'if-range'
  | 'origin'
  | 'range'
  | 'referer'
  | 'user-agent'
  | 'x-forwarded-for';

export type OutboundHeaders = Readonly<Partial<Record<OutboundHeader, string>>>;

/** Headers of an answer. Node's server adds `Date` and the framing headers. */
const answerHeaders: ReadonlySet<string> = new Set([
  'accept-ranges',
  'access-control-allow-origin',
  'allow',
  'cache-control',
  'content-disposition',
  'content-length',
  'content-range',
  'content-security-policy',
  'content-type',
  'etag',
  'location',
  'retry-after',
  'strict-transport-security',
  'www-authenticate',
  'x-content-type-options',
]);

/** Headers of every answer. No answer is a page, and content types must not be guessed. */
export const constantHeaders: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
  'strict-transport-security': 'max-age=31536000',
};

/** Returns the listed headers of an answer. */
export function answerHeadersOf(headers: Headers): Headers {
  const kept = new Headers(constantHeaders);
  for (const [name, value] of headers) if (answerHeaders.has(name)) kept.set(name, value);
  return kept;
}
