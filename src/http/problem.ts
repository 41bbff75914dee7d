/** Problem documents (RFC 9457), of both ports. The code is the closed word a caller may branch on; the sentence is
 *  ours and constant. Nothing of the request, of a token or of another party's answer comes back. */
import { adminErrors, httpErrors, type AdminErrorCode } from '../observability/http-errors.ts';
import type { HttpCode } from '../observability/http-words.ts';
import { tokenErrors } from '../observability/token-errors.ts';

/** Every refusal of the public port. `deploy/openapi.yaml` says which route answers with which. */
export type PublicProblemCode = HttpCode;
export type ProblemCode = PublicProblemCode | AdminErrorCode;

const details: Readonly<Record<ProblemCode, { readonly cause: string }>> = {
  ...httpErrors,
  ...tokenErrors,
  ...adminErrors,
  ERR_INTERNAL: { cause: 'The request failed inside the proxy.' },
};

/** By what a caller can do about it (RFC 9110 §15.5, §15.6). */
const statuses: Readonly<Record<number, readonly ProblemCode[]>> = {
  400: [
    'ERR_HTTP_MALFORMED',
    'ERR_HTTP_JSON',
    'ERR_HTTP_JSON_DUPLICATE',
    'ERR_HTTP_MEMBER',
    'ERR_IDEMPOTENCY_KEY',
  ],
  403: [
    'ERR_TOKEN_CLAIM_UNLISTED',
    'ERR_ENLISTMENT_REFUSED',
    'ERR_PUSH_CALLER',
    'ERR_MEDIA_TOKEN_AUDIENCE',
    'ERR_MEDIA_ORIGIN',
    'ERR_MEDIA_POLICY',
    'ERR_ADMIN_ADDRESS',
    'ERR_ADMIN_ORIGIN',
  ],
  404: [
    'ERR_HTTP_NOT_FOUND',
    'ERR_GATEKEEPER_UNKNOWN',
    'ERR_ENLISTMENT_UNKNOWN',
    'ERR_MEDIA_TOKEN',
    'ERR_MEDIA_NOT_FOUND',
  ],
  405: ['ERR_HTTP_METHOD'],
  408: ['ERR_HTTP_TIMEOUT', 'ERR_HTTP_BODY_TIMEOUT'],
  409: ['ERR_ENLISTMENT_CONFLICT'],
  410: ['ERR_PUSH_GONE', 'ERR_MEDIA_TOKEN_EXPIRED'],
  413: ['ERR_HTTP_BODY_TOO_LARGE'],
  415: ['ERR_HTTP_BODY_TYPE'],
  421: ['ERR_ADMIN_HOST'],
  422: ['ERR_IDEMPOTENCY_MISMATCH', 'ERR_PUSH_NOTHING_LEFT', 'ERR_EXPLAIN_STANZA'],
  431: ['ERR_HTTP_HEADERS'],
  500: ['ERR_INTERNAL'],
  502: [
    'ERR_ENLISTMENT_API_UNREACHABLE',
    'ERR_ENLISTMENT_API_ANSWER',
    'ERR_PROVIDER_UNREACHABLE',
    'ERR_PROVIDER_ANSWER',
    'ERR_MEDIA_ADDRESS',
    'ERR_MEDIA_REDIRECT',
    'ERR_MEDIA_TOO_LARGE',
    'ERR_MEDIA_UNREACHABLE',
    'ERR_MEDIA_ANSWER',
  ],
  503: [
    'ERR_HTTP_OVERLOAD',
    'ERR_KEYS_UNAVAILABLE',
    'ERR_METADATA_UNAVAILABLE',
    'ERR_ENLISTMENT_BUSY',
    'ERR_ATTESTATION_UNAVAILABLE',
    'ERR_ENLISTMENT_API_BUSY',
    'ERR_PUSH_BUSY',
    'ERR_MEDIA_BUSY',
    'ERR_NOT_READY',
    'ERR_NOT_STARTED',
  ],
  504: ['ERR_ENLISTMENT_API_TIMEOUT', 'ERR_PROVIDER_TIMEOUT', 'ERR_MEDIA_TIMEOUT'],
};

const statusByCode = new Map(
  Object.entries(statuses).flatMap(([status, codes]) => codes.map((code) => [code, Number(status)])),
);

/** What is wrong with a token is 401 unless said otherwise. */
export function statusOf(code: ProblemCode): number {
  return statusByCode.get(code) ?? 401;
}

/** Numbers that a problem carries in addition to its code, units in their names. */
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
    this.status = statusOf(code);
    this.numbers = numbers;
    this.retryAfterS = retryAfterS;
  }
}

/** `type` is left out, which means `about:blank` (RFC 9457 §4.2.1): the code is what tells problems apart.
 *  @param members further members: state of the proxy, nothing of the request */
export function renderProblem(problem: HttpProblem, members: object = {}): Response {
  const { code, status, numbers, retryAfterS } = problem;
  const body = { status, code, detail: details[code].cause, ...numbers, ...members };
  const headers = new Headers({ 'content-type': 'application/problem+json', 'cache-control': 'no-store' });
  if (retryAfterS !== undefined) headers.set('retry-after', String(retryAfterS));
  // RFC 6750 §3: the challenge to a request without a token has no error code.
  if (status === 401)
    headers.set('www-authenticate', code === 'ERR_TOKEN_MISSING' ? 'Bearer' : 'Bearer error="invalid_token"');
  return new Response(JSON.stringify(body), { status, headers });
}
