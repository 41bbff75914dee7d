/** The operator's API of a running proxy. It returns counts and policies, never data of a user.
 *
 *  | route | does |
 *  |---|---|
 *  | `GET /api/sessions` | counts live sessions by listener, gatekeeper and phase |
 *  | `GET /api/refusals/CODE` | why the client was refused that was sent this support code |
 *  | `GET /api/exposure` | what each audience was shown, in counts, and what is in force (`exposure.ts`) |
 *  | `GET /api/policy` | the policy in force, its digest, and the one in its shadow; the same for each gatekeeper with its own |
 *  | `POST /api/policy/explain` | what the policy for a gatekeeper does to a stanza, and by which rule |
 *  | `POST /api/reload` | reads every watched file again, as SIGHUP does, and returns what became of each part |
 *  | `POST /api/drain` | begins to stop, as SIGTERM does |
 *  | `POST /api/drain?share=0.2` | ends this part of the sessions, and goes on | */
import { Hono } from 'hono';
import type { FileSummary } from '../../observability/file-states.ts';
import type { SessionCount } from '../../observability/session-gauge.ts';
import { isRegion } from '../../policy/circumstances.ts';
import type { ExceptionSummary } from '../../policy/exceptions.ts';
import type { Explanation } from '../../policy/explain.ts';
import type { AuditView } from './audit/view.ts';
import type { ExposureDocument } from './exposure.ts';
import type { HttpEnv } from '../env.ts';
import { HttpProblem } from '../problem.ts';
import { readJsonBody } from '../request-body.ts';
import { isScalar, type JsonObject, type JsonScalar, type JsonValue } from '../strict-json.ts';

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

/** The policies of the top level or of one gatekeeper. */
export interface ScopeSummary {
  /** `rejected`: newer files have errors, so these are still in force. */
  readonly state: 'loaded' | 'rejected';
  /** SHA-256 of the files' texts, as in attestations. */
  readonly digest: string;
  readonly enforced: PolicySummary;
  readonly shadow: PolicySummary | null;
  /** Enforced in place of `enforced` for these parts of the accounts. */
  readonly share: readonly { readonly percent: number; readonly policy: PolicySummary }[];
}

/** The top level, which holds for every gatekeeper that is not among `gatekeepers`. */
export interface PoliciesSummary extends ScopeSummary {
  readonly gatekeepers: Readonly<Record<string, ScopeSummary>>;
}

export interface ExplainRequest {
  readonly from: 'client' | 'gatekeeper';
  /** One element, with its namespaces declared. */
  readonly stanza: string;
  /** Bare JID of the session's account. */
  readonly account?: string;
  readonly gatekeeper?: string;
  readonly listener?: string;
  /** Of the client's ownership token; absent when they are not known. */
  readonly claims?: Readonly<Record<string, JsonScalar>>;
  /** Where the client is: `AT` or `AT-9`; absent when that is not known. */
  readonly region?: string;
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

/** Where several processes serve the same ports, answers come from all of them. */
type Awaitable<T> = T | Promise<T>;

export type RefusalAnswer = RefusalSummary | 'unknown' | 'too-many';

export interface AdminApi {
  readonly sessions: () => Awaitable<readonly SessionCount[]>;
  /** Looks a support code up. `too-many`: the rate of look-ups is exceeded.
   *  @param code as the caller wrote it */
  readonly refusal: (code: string) => Awaitable<RefusalAnswer>;
  readonly exposure: () => Awaitable<ExposureDocument>;
  /** @param gatekeeper its name; by default the first
   *  @returns undefined when none has the name */
  readonly audit: (gatekeeper: string | undefined) => Promise<AuditView | undefined>;
  readonly policy: () => Awaitable<PoliciesSummary>;
  /** Explains a stanza.
   *  @returns undefined when the text is not one stanza */
  readonly explain: (request: ExplainRequest) => Awaitable<Explanation | undefined>;
  readonly reload: () => Promise<FileSummary>;
  readonly drain: () => void;
  /** Ends a part of the sessions, whose streams can be resumed.
   *  @param share in (0, 1]
   *  @returns the number of sessions that end */
  readonly shed: (share: number) => Awaitable<number>;
}

/** Limits of request bodies. */
const bodyLimits = { bodyBytesMax: 262_144, bodyTimeoutMs: 5_000, jsonDepthMax: 4 };

/** Returns the routes. They throw refusals as HttpProblem. @param ready returns the API, or throws before the start */
export function adminApi(ready: () => AdminApi): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  app.get('/sessions', async (context) => context.json({ sessions: await ready().sessions() }));
  app.get('/refusals/:code', async (context) => {
    const refusal = await ready().refusal(context.req.param('code'));
    if (refusal === 'too-many') throw new HttpProblem('ERR_REFUSAL_LOOKUPS', { retryAfterS: 60 });
    if (refusal === 'unknown') throw new HttpProblem('ERR_REFUSAL_UNKNOWN');
    return context.json(refusal);
  });
  app.get('/exposure', async (context) => context.json(await ready().exposure()));
  app.get('/policy', async (context) => context.json(await ready().policy()));
  app.post('/policy/explain', async (context) => {
    const request = explainRequest(await readJsonBody(context.req.raw, bodyLimits));
    const explanation = await ready().explain(request);
    if (explanation === undefined) throw new HttpProblem('ERR_EXPLAIN_STANZA');
    return context.json(explanation);
  });
  app.post('/reload', async (context) => {
    noMembers(await readJsonBody(context.req.raw, bodyLimits));
    return context.json(await ready().reload());
  });
  app.post('/drain', async (context) => {
    const share = shareIn(context.req.queries());
    noMembers(await readJsonBody(context.req.raw, bodyLimits));
    const started = ready();
    if (share !== undefined)
      return context.json({ status: 'draining', sessions: await started.shed(share) }, 202);
    started.drain();
    return context.json({ status: 'draining' }, 202);
  });
  return app;
}

/** Reads `share`, in decimals. A parameter with another name could be one misspelt, without which all sessions would end.
 *  @returns undefined for a query without parameters
 *  @throws HttpProblem ERR_DRAIN_SHARE */
function shareIn(query: Readonly<Record<string, readonly string[]>>): number | undefined {
  const parameters = Object.entries(query);
  if (parameters.length === 0) return undefined;
  const [[name, values]] = parameters as [[string, readonly string[]]];
  const text = values[0] ?? '';
  const share = Number(text);
  const inRange = /^(?:[01]|[01]?\.[0-9]{1,9})$/.test(text) && share > 0 && share <= 1;
  if (parameters.length > 1 || name !== 'share' || values.length > 1 || !inRange)
    throw new HttpProblem('ERR_DRAIN_SHARE');
  return share;
}

function explainRequest({ from, stanza, claims, ...rest }: JsonObject): ExplainRequest {
  const { account, gatekeeper, listener, region, ...unknown } = rest;
  noMembers(unknown);
  if ((from !== 'client' && from !== 'gatekeeper') || typeof stanza !== 'string') throw memberProblem();
  return {
    from,
    stanza,
    ...optionalText({ account, gatekeeper, listener, region: regionIn(region) }),
    ...(claims !== undefined && { claims: scalars(claims) }),
  };
}

function regionIn(region: JsonValue | undefined): JsonValue | undefined {
  if (typeof region === 'string' && !isRegion(region)) throw memberProblem();
  return region;
}

/** Leaves out members that are absent.
 *  @throws HttpProblem ERR_HTTP_MEMBER for one that is no text */
function optionalText<Name extends string>(
  members: Readonly<Record<Name, unknown>>,
): { readonly [K in Name]?: string } {
  const given = Object.entries(members).filter(([, value]) => value !== undefined);
  if (given.some(([, value]) => typeof value !== 'string')) throw memberProblem();
  return Object.fromEntries(given) as { readonly [K in Name]?: string };
}

function scalars(value: JsonValue): Readonly<Record<string, JsonScalar>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw memberProblem();
  const entries = Object.entries(value);
  if (!entries.every((entry): entry is [string, JsonScalar] => isScalar(entry[1]))) throw memberProblem();
  return Object.fromEntries(entries);
}

function noMembers(body: JsonObject): void {
  if (Object.keys(body).length > 0) throw memberProblem();
}

function memberProblem(): HttpProblem {
  return new HttpProblem('ERR_HTTP_MEMBER');
}
