/** One call to a gatekeeper for a client: the headers that the policy allows, the attestation, and the body. */
import type { HttpContext } from '../env.ts';
import type { ExchangeOutcome } from '../calls/exchange.ts';
import { HttpProblem, type ProblemCode } from '../problem.ts';
import { clientHeaders } from './client-headers.ts';
import type { EnlistmentGatekeeper, EnlistmentOptions } from './gatekeeper.ts';

export interface EnlistmentCall {
  readonly method: 'POST' | 'DELETE';
  readonly url: URL;
  /** The gatekeeper's name in the configuration. */
  readonly name: string;
  readonly gatekeeper: Pick<EnlistmentGatekeeper, 'exchange' | 'authorization'>;
  /** The client's request. */
  readonly context: HttpContext;
  readonly type: 'application/json' | 'application/x-www-form-urlencoded';
  readonly body: string;
  /** By which the gatekeeper knows a repeated request; none by default. */
  readonly idempotencyKey?: string;
}

/** Sends a call and returns a successful answer.
 *  @throws HttpProblem for any other outcome */
export async function callGatekeeper(
  { method, url, name, gatekeeper, context, type, body, idempotencyKey }: EnlistmentCall,
  { attest, policy, limits }: EnlistmentOptions,
): Promise<Extract<ExchangeOutcome, { kind: 'answer' }>> {
  const client = context.env.connection;
  const { exchange, authorization } = gatekeeper;
  const outcome = await exchange({
    method,
    url,
    headers: {
      ...clientHeaders(context.req.raw.headers, name, policy),
      accept: 'application/json',
      'content-type': type,
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      ...(authorization === undefined ? {} : { authorization: await authorization() }),
    },
    headersFor: async (outgoing) => {
      const attestation = await attest(name, client, outgoing);
      return attestation === undefined ? {} : { 'connection-signals': attestation };
    },
    body,
    timeoutMs: limits.enlistmentTimeoutMs,
    answerBytesMax: limits.enlistmentAnswerBytesMax,
  });
  return judge(outcome);
}

const refusals: Readonly<Record<number, ProblemCode>> = {
  404: 'ERR_ENLISTMENT_UNKNOWN',
  409: 'ERR_ENLISTMENT_CONFLICT',
  410: 'ERR_ENLISTMENT_UNKNOWN',
  429: 'ERR_ENLISTMENT_API_BUSY',
  503: 'ERR_ENLISTMENT_API_BUSY',
};

const retryAfterMaxS = 3_600;

/** Returns a successful answer. Another outcome becomes a problem in the proxy's words: the gatekeeper's text is not
 *  passed on.
 *  @throws HttpProblem */
function judge(outcome: ExchangeOutcome): Extract<ExchangeOutcome, { kind: 'answer' }> {
  if (outcome.kind === 'timeout') throw new HttpProblem('ERR_ENLISTMENT_API_TIMEOUT');
  if (outcome.kind === 'unreachable') throw new HttpProblem('ERR_ENLISTMENT_API_UNREACHABLE');
  if (outcome.kind === 'too-large') throw new HttpProblem('ERR_ENLISTMENT_API_ANSWER');
  if (outcome.kind === 'unsent') throw new HttpProblem('ERR_ATTESTATION_UNAVAILABLE', { retryAfterS: 1 });
  const { status, headers } = outcome;
  if (status >= 200 && status < 300) return outcome;
  const known = refusals[status];
  const code =
    known ?? (status >= 400 && status < 500 ? 'ERR_ENLISTMENT_REFUSED' : 'ERR_ENLISTMENT_API_ANSWER');
  if (code !== 'ERR_ENLISTMENT_API_BUSY') throw new HttpProblem(code);
  const asked = Number(headers['retry-after']);
  throw new HttpProblem(code, {
    retryAfterS: Number.isInteger(asked) && asked > 0 ? Math.min(asked, retryAfterMaxS) : 5,
  });
}
