/** Reports as HTML in Debian's Chromium: on the screen and on paper, without a request and without a complaint. */
import axe from 'axe-core';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, afterEach, expect, it } from 'vitest';
import { pathToFileURL } from 'node:url';
import { narthex } from '../cli/narthex.ts';
import { programs } from '../peers/programs.ts';
import { describeWithPeers } from '../peers/require.ts';
import { baseConfiguration, shippedCapabilities } from '../reports/configurations.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary.ts';

/** A browser starts and draws slowly where processors are shared. */
const slowMs = 180_000;

// Evaluated in the browser, whose types the tests do not have.
/** Widths of the drawn parts of each bar, in pixels. */
const drawnWidths = `[...document.querySelectorAll('figure')].map((figure) =>
  [...figure.querySelectorAll('rect')].map((rect) => rect.getBoundingClientRect().width))`;
/** Counts in the key of each bar. */
const keyCounts = `[...document.querySelectorAll('figure')].map((figure) =>
  [...figure.querySelectorAll('.key li')].map((item) => Number(/\\d+$/.exec(item.textContent)[0])))`;
/** How far the page is wider than its window, in pixels. */
const overflow = `document.documentElement.scrollWidth - document.documentElement.clientWidth`;
/** How far each table is wider than what holds it, in pixels. */
const clipped = `[...document.querySelectorAll('.scroll')].map((box) => box.scrollWidth - box.clientWidth)`;

describeWithPeers(['chromium'], 'reports in a browser', () => {
  let browser: Browser;
  let folder: TemporaryFolder;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: programs.chromium,
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
      timeout: slowMs,
    });
  }, slowMs);
  afterAll(() => browser.close(), slowMs);
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  interface Opened extends AsyncDisposable {
    readonly page: Page;
    /** Addresses that were asked for, apart from the file itself. */
    readonly requests: readonly string[];
    readonly complaints: readonly string[];
  }

  async function open(html: string, colorScheme: 'light' | 'dark'): Promise<Opened> {
    const url = pathToFileURL(await folder.write('report.html', html)).href;
    const context = await browser.newContext({ colorScheme, viewport: { width: 1280, height: 900 } });
    context.setDefaultTimeout(slowMs / 3);
    const page = await context.newPage();
    const requests: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => {
      if (request.url() !== url) requests.push(request.url());
    });
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(url, { timeout: slowMs });
    return { page, requests, complaints, [Symbol.asyncDispose]: () => context.close() };
  }

  const reports = new Map<string, Promise<string>>();
  /** Returns the report in HTML; makes it once. */
  async function report(...args: readonly string[]): Promise<string> {
    const command = args.join(' ');
    const made = reports.get(command) ?? makeReport(args);
    reports.set(command, made);
    return await made;
  }

  async function makeReport(args: readonly string[]): Promise<string> {
    const configuration = JSON.stringify(baseConfiguration({ capabilities: shippedCapabilities }));
    const file = await folder.write('narthex.yaml', configuration);
    const all = args.map((argument) => (argument === 'CONFIG' ? file : argument));
    const { exit, stdout, stderr } = await narthex(['report', ...all, '--format', 'html']);
    expect([exit, stderr]).toEqual([0, '']);
    return stdout;
  }

  const pages = [
    ['dpia', '--policy', 'balanced'],
    ['exposure', '--policy', 'strict'],
    ['fingerprints', '--policy', 'balanced'],
    ['public', '--config', 'CONFIG', '--provider', 'Third Messenger', '--as', 'Very Large Messenger'],
  ];

  const views = pages.flatMap((args) =>
    (['light', 'dark'] as const).map((scheme) => ({ name: args[0], args, scheme })),
  );
  it.each(views)(
    'asks the network for nothing, complains of nothing, and axe finds nothing: $name, $scheme',
    async ({ args, scheme }) => {
      await using opened = await open(await report(...args), scheme);
      const { page, requests, complaints } = opened;
      // Drawn before anything is asked of it, so that a late request is seen, too.
      expect(await page.locator('table').count()).toBeGreaterThan(0);
      expect(await page.evaluate(overflow)).toBe(0);
      expect([requests, complaints]).toEqual([[], []]);
      await using audited = await open(withScripts(await page.content()), scheme);
      await audited.page.addScriptTag({ content: axe.source });
      const { violations } = await audited.page.evaluate<axe.AxeResults>('axe.run()');
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`)).toEqual([]);
    },
    slowMs,
  );

  it(
    'draws each bar in the shares of its key',
    async () => {
      await using opened = await open(await report('dpia', '--policy', 'balanced'), 'light');
      const widths = await opened.page.evaluate<number[][]>(drawnWidths);
      const counts = await opened.page.evaluate<number[][]>(keyCounts);
      expect(widths).toHaveLength(8);
      for (const [bar, parts] of counts.entries()) {
        const [total, pixels] = [parts, widths[bar]!].map((all) => all.reduce((sum, each) => sum + each, 0));
        const expected = parts.map((count) => Math.round((count / total!) * 100));
        expect(widths[bar]!.map((width) => Math.round((width / pixels!) * 100))).toEqual(expected);
      }
    },
    slowMs,
  );

  it(
    'prints on A4 with every column, and repeats the heads of tables',
    async () => {
      await using opened = await open(await report('dpia', '--policy', 'balanced'), 'light');
      const { page } = opened;
      await page.emulateMedia({ media: 'print' });
      // 190 mm between the margins, at 96 pixels an inch.
      await page.setViewportSize({ width: 718, height: 1_000 });
      expect(await page.evaluate(overflow)).toBe(0);
      expect(Math.max(...(await page.evaluate<number[]>(clipped)))).toBe(0);
      const head = `getComputedStyle(document.querySelector('thead')).display`;
      expect(await page.evaluate(head)).toBe('table-header-group');
      expect((await page.pdf({ format: 'A4' })).subarray(0, 5).toString()).toBe('%PDF-');
    },
    slowMs,
  );

  it(
    'notices a request and a blocked script',
    async () => {
      const hostile = `<img src="http://127.0.0.1:9/pixel.png"><script src="http://127.0.0.1:9/x.js"></script>`;
      await using asking = await open(`<!doctype html><title>x</title>${hostile}`, 'light');
      expect(asking.requests.toSorted()).toEqual(['http://127.0.0.1:9/pixel.png', 'http://127.0.0.1:9/x.js']);
      const html = await report('fingerprints', '--policy', 'strict');
      await using blocked = await open(html.replace('<main>', `<main>${hostile}`), 'light');
      expect(blocked.complaints.join('\n')).toContain('Content Security Policy');
    },
    slowMs,
  );
});

/** Takes the policy out of a page, so that axe can run in it. */
function withScripts(html: string): string {
  return html.replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, '');
}
