/** The page `/audit` in Debian's Chromium: with eyes, with a screen reader's names, by keyboard alone, and while stanzas
 *  pass through a proxy. */
import axe from 'axe-core';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAdminApi } from '../../src/app/parts/admin-api.ts';
import { systemClock } from '../../src/app/clock.ts';
import { openTelemetry } from '../../src/app/telemetry/telemetry.ts';
import { createAdminApp } from '../../src/http/admin/app.ts';
import { exposureDocument } from '../../src/http/admin/exposure.ts';
import { adminServeLimits, serveHttp } from '../../src/http/server/serve.ts';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { createScene, serveScene, type SceneOptions } from '../http/admin/audit/scene.ts';
import { programs } from '../peers/programs.ts';
import { describeWithPeers } from '../peers/require.ts';
import { startTestProxy } from '../support/proxy.ts';
import { logInRaw } from '../support/raw-client.ts';
import { startRawGatekeeper } from '../support/raw-gatekeeper.ts';

// Evaluated in the browser, whose types the tests do not have.
/** The name of the focused element, and whether its focus is invisible. */
const focusedName = `(() => {
  const at = document.activeElement;
  const by = at.getAttribute('aria-labelledby');
  const name = by === null ? (at.labels?.[0] ?? at).textContent : document.getElementById(by).textContent;
  return name.trim() + (getComputedStyle(at).outlineStyle === 'none' ? ', without an outline' : '');
})()`;
/** Entries of a map from cell to count. */
const drawnCounts = `[...document.querySelectorAll('.matrix td:has(data)')].map((cell) =>
  [cell.id, Number(cell.querySelector('data').getAttribute('value'))])`;

/** A browser starts and draws slowly where processors are shared. */
const slowMs = 300_000;

describeWithPeers(['chromium'], 'the page in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: programs.chromium,
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
      timeout: slowMs,
    });
  }, slowMs);
  afterAll(() => browser.close(), slowMs);

  interface Opened extends AsyncDisposable {
    readonly page: Page;
    /** What the console and the policy of the page complained about. */
    readonly complaints: readonly string[];
  }

  async function openAt(url: string, colorScheme: 'light' | 'dark' = 'light'): Promise<Opened> {
    const context = await browser.newContext({ colorScheme, viewport: { width: 1440, height: 1000 } });
    context.setDefaultTimeout(slowMs / 3);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.addInitScript({
      content: `addEventListener('securitypolicyviolation', ({ violatedDirective }) =>
        console.error('blocked by ' + violatedDirective))`,
    });
    await page.goto(url, { timeout: slowMs });
    return { page, complaints, [Symbol.asyncDispose]: () => context.close() };
  }

  async function open(options: SceneOptions, scheme?: 'light' | 'dark'): Promise<Opened> {
    const served = await serveScene(await createScene(options));
    const opened = await openAt(`http://127.0.0.1:${served.port}/audit`, scheme);
    return {
      ...opened,
      async [Symbol.asyncDispose]() {
        await opened[Symbol.asyncDispose]();
        await served.close(0);
      },
    };
  }

  const states: readonly (readonly [string, SceneOptions])[] = [
    ['a policy with a shadow', { shadow: 'strict' }],
    ['a policy that is not enforced', { mode: 'shadow', gatekeepers: ['main', 'other'] }],
    ['nothing counted yet', { empty: true }],
  ];
  it.concurrent.each(
    states.flatMap(([name, options]) =>
      (['light', 'dark'] as const).map((scheme) => [name, scheme, options] as const),
    ),
  )(
    'axe finds nothing and the console is silent: %s, %s',
    async (_, scheme, options) => {
      await using opened = await open(options, scheme);
      await opened.page.evaluate(axe.source);
      const { violations, passes } = (await opened.page.evaluate(
        'axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })',
      )) as axe.AxeResults;
      const found = violations.map(
        ({ id, nodes }) =>
          `${id}: ${nodes
            .map(({ target }) => target)
            .slice(0, 3)
            .join(' ')}`,
      );
      expect(found).toEqual([]);
      expect(passes.map(({ id }) => id)).toContain('color-contrast');
      expect(opened.complaints).toEqual([]);
    },
    slowMs,
  );

  it(
    'is used by keyboard alone',
    async () => {
      await using opened = await open({ gatekeepers: ['main', 'other'] });
      const { page } = opened;
      const focused = (): Promise<string> => page.evaluate(focusedName);
      const order: string[] = [];
      for (let step = 0; step < 15; step += 1) {
        await page.keyboard.press('Tab');
        order.push(await focused());
      }
      expect(order).toEqual([
        'Skip to the matrix',
        'main',
        'other',
        'Pause',
        'Theme: system',
        'Filter fields',
        'only those that occurred',
        'Fields and audiences',
        'Shadow differences',
        'Exceptions',
        'Unlisted namespaces',
        'Certificates',
        'Attestations',
        'Ledger',
        'Refusals',
      ]);
      await page.focus('#filter');
      await page.keyboard.type('chat-state.voice');
      await page.getByText(/^1 field$/).waitFor();
      await page.keyboard.press('Tab');
      await page.keyboard.press('Space');
      expect(await page.isChecked('#occurred')).toBe(true);
      await page.focus('#theme');
      await page.keyboard.press('Enter');
      await page.keyboard.press('Enter');
      expect(await page.getAttribute('html', 'data-theme')).toBe('dark');
      await page.focus('#pause');
      await page.keyboard.press('Space');
      expect(await page.getAttribute('#pause', 'aria-pressed')).toBe('true');
    },
    slowMs,
  );

  it(
    'has names for a screen reader',
    async () => {
      await using opened = await open({ shadow: 'strict' });
      const { page } = opened;
      await page.getByRole('heading', { level: 1, name: 'What each audience is shown' }).waitFor();
      const matrix = page.getByRole('table', { name: 'Fields by category, with their form and count' });
      expect(await matrix.count()).toBe(1);
      const row = matrix.getByRole('row', { name: /^chat-state Chat/ });
      expect(await row.getByRole('rowheader').textContent()).toContain('Chat state');
      expect(await row.getByRole('cell', { name: /drop.*31,877 decisions/ }).count()).toBe(1);
      for (const name of ['gatekeeper', 'client', 'provider', 'operator'])
        expect(await matrix.getByRole('columnheader', { name, exact: true }).count()).toBe(1);
      for (const name of ['Fields and audiences', 'Exceptions', 'Ledger', 'Refusals', 'Certificates'])
        expect(await page.getByRole('region', { name, exact: true }).count()).toBe(1);
      expect(await page.getByRole('navigation', { name: 'Gatekeepers' }).count()).toBe(1);
      expect(await page.getByRole('searchbox', { name: 'Filter fields' }).count()).toBe(1);
    },
    slowMs,
  );

  it(
    'stays usable with five hundred fields',
    async () => {
      await using opened = await open({ fields: 500 });
      const { page } = opened;
      expect(await page.locator('.matrix tr.field').count()).toBe(500);
      const tops = (): Promise<number[]> =>
        page.evaluate(
          `['.scroll.tall', '.matrix thead th'].map((each) =>
            Math.round(document.querySelector(each).getBoundingClientRect().top))`,
        );
      await page.evaluate(`document.querySelector('.scroll.tall').scrollTo(0, 9_000)`);
      const [region, header] = await tops();
      expect(Math.abs(header! - region!)).toBeLessThanOrEqual(2);
      await page.fill('#filter', 'field-12');
      await page.getByText('11 fields', { exact: true }).waitFor();
      expect(await page.locator('.matrix tr.field:visible').count()).toBe(11);
      expect(await page.locator('.matrix tbody:visible').count()).toBe(1);
      await page.fill('#filter', '');
      await page.check('#occurred');
      const shown = await page.locator('.matrix tr.field:visible').count();
      expect(shown).toBeGreaterThan(10);
      expect(shown).toBeLessThan(500);
    },
    slowMs,
  );

  it(
    'shows the numbers of the API, and follows them while stanzas pass',
    async () => {
      const authority = createDevelopmentAuthority();
      const pair = authority.issue(['localhost', '127.0.0.1']);
      const gatekeeper = await startRawGatekeeper(pair.certificate, pair.key, (socket) => {
        socket.on('data', (chunk: Buffer) => {
          for (const [, id] of chunk.toString('latin1').matchAll(/ id='(p[0-9]+)'/g))
            socket.write(`<message id='${id}'/>`);
        });
      });
      const telemetry = await openTelemetry(
        {
          log: { level: 'silent', unauthenticatedLinesPerSecondMax: 20 },
          tracing: { sampleRatio: 1, resource: {} },
        },
        { version: '0.0.0', processMetrics: false, clock: systemClock },
      );
      const test = await startTestProxy({
        domain: 'localhost',
        gatekeeper: { port: gatekeeper.port, tls: 'direct' },
        certificate: pair.certificate,
        key: pair.key,
        ca: authority.certificate,
        observer: telemetry.observer,
      });
      const api = createAdminApi(test.proxy, {
        ...telemetry,
        refresh: () => test.proxy.refresh(),
        drain: () => {},
        clock: systemClock,
      });
      const admin = await serveHttp({
        app: createAdminApp({
          probes: { started: () => true, readiness: () => expect.fail('no probe') },
          metrics: telemetry.metrics,
          api: () => api,
          callers: { names: [], addresses: [] },
        }),
        host: '127.0.0.1',
        port: 0,
        limits: adminServeLimits,
      });
      const client = await logInRaw(test.direct, authority.certificate);
      let sent = 0;
      const send = async (presences: number): Promise<void> => {
        for (const end = sent + presences; sent < end; sent += 1) {
          client.socket.write(`<presence id='p${sent}'><status>here</status></presence>`);
          await client.until(`id='p${sent}'`, slowMs);
          client.forget();
        }
      };
      const counted = async (): Promise<Map<string, number>> => {
        const answer = await fetch(`http://127.0.0.1:${admin.port}/api/exposure`);
        const cells = new Map<string, number>();
        for (const { audience, field, mode, namespace, sinceStart } of exposureDocument.parse(
          await answer.json(),
        ).rows) {
          const key = `cell.${field}.${audience}`;
          if (mode === 'enforced' && namespace === null)
            cells.set(key, (cells.get(key) ?? 0) + sinceStart.count);
        }
        return cells;
      };
      try {
        await send(3);
        await using opened = await openAt(`http://127.0.0.1:${admin.port}/audit`);
        const { page, complaints } = opened;
        const drawn = async (): Promise<Map<string, number>> => new Map(await page.evaluate(drawnCounts));
        const before = await drawn();
        expect(before).toEqual(await counted());
        expect(before.get('cell.presence.status.gatekeeper')).toBe(3);
        await page.evaluate('globalThis.sameDocument = true');
        await send(39);
        await page.locator('[id="cell.presence.status.gatekeeper"] data[value="42"]').waitFor();
        expect(await drawn()).toEqual(await counted());
        // It was not loaded anew.
        expect(await page.evaluate('globalThis.sameDocument')).toBe(true);
        await page.click('#pause');
        await send(1);
        await admin.close(0);
        expect((await drawn()).get('cell.presence.status.gatekeeper')).toBe(42);
        await page.click('#pause');
        await page.getByText('Not live: the proxy does not answer.').waitFor();
        expect(complaints.filter((each) => !each.includes('ERR_CONNECTION_REFUSED'))).toEqual([]);
      } finally {
        client.socket.destroy();
        await admin.close(0).catch(() => {});
        await test.close();
        gatekeeper.close();
        await telemetry.close();
      }
    },
    slowMs,
  );
});
