/** Refusals of the admin port as problem documents (RFC 9457). */

/** Every code the admin port answers with. ERRORS.md is checked against this table. */
export const adminProblems = {
  ERR_HTTP_NOT_FOUND: {
    status: 404,
    detail: 'There is nothing at this path.',
    wayOut: 'The admin port has /livez, /readyz, /startupz and /metrics.',
  },
  ERR_HTTP_METHOD: {
    status: 405,
    detail: 'This path does not take this method.',
    wayOut: 'Use a method of the Allow header.',
  },
  ERR_NOT_READY: {
    status: 503,
    detail: 'The proxy takes no new clients.',
    wayOut: 'The members beside the code tell why: the proxy is draining, or a listener is not open.',
  },
  ERR_NOT_STARTED: {
    status: 503,
    detail: 'The proxy has not finished starting.',
    wayOut: 'Wait; if it lasts, look into the log.',
  },
  ERR_INTERNAL: {
    status: 500,
    detail: 'The request failed inside the proxy.',
    wayOut: 'Please report it with the version and the log lines around it.',
  },
} as const satisfies Readonly<Record<`ERR_${string}`, { status: number; detail: string; wayOut: string }>>;

export type AdminProblemCode = keyof typeof adminProblems;

/** `type` is left out, which means `about:blank` (RFC 9457 §4.2.1): the code tells problems apart.
 *  @param members beside the code: what the proxy knows of itself, nothing of the request. */
export function adminProblem(
  code: AdminProblemCode,
  members: object = {},
  headers: Readonly<Record<string, string>> = {},
): Response {
  const { status, detail } = adminProblems[code];
  const all = new Headers(headers);
  all.set('content-type', 'application/problem+json');
  return new Response(JSON.stringify({ status, code, detail, ...members }), { status, headers: all });
}
