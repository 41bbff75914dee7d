/** The page `/audit` as text: what it says in each state. test/system/audit-page.test.ts looks at it in a browser. */
import { describe, expect, it } from 'vitest';
import { auditFieldsMax } from '../../../../src/app/parts/audit-view.ts';
import { auditPage, pageAgeMsMax, pagePolicy } from '../../../../src/http/admin/audit/app.ts';
import { heatOf } from '../../../../src/http/admin/audit/matrix.ts';
import { renderPage } from '../../../../src/http/admin/audit/page.ts';
import { tableRowsMax } from '../../../../src/http/admin/audit/tables.ts';
import { daysTo, sizeOf } from '../../../../src/http/admin/audit/words.ts';
import { createAdminApp } from '../../../../src/http/admin/app.ts';
import { codeOf } from '../../support/party.ts';
import { createScene, type Scene } from './scene.ts';

const rendered = async ({ api }: Pick<Scene, 'api'>, gatekeeper?: string): Promise<string> =>
  renderPage((await api.audit(gatekeeper))!);

/** The text of the element with an id, without tags. */
function textOf(page: string, id: string): string {
  const start = page.indexOf(`id="${id}"`);
  expect(start, id).toBeGreaterThan(0);
  const section = page.slice(page.indexOf('>', start) + 1);
  const end = section.search(/<\/(section|td|p|span|tbody)>\s*(<\/tr>|<section|<td|$|<\/div>)/);
  return section
    .slice(0, end === -1 ? undefined : end)
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

describe('the page', () => {
  it('has the form and the count of each field for each audience', async () => {
    const page = await rendered(await createScene());
    expect(textOf(page, 'cell.chat-state.gatekeeper')).toMatch(/○ drop , 31,877 decisions 1.1 MB/);
    expect(textOf(page, 'cell.chat-state.client')).toMatch(/● keep , 10,626 decisions/);
    expect(textOf(page, 'cell.chat-state.operator')).toMatch(/○ drop , not yet/);
    // It is in stanzas, which do not go to the provider's servers.
    expect(page).not.toContain('id="cell.chat-state.provider"');
    expect(page).toContain('does not reach it');
  });

  it('shouts that a policy is not enforced, and shows every field as it then is', async () => {
    const enforced = await rendered(await createScene());
    expect(enforced).not.toContain('class="alarm"');
    const page = await rendered(await createScene({ mode: 'shadow' }));
    expect(page).toContain('This policy is not enforced. Every field passes unchanged');
    expect(page).toContain('SHADOW: not enforced');
    expect(textOf(page, 'cell.chat-state.gatekeeper')).toContain('● keep, not: drop , 31,877');
    expect(page).not.toMatch(
      /id="cell\.[^"]*\.(gatekeeper|client|provider)"\s+data-live\s+class="(reduced|withheld)/,
    );
    expect(page).toMatch(/id="cell\.[^"]*\.operator"\s+data-live\s+class="withheld/);
  });

  it('lists what a shadow would do otherwise, the most frequent first', async () => {
    const scene = await createScene({ shadow: 'strict' });
    const page = await rendered(scene);
    const rows = page.slice(page.indexOf('id="shadow"'), page.indexOf('id="exceptions"'));
    const counts = [...rows.matchAll(/<data value="(\d+)"/g)].map(([, count]) => Number(count));
    expect(counts.length).toBeGreaterThan(10);
    expect(counts).toEqual(counts.toSorted((left, right) => right - left));
    expect(rows).toMatch(/<code>content\.|<code>id\./);
  });

  it('lists exceptions with their end, unlisted namespaces, certificates, the ledger and refusals', async () => {
    const scene = await createScene();
    const view = (await scene.api.audit(undefined))!;
    const page = await renderPage({
      ...view,
      exceptions: [
        {
          when: { 'contact-domain': 'clinic.example' },
          audiences: { gatekeeper: { 'presence.status': 'keep' } },
          why: 'on call <b>',
          approvedBy: 'dpo@provider.example',
          expires: '2026-12-09',
          expired: false,
        },
        { when: {}, audiences: {}, why: '', approvedBy: '', expires: '2026-11-01', expired: true },
      ],
    });
    expect(page).toContain('contact-domain clinic.example');
    expect(page).toContain('on call &lt;b&gt;');
    expect(page.replaceAll(/\s+/g, ' ')).toMatch(/2026-12-09, <span class="muted">in 10 days/);
    expect(page).toContain('2026-11-01, has ended');
    expect(page).toContain('urn:xmpp:jingle-message:0');
    expect(page).toContain('all that are not registered');
    expect(page).toContain('! ends in 9 days');
    expect(page).toContain('✓ ends in 61 days');
    expect(page).toContain(scene.exposure.ledger!.hash);
    expect(page).toContain('ERR_XML_NOT_WELL_FORMED');
  });

  it('says so where there is nothing', async () => {
    const page = await rendered(await createScene({ empty: true }));
    for (const words of [
      'No policy is in the shadow',
      'The policy has no exceptions',
      'Everything that was sent is in the catalogue',
      'No certificate is configured',
      'No connection was attested',
      'No ledger is configured',
      'Nothing was refused',
    ])
      expect(page).toContain(words);
    expect(page).not.toContain('NaN');
  });

  it('says what is wrong with files and with the ledger', async () => {
    const scene = await createScene();
    scene.exposure = {
      ...scene.exposure,
      inForce: scene.exposure.inForce.map((each) => ({
        ...each,
        state: 'rejected',
        share: [{ name: 'trial', mode: 'shadow', percent: 5 }],
      })),
      ledger: { ...scene.exposure.ledger!, failing: { since: '2026-11-29T17:00:00Z', cause: 'ENOSPC' } },
    };
    const page = await rendered(scene);
    expect(page).toContain('Newer files of the policy have errors');
    expect(page).toContain('trial, for 5 % of the accounts, is not enforced');
    expect(page).toContain('ENOSPC');
  });

  it('is about one gatekeeper, and links the others', async () => {
    const scene = await createScene({ gatekeepers: ['main', 'other one'] });
    expect(textOf(await rendered(scene, 'other one'), 'cell.chat-state.gatekeeper')).toContain('not yet');
    expect(await rendered(scene)).toContain('href="?gatekeeper=other%20one"');
    expect(await scene.api.audit('unknown')).toBeUndefined();
  });

  it('has a bounded size', async () => {
    const scene = await createScene({ fields: auditFieldsMax + 50 });
    expect(scene.view.fields).toHaveLength(auditFieldsMax);
    const [row] = scene.exposure.rows.filter(({ namespace }) => namespace !== null);
    const rows = Array.from({ length: tableRowsMax + 20 }, (_, n) => ({ ...row!, namespace: `urn:x:${n}` }));
    scene.exposure = { ...scene.exposure, rows };
    const page = await rendered(scene);
    expect(page.match(/<code>urn:x:/g)).toHaveLength(tableRowsMax);
    expect(page).toContain('and 20 more');
    expect(page.length).toBeLessThan(2_500_000);
  });
});

describe('GET /audit', () => {
  const served = async (peer = '127.0.0.1') => {
    const scene = await createScene();
    const app = createAdminApp({
      probes: { started: () => true, readiness: () => expect.fail('no probe') },
      metrics: { contentType: 'text/plain', text: async () => '' },
      api: () => scene.api,
      callers: { names: [], addresses: [] },
    });
    return (path: string, headers: Record<string, string> = {}) =>
      app.request(
        path,
        { headers: { host: '127.0.0.1:9090', ...headers } },
        { connection: { remoteAddress: peer } },
      );
  };

  it('is for the callers of the API only', async () => {
    expect((await (await served())('/audit')).status).toBe(200);
    const far = await served('192.0.2.1');
    for (const path of ['/audit', '/audit/live.js', '/audit/style.css'])
      expect(await codeOf(await far(path))).toBe('ERR_ADMIN_ADDRESS');
    const near = await served();
    expect(await codeOf(await near('/audit', { host: 'attacker.example' }))).toBe('ERR_ADMIN_HOST');
    expect(await codeOf(await near('/audit', { 'sec-fetch-site': 'cross-site' }))).toBe('ERR_ADMIN_ORIGIN');
  });

  it('loads its own files only, and runs nothing inline', async () => {
    const ask = await served();
    const answer = await ask('/audit');
    expect(answer.headers.get('content-security-policy')).toBe(pagePolicy);
    expect(pagePolicy).not.toContain('unsafe');
    const page = await answer.text();
    expect(page).not.toMatch(/ style=|<style|<script(?![^>]* src=)| on[a-z]+=|https?:\/\//);
    const files = [...page.matchAll(/(?:src|href)="(\/[^"]*)"/g)].map(([, path]) => path!);
    expect(files.toSorted()).toEqual(['/audit/icon.svg', '/audit/live.js', '/audit/style.css']);
    for (const path of files) expect((await ask(path)).status).toBe(200);
    expect((await ask('/api/exposure')).headers.get('content-security-policy')).toContain('sandbox');
  });

  it('answers 404 for an unknown gatekeeper', async () => {
    expect(await codeOf(await (await served())('/audit?gatekeeper=unknown'))).toBe('ERR_HTTP_NOT_FOUND');
  });

  it('is rendered once a second for each gatekeeper, however many read it', async () => {
    const { api } = await createScene();
    let asked = 0;
    let now = 0;
    const counting = { ...api, audit: (name: string | undefined) => ((asked += 1), api.audit(name)) };
    const app = auditPage(
      () => counting,
      () => now,
    );
    for (let n = 0; n < 20; n += 1) await app.request('/');
    expect(asked).toBe(1);
    now += pageAgeMsMax;
    await app.request('/');
    expect(asked).toBe(2);
  });
});

describe('words of the page', () => {
  it('sizes, days and steps of the colour', () => {
    expect([0, 999, 1_000, 31_500, 2_000_000].map(sizeOf)).toEqual([
      '0 B',
      '999 B',
      '1.0 kB',
      '32 kB',
      '2.0 MB',
    ]);
    const day = 86_400_000;
    expect([12 * day, day, 5, -3 * day].map((time) => daysTo(time, 0))).toEqual([
      'in 12 days',
      'in 1 day',
      'within a day',
      '3 days ago',
    ]);
    expect([0, 1, 9, 10, 999, 1_000, 10_000, 5_000_000].map(heatOf)).toEqual([0, 1, 1, 2, 3, 4, 5, 5]);
  });
});
