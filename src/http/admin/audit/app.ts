/** The page `/audit` of the admin port, for the same callers as the API.
 *
 *  | route | answers |
 *  |---|---|
 *  | `GET /audit?gatekeeper=NAME` | the page of one gatekeeper, by default the first |
 *  | `GET /audit/style.css`, `/audit/live.js`, `/audit/icon.svg` | its style, script and icon |
 *
 *  Open pages read it again every five seconds. It is rendered at most once a second for each gatekeeper, however many
 *  are open. */
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { Hono } from 'hono';
import type { HttpEnv } from '../../env.ts';
import { HttpProblem } from '../../problem.ts';
import type { AdminApi } from '../api.ts';
import { renderPage } from './page.ts';
import { style } from './style.ts';

/** Milliseconds for which a rendered page is sent again. */
export const pageAgeMsMax = 1_000;

/** Only the page's own files are loaded, and nothing inline runs. */
export const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="#e8731c"/>' +
  '<path d="M8 1a7 7 0 0 1 0 14z" fill="#3f8f83"/></svg>';

/** @param api returns the API, or throws before the start
 *  @param now returns milliseconds, for the age of a rendered page */
export function auditPage(api: () => AdminApi, now: () => number = () => performance.now()): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  const pages = new Map<string, { readonly text: Promise<string>; readonly at: number }>();
  let script: string | undefined;
  const pageOf = (gatekeeper: string | undefined): Promise<string> => {
    const key = gatekeeper ?? '';
    const known = pages.get(key);
    if (known !== undefined && now() - known.at < pageAgeMsMax) return known.text;
    const text = render(api(), gatekeeper);
    pages.set(key, { text, at: now() });
    // A name that no gatekeeper has is not kept, so that there are no more pages than gatekeepers.
    text.catch(() => pages.delete(key));
    return text;
  };
  app.use(async (context, next) => {
    await next();
    context.res.headers.set('content-security-policy', pagePolicy);
  });
  app.get('/', async (context) => context.html(await pageOf(context.req.query('gatekeeper'))));
  app.get('/style.css', (context) => context.body(style, 200, { 'content-type': 'text/css; charset=utf-8' }));
  app.get('/live.js', (context) =>
    context.body((script ??= browserScript()), 200, { 'content-type': 'text/javascript; charset=utf-8' }),
  );
  app.get('/icon.svg', (context) => context.body(icon, 200, { 'content-type': 'image/svg+xml' }));
  return app;
}

async function render(api: AdminApi, gatekeeper: string | undefined): Promise<string> {
  const view = await api.audit(gatekeeper);
  if (view === undefined) throw new HttpProblem('ERR_HTTP_NOT_FOUND');
  return renderPage(view);
}

/** Returns the script without types: that of the build, or the source's. */
function browserScript(): string {
  if (!import.meta.url.endsWith('.ts')) return readFileSync(new URL('live.js', import.meta.url), 'utf8');
  return stripTypeScriptTypes(readFileSync(new URL('live.ts', import.meta.url), 'utf8'));
}
