/** The operator's API of a running proxy. It returns counts and policies, never data of a user.
 *
 *  | route | does |
 *  |---|---|
 *  | `GET /api/sessions` | counts live sessions by listener, gatekeeper and phase |
 *  | `GET /api/refusals/CODE` | why the client was refused that was sent this support code |
 *  | `GET /api/policy` | the policy in force, its digest, and the one in its shadow |
 *  | `POST /api/policy/explain` | what that policy does to a stanza, and by which rule |
 *  | `POST /api/reload` | reads every watched file again, as SIGHUP does, and returns what became of each part |
 *  | `POST /api/drain` | begins to stop, as SIGTERM does | */
import { Hono } from 'hono';
import type { FileSummary } from '../../observability/file-states.ts';
import type { SessionCount } from '../../observability/session-gauge.ts';
import type { ExceptionSummary } from '../../policy/exceptions.ts';
import type { Explanation } from '../../policy/explain.ts';
import { adminGuard, type AdminCallers } from './guard.ts';
import type { HttpEnv } from '../env.ts';
import { HttpProblem } from '../problem.ts';
import { readJsonBody } from '../request-body.ts';
import type { JsonObject } from '../strict-json.ts';

/** The policy in force, with its treatments in words. */
export interface PolicySummary {
  readonly name: string;
  /** Name of this policy, of the one it extends, and so on. */
  readonly lineage: readonly string[];
  /** Under `shadow` nothing is enforced: every field passes unchanged. */
  readonly mode: 'enforce' | 'shadow';
  /** Treatment of unlisted elements and attributes. */
  readonly unlisted: string;
  readonly audiences: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly exceptions: readonly ExceptionSummary[];
}

export interface PoliciesSummary {
  /** `rejected`: newer files have errors, so these are still in force. */
  readonly state: 'loaded' | 'rejected';
  /** SHA-256 of the files' texts, as in attestations. */
  readonly digest: string;
  readonly enforced: PolicySummary;
  readonly shadow: PolicySummary | null;
}

export interface ExplainRequest {
  readonly from: 'client' | 'gatekeeper';
  /** One element, with its namespaces declared. */
  readonly stanza: string;
  /** Bare JID of the session's account. */
  readonly account?: string;
  readonly gatekeeper?: string;
}

/** Why a client was refused. */
export interface RefusalSummary {
  /** Phase that its session had reached. */
  readonly phase: string;
  /** Code in the table of errors. */
  readonly code: string;
  /** Minute in UTC, such as `2026-11-29T17:03Z`. */
  readonly minute: string;
}

export interface AdminApi {
  readonly sessions: () => readonly SessionCount[];
  /** Looks a support code up. `too-many`: the rate of look-ups is exceeded.
   *  @param code as the caller wrote it */
  readonly refusal: (code: string) => RefusalSummary | 'unknown' | 'too-many';
  readonly policy: () => PoliciesSummary;
  /** Explains a stanza.
   *  @returns undefined when the text is not one stanza */
  readonly explain: (request: ExplainRequest) => Explanation | undefined;
  readonly reload: () => Promise<FileSummary>;
  readonly drain: () => void;
}

/** Limits of request bodies. */
const bodyLimits = { bodyBytesMax: 262_144, bodyTimeoutMs: 5_000, jsonDepthMax: 4 };

/** Returns the routes. They throw refusals as HttpProblem. */
export function adminApi(api: () => AdminApi | undefined, callers: AdminCallers): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  const guard = adminGuard(callers);
  const ready = (): AdminApi => {
    const started = api();
    if (started === undefined) throw new HttpProblem('ERR_NOT_STARTED');
    return started;
  };
  app.use(async (context, next) => {
    guard(context.req.raw.headers, context.env.incoming.socket.remoteAddress ?? '');
    await next();
  });
  app.get('/sessions', (context) => context.json({ sessions: ready().sessions() }));
  app.get('/refusals/:code', (context) => {
    const refusal = ready().refusal(context.req.param('code'));
    if (refusal === 'too-many') throw new HttpProblem('ERR_REFUSAL_LOOKUPS', { retryAfterS: 60 });
    if (refusal === 'unknown') throw new HttpProblem('ERR_REFUSAL_UNKNOWN');
    return context.json(refusal);
  });
  app.get('/policy', (context) => context.json(ready().policy()));
  app.post('/policy/explain', async (context) => {
    const request = explainRequest(await readJsonBody(context.req.raw, bodyLimits));
    const explanation = ready().explain(request);
    if (explanation === undefined) throw new HttpProblem('ERR_EXPLAIN_STANZA');
    return context.json(explanation);
  });
  app.post('/reload', async (context) => {
    noMembers(await readJsonBody(context.req.raw, bodyLimits));
    return context.json(await ready().reload());
  });
  app.post('/drain', async (context) => {
    noMembers(await readJsonBody(context.req.raw, bodyLimits));
    ready().drain();
    return context.json({ status: 'draining' }, 202);
  });
  return app;
}

function explainRequest({ from, stanza, account, gatekeeper, ...rest }: JsonObject): ExplainRequest {
  noMembers(rest);
  if ((from !== 'client' && from !== 'gatekeeper') || typeof stanza !== 'string') throw memberProblem();
  if (account !== undefined && typeof account !== 'string') throw memberProblem();
  if (gatekeeper !== undefined && typeof gatekeeper !== 'string') throw memberProblem();
  return {
    from,
    stanza,
    ...(account !== undefined && { account }),
    ...(gatekeeper !== undefined && { gatekeeper }),
  };
}

function noMembers(body: JsonObject): void {
  if (Object.keys(body).length > 0) throw memberProblem();
}

function memberProblem(): HttpProblem {
  return new HttpProblem('ERR_HTTP_MEMBER');
}
