/** Web clients of the table: a page in Chromium with a library and a script of `browser/` that drives it. The script leaves
 *  `window.peer`, with the functions that `PagePeer` lists, and calls `heard(from, body)` for each message. */
import { readFileSync } from 'node:fs';
import { chromium, type Page } from 'playwright-core';
import type { Login } from '../client.ts';
import { Inbox } from '../inbox.ts';
import { programs } from '../programs.ts';
import type { TableSession } from '../table-client.ts';
import { within } from '../../support/wait.ts';

/** The page's own origin, which proxies have to allow. Nothing is there: its files are answered inside the browser. */
export const pageOrigin = 'https://web.example';

/** A browser starts slowly where processors are shared. */
const slowMs = 60_000;

/** @param files of the page by path, such as `/strophe.js`
 *  @param scripts paths of those that the page loads, in order; `.mjs` are modules */
export async function logInPage(
  login: Login,
  files: Readonly<Record<string, URL>>,
  scripts: readonly string[],
): Promise<TableSession> {
  const jid = `${login.user}@${login.domain}`;
  const inbox = new Inbox(jid);
  const browser = await chromium.launch({
    executablePath: programs.chromium,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-features=LocalNetworkAccessChecks'],
    timeout: slowMs,
  });
  try {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    await page.exposeFunction('heard', (from: string, body: string) => inbox.add({ from, body }));
    await page.route(`${pageOrigin}/**`, (route) => {
      const file = files[new URL(route.request().url()).pathname];
      if (file !== undefined)
        return route.fulfill({ contentType: contentTypeOf(file), body: readFileSync(file) });
      const kindOf = (path: string): string => (path.endsWith('.mjs') ? 'module' : 'text/javascript');
      const tags = scripts.map((path) => `<script type="${kindOf(path)}" src="${path}"></script>`).join('');
      return route.fulfill({
        contentType: 'text/html',
        body: `<!doctype html><title>A web client</title>${tags}`,
      });
    });
    const errors: string[] = [];
    page.on('pageerror', (error) => void errors.push(String(error)));
    await page.goto(pageOrigin, { timeout: slowMs });
    if (errors.length > 0) throw new Error(errors.join());
    const url = `wss://${login.domain}:${login.port}/xmpp-websocket`;
    await call(page, 'logIn', url, jid, login.password);
    return {
      ...sessionOf(page),
      jid,
      receive: (timeoutMs) => inbox.next(timeoutMs),
      close: () => browser.close(),
    };
  } catch (error) {
    await browser.close();
    throw error;
  }
}

function contentTypeOf({ pathname }: URL): string {
  return pathname.endsWith('.wasm') ? 'application/wasm' : 'text/javascript';
}

function sessionOf(page: Page): Omit<TableSession, 'jid' | 'receive' | 'close'> {
  return {
    send: async (to, body) => void (await call(page, 'send', to, body)),
    sendEncrypted: async (to, body) => void (await call(page, 'sendEncrypted', to, body)),
    join: async (room, nick) => void (await call(page, 'join', room, nick)),
    say: async (room, body) => void (await call(page, 'say', room, body)),
    upload: async (bytes, name) => (await call(page, 'upload', [...bytes], name)) as string,
    archive: async (contact) => (await call(page, 'archive', contact)) as string[],
    comeBack: async () => ((await call(page, 'back')) === 'resumed' ? 'resumed' : 'logged in again'),
  };
}

/** Calls a function of the page's peer. */
function call(page: Page, name: string, ...args: readonly unknown[]): Promise<unknown> {
  const called = page.evaluate(`peer[${JSON.stringify(name)}](...${JSON.stringify(args)})`);
  return within(slowMs, `${name} in the page`, called);
}
