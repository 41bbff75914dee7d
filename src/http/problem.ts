/** Problem documents (RFC 9457). The code is the closed word a caller may branch on; the sentence is ours and
 *  constant. Details are numbers: nothing of the request, of a token or of another party's answer comes back. */

interface Problem {
  readonly status: number;
  readonly detail: string;
}

/** Every refusal of the HTTP plane. `deploy/openapi.yaml` says which route answers with which. */
export const problems = {
  // HTTP itself.
  ERR_HTTP_NOT_FOUND: { status: 404, detail: 'There is nothing at this path.' },
  ERR_HTTP_METHOD: { status: 405, detail: 'This path does not take this method.' },
  ERR_HTTP_MALFORMED: { status: 400, detail: 'The request is not HTTP that every reader understands alike.' },
  ERR_HTTP_HEADERS: { status: 431, detail: 'The request has too many header fields, or too large ones.' },
  ERR_HTTP_TIMEOUT: { status: 408, detail: 'The request did not arrive in time.' },
  ERR_HTTP_BODY_TYPE: { status: 415, detail: 'The body must be application/json, unencoded.' },
  ERR_HTTP_BODY_TOO_LARGE: { status: 413, detail: 'The body is larger than this route takes.' },
  ERR_HTTP_BODY_TIMEOUT: { status: 408, detail: 'The body did not arrive in time.' },
  ERR_HTTP_JSON: { status: 400, detail: 'The body is not a JSON object in UTF-8.' },
  ERR_HTTP_JSON_DUPLICATE: { status: 400, detail: 'The body names a member twice.' },
  ERR_HTTP_MEMBER: { status: 400, detail: 'A member or header is missing, unknown or of the wrong form.' },
  ERR_INTERNAL: { status: 500, detail: 'The request failed inside the proxy.' },
  // A signed token (RFC 7519): an ownership proof or a gatekeeper's call.
  ERR_TOKEN_MISSING: { status: 401, detail: 'There is no bearer token.' },
  ERR_TOKEN_TOO_LARGE: { status: 401, detail: 'The token is larger than the limit.' },
  ERR_TOKEN_MALFORMED: { status: 401, detail: 'The token is not a JWS in compact form with JSON inside.' },
  ERR_TOKEN_DUPLICATE: { status: 401, detail: 'The token names a member twice.' },
  ERR_TOKEN_UNSECURED: { status: 401, detail: 'The token is not signed.' },
  ERR_TOKEN_ALGORITHM: { status: 401, detail: 'The token is signed with an algorithm that is not allowed.' },
  ERR_TOKEN_CRITICAL: { status: 401, detail: 'The token asks for an extension that is not understood.' },
  ERR_TOKEN_EMBEDDED_KEY: { status: 401, detail: 'The token brings or points to its own key.' },
  ERR_TOKEN_TYPE: { status: 401, detail: 'The token is of another type.' },
  ERR_TOKEN_KEY_UNKNOWN: { status: 401, detail: 'The token names no key of its issuer.' },
  ERR_TOKEN_KEY_MISMATCH: { status: 401, detail: 'The key the token names is not made for its algorithm.' },
  ERR_TOKEN_SIGNATURE: { status: 401, detail: 'The signature of the token does not verify.' },
  ERR_TOKEN_CLAIM_MISSING: { status: 401, detail: 'A claim the token must have is missing or malformed.' },
  ERR_TOKEN_ISSUER: { status: 401, detail: 'The token is of another issuer.' },
  ERR_TOKEN_AUDIENCE: { status: 401, detail: 'The token is for another audience.' },
  ERR_TOKEN_EXPIRED: { status: 401, detail: 'The token has expired.' },
  ERR_TOKEN_NOT_YET_VALID: { status: 401, detail: 'The token is not valid yet.' },
  ERR_TOKEN_LIFETIME: { status: 401, detail: 'The token lives longer than allowed.' },
  ERR_TOKEN_NONCE: { status: 401, detail: 'The nonce of the token is not the one of this request.' },
  ERR_TOKEN_REPLAYED: { status: 401, detail: 'The token was used for another request already.' },
  ERR_TOKEN_CLAIM_UNLISTED: { status: 403, detail: 'The token has claims beyond those allowed.' },
  ERR_KEYS_UNAVAILABLE: { status: 503, detail: 'The keys of the issuer cannot be had.' },
  ERR_METADATA_UNAVAILABLE: { status: 503, detail: 'The metadata of the issuer cannot be had.' },
  // Enlistment.
  ERR_GATEKEEPER_UNKNOWN: { status: 404, detail: 'There is no such gatekeeper.' },
  ERR_IDEMPOTENCY_KEY: { status: 400, detail: 'Idempotency-Key must be 16 to 128 unguessable characters.' },
  ERR_IDEMPOTENCY_MISMATCH: { status: 422, detail: 'The idempotency key belongs to a different request.' },
  ERR_ENLISTMENT_BUSY: { status: 503, detail: 'Too many enlistments are under way.' },
  ERR_ENLISTMENT_REFUSED: { status: 403, detail: 'The gatekeeper refused.' },
  ERR_ENLISTMENT_CONFLICT: { status: 409, detail: 'The gatekeeper knows a conflicting enlistment.' },
  ERR_ENLISTMENT_UNKNOWN: { status: 404, detail: 'The gatekeeper knows no such enlistment.' },
  ERR_ATTESTATION_UNAVAILABLE: { status: 503, detail: 'The connection could not be attested.' },
  ERR_GATEKEEPER_UNREACHABLE: { status: 502, detail: 'The gatekeeper could not be reached.' },
  ERR_GATEKEEPER_TIMEOUT: { status: 504, detail: 'The gatekeeper did not answer in time.' },
  ERR_GATEKEEPER_BUSY: { status: 503, detail: 'The gatekeeper asks to come back later.' },
  ERR_GATEKEEPER_ANSWER: { status: 502, detail: 'The gatekeeper gave no usable answer.' },
  // Push.
  ERR_PUSH_CALLER: { status: 403, detail: 'The caller is not this gatekeeper.' },
  ERR_PUSH_NOTHING_LEFT: { status: 422, detail: 'The policy leaves nothing of this notification.' },
  ERR_PUSH_BUSY: { status: 503, detail: 'Too many notifications are under way.' },
  ERR_PUSH_GONE: { status: 410, detail: 'The provider no longer knows this recipient.' },
  ERR_PROVIDER_UNREACHABLE: { status: 502, detail: 'The provider could not be reached.' },
  ERR_PROVIDER_TIMEOUT: { status: 504, detail: 'The provider did not answer in time.' },
  ERR_PROVIDER_ANSWER: { status: 502, detail: 'The provider did not take the notification.' },
  // Media.
  ERR_MEDIA_TOKEN: { status: 404, detail: 'The media token is not one of ours.' },
  ERR_MEDIA_TOKEN_EXPIRED: { status: 410, detail: 'The media token has expired.' },
  ERR_MEDIA_TOKEN_AUDIENCE: { status: 403, detail: 'The media token was made for someone else.' },
  ERR_MEDIA_ORIGIN: { status: 403, detail: 'The media server is not on the list.' },
  ERR_MEDIA_ADDRESS: { status: 502, detail: 'The media server resolves to an address that is not allowed.' },
  ERR_MEDIA_POLICY: { status: 403, detail: 'The policy does not let media be fetched.' },
  ERR_MEDIA_BUSY: { status: 503, detail: 'Too many downloads are under way.' },
  ERR_MEDIA_NOT_FOUND: { status: 404, detail: 'The media server does not have it.' },
  ERR_MEDIA_REDIRECT: { status: 502, detail: 'The media server points elsewhere.' },
  ERR_MEDIA_TOO_LARGE: { status: 502, detail: 'The media is larger than the limit.' },
  ERR_MEDIA_UNREACHABLE: { status: 502, detail: 'The media server could not be reached.' },
  ERR_MEDIA_TIMEOUT: { status: 504, detail: 'The media server did not answer in time.' },
  ERR_MEDIA_ANSWER: { status: 502, detail: 'The media server gave no usable answer.' },
} as const satisfies Readonly<Record<string, Problem>>;

export type ProblemCode = keyof typeof problems;

/** What may stand beside a code: numbers of ours, units in their names. */
export type ProblemNumbers = Readonly<Record<string, number>>;

/** Ends the handling of a request; rendered by `renderProblem`. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly code: ProblemCode;
  readonly status: number;
  readonly numbers: ProblemNumbers;
  /** Seconds until it is worth coming back (RFC 9110 §10.2.3). */
  readonly retryAfterS: number | undefined;

  constructor(
    code: ProblemCode,
    { retryAfterS, ...numbers }: ProblemNumbers & { readonly retryAfterS?: number } = {},
  ) {
    super(code);
    this.code = code;
    this.status = problems[code].status;
    this.numbers = numbers;
    this.retryAfterS = retryAfterS;
  }
}

/** `type` is left out, which means `about:blank` (RFC 9457 §4.2.1): the code is what tells problems apart. */
export function renderProblem(problem: HttpProblem): Response {
  const { code, status, numbers, retryAfterS } = problem;
  const body = { status, code, detail: problems[code].detail, ...numbers };
  const headers = new Headers({ 'content-type': 'application/problem+json', 'cache-control': 'no-store' });
  if (retryAfterS !== undefined) headers.set('retry-after', String(retryAfterS));
  const challenge = challengeOf(code);
  if (challenge !== undefined) headers.set('www-authenticate', challenge);
  return new Response(JSON.stringify(body), { status, headers });
}

/** RFC 6750 §3: a request without a token is told only what is wanted. */
function challengeOf(code: ProblemCode): string | undefined {
  if (problems[code].status !== 401) return undefined;
  return code === 'ERR_TOKEN_MISSING' ? 'Bearer' : 'Bearer error="invalid_token"';
}
