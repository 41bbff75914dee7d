import { describe, expect, it } from 'vitest';
import { type Readiness, createAdminApp } from '../../../src/http/admin/app.ts';
import { FileStates } from '../../../src/observability/file-states.ts';
import { label } from '../../../src/observability/label.ts';
import { createMetrics } from '../../../src/observability/metrics.ts';

const ready: Readiness = {
  draining: false,
  listeners: [{ name: label('clients'), state: 'open' }],
  policy: { name: 'balanced', mode: 'enforce', share: [] },
  gatekeeperPolicies: {},
  files: new FileStates().summary(),
};

const noApi = { api: () => undefined, callers: { names: [], addresses: [] } };

function app(readiness: Partial<Readiness> = {}, started = true): ReturnType<typeof createAdminApp> {
  const probes = { started: () => started, readiness: () => ({ ...ready, ...readiness }) };
  return createAdminApp({
    probes,
    metrics: createMetrics({ version: '1', processMetrics: false }),
    ...noApi,
  });
}

const never = (): never => expect.fail('liveness looked at the proxy');

async function problem(response: Response | Promise<Response>): Promise<Record<string, unknown>> {
  const answer = await response;
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  const body = (await answer.json()) as Record<string, unknown>;
  expect(body['status']).toBe(answer.status);
  return body;
}

describe('probes', () => {
  it('alive means that the process answers, whatever else is wrong', async () => {
    const sick = app({ draining: true, listeners: [] }, false);
    expect((await sick.request('/livez')).status).toBe(200);
  });

  it('alive calls no other part', async () => {
    const metrics = { contentType: 'text/plain', text: never };
    const response = await createAdminApp({
      probes: { started: never, readiness: never },
      metrics,
      ...noApi,
    }).request('/livez');
    expect([response.status, await response.json()]).toEqual([200, { status: 'alive' }]);
  });

  it('started once listeners are open', async () => {
    expect((await app({}, true).request('/startupz')).status).toBe(200);
    expect(await problem(app({}, false).request('/startupz'))).toMatchObject({
      status: 503,
      code: 'ERR_NOT_STARTED',
    });
  });

  it('ready returns the state that it read', async () => {
    const response = await app().request('/readyz');
    expect([response.status, await response.json()]).toEqual([200, { status: 'ready', ...ready }]);
  });

  it('ready with old certificates, and names the place and the remedy of the new ones', async () => {
    const states = new FileStates();
    const problem = {
      severity: 'error',
      code: 'ERR_CERTIFICATE_INVALID',
      file: '/etc/narthex/tls.crt',
      line: 3,
      column: 1,
      reason: 'holds no PEM certificate',
      remedy: 'Write it again',
    } as const;
    states.note('certificates', 'certificates[0]', 'rejected', [problem]);
    states.note('certificates', 'certificates[1]', 'loaded');
    const response = await app({ files: states.summary() }).request('/readyz');
    expect([response.status, await response.json()]).toMatchObject([
      200,
      { status: 'ready', files: { certificates: { state: 'rejected', problems: [problem], omitted: 0 } } },
    ]);
  });

  it('ready with a policy that is not enforced, and states the mode', async () => {
    const response = await app({ policy: { name: 'house', mode: 'shadow', share: [] } }).request('/readyz');
    expect(await response.json()).toMatchObject({ policy: { name: 'house', mode: 'shadow' } });
  });

  it.each<[string, Partial<Readiness>]>([
    ['draining', { draining: true }],
    ['a listener is closed', { listeners: [...ready.listeners, { name: label('other'), state: 'closed' }] }],
    ['there is no listener yet', { listeners: [] }],
  ])('not ready while %s, and says why', async (_, readiness) => {
    const body = await problem(app(readiness).request('/readyz'));
    expect(body).toMatchObject({ status: 503, code: 'ERR_NOT_READY', ...readiness });
  });
});

describe('metrics', () => {
  it('are Prometheus text', async () => {
    const response = await app().request('/metrics');
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await response.text()).toContain('\nnarthex_sessions 0\n');
  });

  it('that fail are a problem without a reason', async () => {
    const metrics = {
      contentType: 'text/plain',
      text: () => Promise.reject(new Error('juliet@capulet.example')),
    };
    const broken = createAdminApp({
      probes: { started: () => true, readiness: () => ready },
      metrics,
      ...noApi,
    });
    const body = await problem(broken.request('/metrics'));
    expect(body).toEqual({
      status: 500,
      code: 'ERR_INTERNAL',
      detail: 'The request failed inside the proxy.',
    });
  });
});

describe('anything else', () => {
  it('is not found', async () => {
    const body = await problem(app().request('/juliet@capulet.example'));
    expect(body).toMatchObject({ status: 404, code: 'ERR_HTTP_NOT_FOUND' });
    expect(JSON.stringify(body)).not.toContain('juliet');
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s is not allowed', async (method) => {
    for (const path of ['/livez', '/readyz', '/startupz', '/metrics']) {
      const response = await app().request(path, { method });
      expect(response.headers.get('allow')).toBe('GET, HEAD');
      expect(await problem(response)).toMatchObject({ status: 405, code: 'ERR_HTTP_METHOD' });
    }
  });

  it('HEAD is GET without a body', async () => {
    const response = await app().request('/readyz', { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  it.each(['/livez', '/readyz', '/metrics', '/nothing'])(
    '%s is no page, and is never cached',
    async (path) => {
      const { headers } = await app().request(path);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('referrer-policy')).toBe('no-referrer');
    },
  );
});
