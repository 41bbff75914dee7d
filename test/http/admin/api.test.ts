import { describe, expect, it } from 'vitest';
import { createAdminApp } from '../../../src/http/admin/app.ts';
import type { AdminApi, ExplainRequest } from '../../../src/http/admin/api.ts';
import { FileStates } from '../../../src/observability/file-states.ts';
import { label } from '../../../src/observability/label.ts';
import { codeOf } from '../support/party.ts';

const explanation = { policy: 'balanced', before: '<a/>', after: '' };
const reloaded = new FileStates().summary();
const refusals: Readonly<Record<string, ReturnType<AdminApi['refusal']>>> = {
  '7K3M-Q9XW': { phase: 'dialling', code: 'ERR_GATEKEEPER_TLS', minute: '2026-11-29T17:03Z' },
  'TOO-MANY': 'too-many',
};
const exposure = { format: 1, rows: [] };
const policies = { state: 'loaded', digest: 'd', enforced: { name: 'balanced' }, shadow: null };

function appWith(names: readonly string[] = []) {
  const calls: string[] = [];
  const asked: ExplainRequest[] = [];
  const api = {
    sessions: () => [{ listener: label('clients'), gatekeeper: null, phase: 'securing', sessions: 2 }],
    refusal: (code: string) => refusals[code] ?? 'unknown',
    exposure: () => exposure,
    policy: () => policies,
    explain: (request: ExplainRequest) => {
      asked.push(request);
      return request.stanza === 'no stanza' ? undefined : explanation;
    },
    reload: async () => {
      calls.push('reload');
      return reloaded;
    },
    drain: () => void calls.push('drain'),
    shed: (share: number) => calls.push(`shed ${share}`),
  } as unknown as AdminApi;
  const app = createAdminApp({
    probes: { started: () => true, readiness: () => expect.fail('the probe was not called') },
    metrics: { contentType: 'text/plain', text: async () => '' },
    api: () => api,
    callers: { names, addresses: ['10.9.0.0/16'] },
  });
  const ask = async (
    path: string,
    {
      body,
      headers = {},
      peer = '127.0.0.1',
    }: { body?: string; headers?: Record<string, string>; peer?: string } = {},
  ): Promise<Response> =>
    app.request(
      path,
      {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          host: '127.0.0.1:9090',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body }),
      },
      { connection: { remoteAddress: peer } },
    );
  return { ask, calls, asked };
}

describe('the API of the operator', () => {
  it('counts sessions, and names no user', async () => {
    const answer = await appWith().ask('/api/sessions');
    expect(await answer.json()).toEqual({
      sessions: [{ listener: 'clients', gatekeeper: null, phase: 'securing', sessions: 2 }],
    });
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('shows the policy in force', async () => {
    expect(await (await appWith().ask('/api/policy')).json()).toEqual(policies);
  });

  it('shows what each audience was shown, to the same callers as everything else', async () => {
    const { ask } = appWith();
    const answer = await ask('/api/exposure');
    expect([answer.status, await answer.json()]).toEqual([200, exposure]);
    expect(await codeOf(await ask('/api/exposure', { peer: '192.0.2.1' }))).toBe('ERR_ADMIN_ADDRESS');
    expect(await codeOf(await ask('/api/exposure', { headers: { host: 'attacker.example' } }))).toBe(
      'ERR_ADMIN_HOST',
    );
    expect((await ask('/api/exposure', { body: '{}' })).status).toBe(405);
  });

  it('says why a client was refused, and nothing else', async () => {
    const answer = await appWith().ask('/api/refusals/7K3M-Q9XW');
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { phase: 'dialling', code: 'ERR_GATEKEEPER_TLS', minute: '2026-11-29T17:03Z' },
    ]);
  });

  it('answers 404 for another support code, and 429 for too many look-ups', async () => {
    const unknown = await appWith().ask('/api/refusals/0000-0000');
    expect([unknown.status, await codeOf(unknown)]).toEqual([404, 'ERR_REFUSAL_UNKNOWN']);
    const late = await appWith().ask('/api/refusals/TOO-MANY');
    expect([late.status, late.headers.get('retry-after')]).toEqual([429, '60']);
    expect(await codeOf(late)).toBe('ERR_REFUSAL_LOOKUPS');
    expect((await appWith().ask('/api/refusals/7K3M-Q9XW', { body: '{}' })).status).toBe(405);
  });

  it('explains a stanza', async () => {
    const { ask, asked } = appWith();
    const supposed = { listener: 'vpn', region: 'AT-9', claims: { plan: 'gold', seats: 3 } };
    const request = { from: 'client', stanza: '<presence/>', account: 'a@b.example', ...supposed };
    const answer = await ask('/api/policy/explain', { body: JSON.stringify(request) });
    expect([answer.status, await answer.json(), asked]).toEqual([200, explanation, [request]]);
  });

  it.each([
    ['ERR_EXPLAIN_STANZA', { from: 'client', stanza: 'no stanza' }],
    ['ERR_HTTP_MEMBER', { from: 'nobody', stanza: '<presence/>' }],
    ['ERR_HTTP_MEMBER', { from: 'client', stanza: 7 }],
    ['ERR_HTTP_MEMBER', { from: 'client', stanza: '<presence/>', account: {} }],
    ['ERR_HTTP_MEMBER', { from: 'client', stanza: '<presence/>', listener: 7 }],
    ['ERR_HTTP_MEMBER', { from: 'client', stanza: '<presence/>', region: 'Wien' }],
    ['ERR_HTTP_MEMBER', { from: 'client', stanza: '<presence/>', claims: ['gold'] }],
    ['ERR_HTTP_MEMBER', { from: 'client', stanza: '<presence/>', claims: { plan: {} } }],
    ['ERR_HTTP_MEMBER', { from: 'client', stanza: '<presence/>', extra: 1 }],
  ])('refuses with %s to explain %j', async (code, body) => {
    expect(await codeOf(await appWith().ask('/api/policy/explain', { body: JSON.stringify(body) }))).toBe(
      code,
    );
  });

  it('reloads, and returns the outcome of each part', async () => {
    const { ask, calls } = appWith();
    expect(await (await ask('/api/reload', { body: '{}' })).json()).toEqual(reloaded);
    expect(calls).toEqual(['reload']);
  });

  it('drains', async () => {
    const { ask, calls } = appWith();
    expect((await ask('/api/drain', { body: '{}' })).status).toBe(202);
    expect(calls).toEqual(['drain']);
  });

  it.each(['0.2', '1', '.5', '0.000000001', '1.0'])('drains the share %s', async (share) => {
    const { ask, calls } = appWith();
    const answer = await ask(`/api/drain?share=${share}`, { body: '{}' });
    expect([answer.status, await answer.json()]).toEqual([202, { status: 'draining', sessions: 1 }]);
    expect(calls).toEqual([`shed ${Number(share)}`]);
  });

  it.each([
    ...[
      '0',
      '0.0',
      '-0.2',
      '1.1',
      '2',
      'NaN',
      'Infinity',
      '',
      ' 1',
      '1e-1',
      '0x1',
      '20%25',
      '0,2',
      '0.0000000001',
    ].map((value) => `share=${value}`),
    'shares=0.2',
    'share=0.2&share=0.2',
    'share=0.2&now=1',
    'share',
  ])('drains nothing for ?%s', async (query) => {
    const { ask, calls } = appWith();
    const answer = await ask(`/api/drain?${query}`, { body: '{}' });
    expect([answer.status, await codeOf(answer)]).toEqual([400, 'ERR_DRAIN_SHARE']);
    expect(calls).toEqual([]);
  });

  it('changes nothing by GET', async () => {
    const { ask, calls } = appWith();
    for (const path of ['/api/reload', '/api/drain', '/api/policy/explain']) {
      const answer = await ask(path);
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
    }
    expect(calls).toEqual([]);
  });

  it.each(['10.1.2.3', '192.0.2.1', '::ffff:10.1.2.3', '2001:db8::1', ''])('is not for %s', async (peer) => {
    const { ask, calls } = appWith();
    expect(await codeOf(await ask('/api/drain', { body: '{}', peer }))).toBe('ERR_ADMIN_ADDRESS');
    expect(await codeOf(await ask('/api/sessions', { peer }))).toBe('ERR_ADMIN_ADDRESS');
    expect(calls).toEqual([]);
  });

  it.each(['::1', '::ffff:127.0.0.1', '10.9.1.1', '::ffff:10.9.1.1'])('is for %s', async (peer) => {
    expect((await appWith().ask('/api/sessions', { peer })).status).toBe(200);
  });

  it('waits for the start', async () => {
    const app = createAdminApp({
      probes: { started: () => false, readiness: () => expect.fail('the probe was not called') },
      metrics: { contentType: 'text/plain', text: async () => '' },
      api: () => undefined,
      callers: { names: [], addresses: [] },
    });
    const answer = await app.request(
      '/api/sessions',
      { headers: { host: 'localhost' } },
      { connection: { remoteAddress: '::1' } },
    );
    expect([answer.status, await codeOf(answer)]).toEqual([503, 'ERR_NOT_STARTED']);
  });
});

describe("another site's page in the operator's browser", () => {
  it.each([
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'ERR_HTTP_BODY_TYPE'],
    ['a form that looks like JSON', { 'content-type': 'text/plain' }, 'ERR_HTTP_BODY_TYPE'],
    ['a script of another origin', { origin: 'https://evil.example' }, 'ERR_ADMIN_ORIGIN'],
    ['a page without an origin', { origin: 'null' }, 'ERR_ADMIN_ORIGIN'],
    ['the same host over another port', { origin: 'http://127.0.0.1:8080' }, 'ERR_ADMIN_ORIGIN'],
    ['a browser that states it', { 'sec-fetch-site': 'cross-site' }, 'ERR_ADMIN_ORIGIN'],
    ['another port of this machine', { 'sec-fetch-site': 'same-site' }, 'ERR_ADMIN_ORIGIN'],
    ['a name made to resolve here', { host: 'evil.example:9090', origin: 'http://evil.example:9090' }, 'ERR_ADMIN_HOST'],
    ['no name at all', { host: '' }, 'ERR_ADMIN_HOST'],
  ])('cannot drain the proxy by %s', async (_, headers, code) => {
    const { ask, calls } = appWith();
    expect(await codeOf(await ask('/api/drain', { body: '{}', headers }))).toBe(code);
    expect(calls).toEqual([]);
  }); // prettier-ignore

  it('cannot read by a name made to resolve here', async () => {
    const answer = await appWith().ask('/api/sessions', { headers: { host: 'evil.example' } });
    expect([answer.status, await codeOf(answer)]).toEqual([421, 'ERR_ADMIN_HOST']);
  });

  it('gets no permission to ask', async () => {
    const { ask } = appWith();
    const answer = await ask('/api/sessions', { headers: { 'access-control-request-method': 'POST' } });
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it.each(['127.0.0.1', '[::1]:9090', '10.1.2.3:9090', 'localhost:9090', 'LOCALHOST', 'narthex.svc:9090'])(
    'is refused when it calls %s',
    async (host) => {
      expect((await appWith(['narthex.svc']).ask('/api/sessions', { headers: { host } })).status).toBe(200);
    },
  );
});
