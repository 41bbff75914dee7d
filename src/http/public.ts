/** The public HTTP plane: the routes of its services. Each service has its own folder and is passed in; one that is
 *  not configured has no route. */
import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { routePath } from 'hono/route';
import type { HttpRoute } from '../observability/http-words.ts';
import { Sensitive } from '../stanza/sensitive.ts';
import type { Enlistments } from './enlistment/enlistments.ts';
import type { HttpContext, HttpEnv } from './env.ts';
import type { Report } from './events.ts';
import { answerHeadersOf } from './headers.ts';
import type { HostMeta } from './discovery/host-meta.ts';
import type { IssuerMetadata } from './issuer/metadata.ts';
import type { MediaRelay } from './media/relay.ts';
import { renderMethodProblem } from './method-problem.ts';
import { HttpProblem, renderProblem } from './problem.ts';
import { StateUnavailable } from '../state/store.ts';
import { guardRequest } from './request-guard.ts';

export interface PublicParts {
  readonly issuer?: IssuerMetadata;
  readonly hostMeta?: HostMeta;
  readonly enlistments?: Enlistments;
  readonly push?: (context: HttpContext) => Promise<Response>;
  readonly media?: MediaRelay;
  readonly report: Report;
  /** Returns whether new requests are refused for now. */
  readonly overloaded?: () => boolean;
  /** Returns monotonic milliseconds. */
  readonly now?: () => number;
  readonly limits: { readonly headersMax: number };
}

/** Seconds in Retry-After during an overload: the shortest time in which one ends. */
const overloadRetryAfterS = 3;

/** Seconds in Retry-After while the store of shared state does not answer. */
const stateRetryAfterS = 5;

type Handler = (context: HttpContext) => Response | Promise<Response>;
type Method = 'GET' | 'POST' | 'DELETE';

interface Route {
  readonly method: Method;
  readonly path: HttpRoute;
  readonly handle: Handler;
}

export function createPublicApp(parts: PublicParts): Hono<HttpEnv> {
  const { report, limits, overloaded = () => false, now = () => performance.now() } = parts;
  const app = new Hono<HttpEnv>();
  const routes = routesOf(parts);
  const routeOf = (context: HttpContext): HttpRoute =>
    routes.find(({ path }) => path === routePath(context, -1))?.path ?? '*';
  app.use(async (context, next) => {
    const started = now();
    await next();
    const { error, res } = context;
    report({
      event: 'answered',
      route: routeOf(context),
      status: isSent(res) ? context.env.outgoing.statusCode : res.status,
      milliseconds: now() - started,
      ...(error && { code: problemOf(error).code }),
    });
  });
  app.use(async (context, next) => {
    // `app.request` in tests has no request of Node's.
    const { incoming } = (context.env as Partial<HttpBindings> | undefined) ?? {};
    if (incoming !== undefined) guardRequest(incoming, limits.headersMax);
    if (overloaded()) throw new HttpProblem('ERR_HTTP_OVERLOAD', { retryAfterS: overloadRetryAfterS });
    await next();
    keepListedHeaders(context);
  });
  for (const { method, path, handle } of routes) app.on(method, path, handle);
  for (const path of new Set(routes.map((route) => route.path))) app.all(path, refuseMethod(path, routes));
  app.notFound(() => {
    throw new HttpProblem('ERR_HTTP_NOT_FOUND');
  });
  app.onError((error, context) => {
    const problem = problemOf(error);
    if (problem.code === 'ERR_INTERNAL')
      report({ event: 'failed', route: routeOf(context), error: new Sensitive(error) });
    return answerOf(renderProblem(problem));
  });
  return app;
}

function problemOf(error: Error): HttpProblem {
  if (error instanceof HttpProblem) return error;
  return error instanceof StateUnavailable
    ? new HttpProblem('ERR_STATE_UNAVAILABLE', { retryAfterS: stateRetryAfterS })
    : new HttpProblem('ERR_INTERNAL');
}

/** Returns the routes of the configured services. GET answers HEAD as well. */
function routesOf({ issuer, hostMeta, enlistments, push, media }: PublicParts): Route[] {
  const routes: (Route | undefined)[] = [
    issuer && { method: 'GET', path: '/.well-known/openid-configuration', handle: issuer.configuration },
    issuer && { method: 'GET', path: '/.well-known/jwks.json', handle: issuer.keys },
    hostMeta && { method: 'GET', path: '/.well-known/host-meta', handle: hostMeta.xml },
    hostMeta && { method: 'GET', path: '/.well-known/host-meta.json', handle: hostMeta.json },
    enlistments && { method: 'POST', path: '/enlistments', handle: enlistments.enlist },
    enlistments && { method: 'DELETE', path: '/enlistments/:id', handle: enlistments.withdraw },
    push && { method: 'POST', path: '/push/:gatekeeper', handle: push },
    media && { method: 'GET', path: '/media/:token', handle: media.handle },
  ];
  return routes.filter((route) => route !== undefined);
}

function refuseMethod(path: string, routes: readonly Route[]): Handler {
  const methods = routes.filter((route) => route.path === path).map(({ method }) => method);
  const allow = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
  return () => renderMethodProblem(allow);
}

/** Removes headers that are not listed from an answer. */
function keepListedHeaders(context: HttpContext): void {
  const answer = context.res;
  if (isSent(answer)) return;
  // Emptied first: Hono would copy the old headers to the new answer.
  context.res = undefined;
  context.res = answerOf(answer);
}

/** Returns whether the media relay has written the answer on the socket itself. */
function isSent({ headers }: Response): boolean {
  return headers.has('x-hono-already-sent');
}

function answerOf({ body, status, headers }: Response): Response {
  return new Response(body, { status, headers: answerHeadersOf(headers) });
}
