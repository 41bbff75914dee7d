/** Problem documents (RFC 9457) of both ports. The code is a closed word that a caller may branch on; the sentence
 *  is constant. Nothing of the request, of a token or of another party's answer is returned. */
import { adminErrors, httpErrors, type AdminErrorCode } from '../errors/http.ts';
import type { HttpCode } from '../observability/http-words.ts';
import { tokenErrors } from '../errors/token.ts';

/** Codes of every refusal on the public port. `deploy/openapi.yaml` lists them by route. */
export type PublicProblemCode = HttpCode;
export type ProblemCode = PublicProblemCode | AdminErrorCode;

const rows: Readonly<Record<ProblemCode, { readonly cause: string; readonly status: number }>> = {
  ...httpErrors,
  ...tokenErrors,
  ...adminErrors,
  ERR_INTERNAL: { cause: 'The request failed inside the proxy.', status: 500 },
};

/** Returns the status of a code (RFC 9110 §15.5, §15.6). */
export function statusOf(code: ProblemCode): number {
  return rows[code].status;
}

/** Numbers of a problem in addition to its code, with units in their names. */
export type ProblemNumbers = Readonly<Record<string, number>>;

/** Ends the handling of a request. `renderProblem` renders it. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly code: ProblemCode;
  readonly status: number;
  readonly numbers: ProblemNumbers;
  /** Seconds after which a retry may succeed (RFC 9110 §10.2.3). */
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

/** Renders a problem. `type` is left out, which means `about:blank` (RFC 9457 §4.2.1).
 *  @param members further members: state of the proxy, nothing of the request */
export function renderProblem(problem: HttpProblem, members: object = {}): Response {
  const { code, status, numbers, retryAfterS } = problem;
  const body = { status, code, detail: rows[code].cause, ...numbers, ...members };
  const headers = new Headers({ 'content-type': 'application/problem+json', 'cache-control': 'no-store' });
  if (retryAfterS !== undefined) headers.set('retry-after', String(retryAfterS));
  // The challenge to a request without a token has no error code (RFC 6750 §3).
  if (status === 401)
    headers.set('www-authenticate', code === 'ERR_TOKEN_MISSING' ? 'Bearer' : 'Bearer error="invalid_token"');
  return new Response(JSON.stringify(body), { status, headers });
}
