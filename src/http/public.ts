/** The public HTTP plane: the routes of its services. Each service has its own folder and is passed in; one that is
 *  not configured has no route. */
import { Hono } from 'hono';
import { matchedRoutes } from 'hono/route';
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
import { guardRequest, type HeaderLimits } from './request-guard.ts';
import { webSocketPath } from './websocket/upgrade.ts';

export interface PublicParts {
  readonly issuer?: IssuerMetadata;
  readonly hostMeta?: HostMeta;
  readonly enlistments?: Enlistments;
  readonly push?: (context: HttpContext) => Promise<Response>;
  /** Push in the published shape. */
  readonly publishedPush?: (context: HttpContext) => Promise<Response>;
  readonly media?: MediaRelay;
  readonly references?: References;
  /** Whether a WebSocket is served (websocket/upgrade.ts). */
  readonly webSocket?: boolean;
  readonly report: Report;
  /** Returns whether new requests are refused for now. */
  readonly overloaded?: () => boolean;
  /** Returns monotonic milliseconds. */
  readonly now?: () => number;
  readonly limits: HeaderLimits;
}

/** Sealed references: how they are issued, and where the media relay takes them. */
export interface References {
  readonly issue: (context: HttpContext) => Promise<Response>;
  /** Path of the port below which gatekeepers fetch by reference, without a slash at its end. */
  readonly path: string;
}

/** Seconds in Retry-After during an overload: the shortest time in which one ends. */
const overloadRetryAfterS = 3;

/** Seconds in Retry-After while the store of shared state does not answer. */
const stateRetryAfterS = 5;

type Handler = (context: HttpContext) => Response | Promise<Response>;
type Method = 'GET' | 'POST' | 'DELETE';

interface Route {
  readonly method: Method;
  readonly path: string;
  /** Name in reports. */
  readonly name: HttpRoute;
  readonly handle: Handler;
}

type NamedByPath = Omit<Route, 'name'> & { readonly path: HttpRoute };

export function createPublicApp(parts: PublicParts): Hono<HttpEnv> {
  const { report, limits, overloaded = () => false, now = () => performance.now() } = parts;
  const app = new Hono<HttpEnv>();
  const routes = routesOf(parts);
  const names = new Map(routes.map(({ path, name }) => [path, name]));
  // The first one has answered; a later one may match too, by its parameter.
  const routeOf = (context: HttpContext): HttpRoute =>
    names.get(matchedRoutes(context).find(({ path }) => names.has(path))?.path ?? '') ?? '*';
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
    const { incoming } = (context.env as Partial<HttpEnv['Bindings']> | undefined) ?? {};
    if (incoming !== undefined) guardRequest(incoming, limits);
    if (overloaded()) throw new HttpProblem('ERR_HTTP_OVERLOAD', { retryAfterS: overloadRetryAfterS });
    await next();
    keepListedHeaders(context);
  });
  for (const [path, same] of Map.groupBy(routes, (route) => route.path)) {
    for (const { method, handle } of same) app.on(method, path, handle);
    app.all(path, refuseMethod(same));
  }
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

/** Returns the routes of the configured services. GET answers HEAD as well. A route comes before those whose parameter
 *  would take its path. */
function routesOf({
  issuer,
  hostMeta,
  enlistments,
  push,
  publishedPush,
  media,
  references,
  webSocket = false,
}: PublicParts): Route[] {
  const routes: (NamedByPath | undefined)[] = [
    issuer && { method: 'GET', path: '/.well-known/openid-configuration', handle: issuer.configuration },
    issuer && { method: 'GET', path: '/.well-known/jwks.json', handle: issuer.keys },
    issuer && { method: 'GET', path: '/.well-known/oauth/openid/jwks', handle: issuer.keys },
    hostMeta && { method: 'GET', path: '/.well-known/host-meta', handle: hostMeta.xml },
    hostMeta && { method: 'GET', path: '/.well-known/host-meta.json', handle: hostMeta.json },
    enlistments && { method: 'POST', path: '/enlistments', handle: enlistments.enlist },
    enlistments && { method: 'DELETE', path: '/enlistments/:id', handle: enlistments.withdraw },
    publishedPush && { method: 'POST', path: '/push', handle: publishedPush },
    push && { method: 'POST', path: '/push/:gatekeeper', handle: push },
    references && { method: 'POST', path: '/media/references', handle: references.issue },
    media && { method: 'GET', path: '/media/:token', handle: media.handle },
    webSocket ? { method: 'GET', path: webSocketPath, handle: refuseWithoutUpgrade } : undefined,
  ];
  return [
    ...routes.filter((route) => route !== undefined).map((route) => ({ ...route, name: route.path })),
    ...(media && references ? referenceRoutes(media, references) : []),
  ];
}

/** @throws HttpProblem ERR_WEBSOCKET_UPGRADE */
function refuseWithoutUpgrade(): never {
  throw new HttpProblem('ERR_WEBSOCKET_UPGRADE');
}

/** Returns the routes by which gatekeepers fetch. Messages have the reference with a slash after it, so that both
 *  spellings of its URL mean the same. */
function referenceRoutes({ handleReference }: MediaRelay, { path }: References): Route[] {
  const name = '/media/references/:reference';
  const below = `${path}/:reference`;
  return [below, `${below}/`].map((spelling) => ({
    method: 'GET',
    path: spelling,
    name,
    handle: handleReference,
  }));
}

function refuseMethod(routes: readonly Route[]): Handler {
  const methods = routes.map(({ method }) => method);
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
