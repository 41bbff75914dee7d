/** The admin app, for the operator and the platform: probes, metrics, and the operator's API (`api.ts`).
 *
 *  | route | answers |
 *  |---|---|
 *  | `GET /livez` | 200 as long as the process answers at all: a gatekeeper that is down is no reason to restart |
 *  | `GET /startupz` | 200 once listeners are open for the first time |
 *  | `GET /readyz` | 200 while new clients are welcome, 503 while draining or when a listener is not open |
 *  | `GET /metrics` | Prometheus text |
 *  | `GET /audit` | the live page of what each audience is shown (`audit/app.ts`) */
import { Hono } from 'hono';
import type { FileSummary } from '../../observability/file-states.ts';
import type { Label } from '../../observability/label.ts';
import type { Metrics } from '../../observability/metrics.ts';
import { adminApi, type AdminApi } from './api.ts';
import { auditPage } from './audit/app.ts';
import { adminGuard, type AdminCallers } from './guard.ts';
import type { HttpEnv } from '../env.ts';
import { renderMethodProblem } from '../method-problem.ts';
import { HttpProblem, renderProblem } from '../problem.ts';

/** Facts that probes read. Answers come from memory, without waiting. */
interface Probes {
  readonly started: () => boolean;
  readonly readiness: () => Readiness | Promise<Readiness>;
}

export interface Readiness {
  readonly draining: boolean;
  readonly listeners: readonly { readonly name: Label; readonly state: 'open' | 'closed' }[];
  /** The policy in force. Under `shadow` it is not enforced: every field passes unchanged. */
  readonly policy: PolicyReadiness | null;
  /** The same for each gatekeeper that has a policy of its own. */
  readonly gatekeeperPolicies: Readonly<Record<string, PolicyReadiness>>;
  /** The state of changed files. A rejected one leaves the proxy ready, because what was in force before still is. */
  readonly files: FileSummary;
}

export interface PolicyReadiness {
  readonly name: string;
  readonly mode: 'enforce' | 'shadow';
  /** Policies for shares of the accounts. */
  readonly share: readonly { readonly percent: number; readonly name: string; readonly mode: string }[];
}

export interface AdminParts {
  readonly probes: Probes;
  readonly metrics: Pick<Metrics, 'contentType' | 'text'>;
  /** Returns the API; undefined until the proxy has started. */
  readonly api: () => AdminApi | undefined;
  readonly callers: AdminCallers;
}

export function createAdminApp({ probes, metrics, api, callers }: AdminParts): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  app.use(async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(constantHeaders))
      if (!context.res.headers.has(name)) context.res.headers.set(name, value);
  });
  app.get('/livez', (context) => context.json({ status: 'alive' }));
  app.get('/startupz', (context) =>
    probes.started()
      ? context.json({ status: 'started' })
      : renderProblem(new HttpProblem('ERR_NOT_STARTED')),
  );
  app.get('/readyz', async (context) => {
    const readiness = await probes.readiness();
    return isReady(readiness)
      ? context.json({ status: 'ready', ...readiness })
      : renderProblem(new HttpProblem('ERR_NOT_READY'), readiness);
  });
  app.get('/metrics', async (context) =>
    context.body(await metrics.text(), 200, { 'content-type': metrics.contentType }),
  );
  const guard = adminGuard(callers);
  const ready = (): AdminApi => {
    const started = api();
    if (started === undefined) throw new HttpProblem('ERR_NOT_STARTED');
    return started;
  };
  for (const path of ['/api/*', '/audit', '/audit/*'])
    app.use(path, async (context, next) => {
      guard(context.req.raw.headers, context.env.connection.remoteAddress ?? '');
      await next();
    });
  app.route('/api', adminApi(ready));
  app.route('/audit', auditPage(ready));
  for (const [path, allow] of Object.entries(methods)) app.all(path, () => renderMethodProblem(allow));
  app.notFound(() => renderProblem(new HttpProblem('ERR_HTTP_NOT_FOUND')));
  app.onError((error) =>
    renderProblem(error instanceof HttpProblem ? error : new HttpProblem('ERR_INTERNAL')),
  );
  return app;
}

const methods: Readonly<Record<string, string>> = {
  '/livez': 'GET, HEAD',
  '/startupz': 'GET, HEAD',
  '/readyz': 'GET, HEAD',
  '/metrics': 'GET, HEAD',
  '/api/sessions': 'GET, HEAD',
  '/api/refusals/:code': 'GET, HEAD',
  '/api/exposure': 'GET, HEAD',
  '/api/policy': 'GET, HEAD',
  '/api/policy/explain': 'POST',
  '/api/reload': 'POST',
  '/api/drain': 'POST',
  '/audit': 'GET, HEAD',
  '/audit/style.css': 'GET, HEAD',
  '/audit/live.js': 'GET, HEAD',
  '/audit/icon.svg': 'GET, HEAD',
};

/** Headers of every answer: nothing may be cached, and nothing is a page but `/audit`, which says what it loads. */
const constantHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
} as const;

function isReady({ draining, listeners }: Readiness): boolean {
  return !draining && listeners.length > 0 && listeners.every(({ state }) => state === 'open');
}
