import { execFileSync } from 'node:child_process';
import http from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jwks, makeKey, sign } from '../http/support/issuer.ts';
import { startParty, type Party } from '../http/support/party.ts';
import { httpVersions, openRequester, type Got, type Requester } from '../http/support/versions.ts';
import { serveProcess, type ServeProcess } from '../support/serve-process.ts';

const key = makeKey('gk-1', 'EdDSA');
const publicUrl = 'https://proxy.example';

/** Node refuses every write to a file and every new process (its permission model). */
const readOnly = ['--permission', '--allow-fs-read=*', '--allow-addons'];

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

function collect(
  answered: (take: (answer: http.IncomingMessage) => void) => http.ClientRequest,
  body?: string,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const outgoing = answered((incoming) => {
    let text = '';
    incoming.on('data', (chunk: Buffer) => (text += chunk.toString()));
    incoming.on('end', () =>
      resolve({ status: incoming.statusCode!, headers: incoming.headers, body: text }),
    );
  });
  outgoing.on('error', reject);
  outgoing.end(body);
  return promise;
}

describe.each(httpVersions)('`narthex serve` over %s, with a file system it cannot write to', (version) => {
  let provider: Party;
  let proxy: ServeProcess;
  let gatekeeper: Requester;
  let pushes: string[];

  beforeAll(async () => {
    pushes = [];
    provider = await startParty(({ path }) =>
      path === '/jwks'
        ? { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(jwks(key)) }
        : { status: 503 },
    );
    proxy = await serveProcess({
      node: readOnly,
      config: {
        log: { level: 'debug' },
        timeouts: { drainMs: 200 },
        http: { host: '127.0.0.1', port: 0, publicUrl },
        provider: {
          issuer: 'https://id.provider.example',
          jwksUri: new URL('/jwks', provider.url).href,
          audiences: ['https://gatekeeper.example'],
          push: { url: new URL('/push', provider.url).href },
        },
      },
      gatekeeper: { push: { issuer: 'gk', jwksUri: new URL('/jwks', provider.url).href } },
    });
    const { httpPort: port, ca } = proxy;
    gatekeeper = openRequester(version, { host: '127.0.0.1', port, ca, servername: 'proxy.example' });
  });
  afterAll(async () => {
    gatekeeper.close();
    await provider.close();
  });

  const admin = (path: string, body?: string, headers: Record<string, string> = {}): Promise<Answer> =>
    collect(
      (take) =>
        http.request(
          {
            port: proxy.adminPort,
            host: '127.0.0.1',
            path,
            method: body === undefined ? 'GET' : 'POST',
            headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
          },
          take,
        ),
      body,
    );

  const push = async (notification: object): Promise<Got> => {
    const iat = Math.floor(Date.now() / 1000);
    const claims = { iss: 'gk', sub: 'gk', aud: `${publicUrl}/push/test`, iat, exp: iat + 60 };
    const authorization = `Bearer ${await sign({ key, claims })}`;
    return gatekeeper.request({
      path: '/push/test',
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify(notification),
    });
  };

  it('is held to that', () => {
    const writing = "require('node:fs').writeFileSync('/tmp/narthex-never', 'x')";
    expect(() => execFileSync(process.execPath, [...readOnly, '-e', writing], { stdio: 'pipe' })).toThrow(
      /ERR_ACCESS_DENIED/,
    );
  });

  it('keeps no push while the provider is down: the gatekeeper keeps it, and brings it again', async () => {
    const notifications = Array.from({ length: 20 }, (_, id) => ({
      id: `n${id}`,
      recipient: `device-${id}`,
    }));
    const refused = await Promise.all(notifications.map(push));
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([503]));
    expect(new Set(refused.map(({ headers }) => headers['retry-after']))).toEqual(new Set(['5']));
    provider.answer = ({ path, body }) => {
      if (path === '/push') pushes.push(body);
      return { status: 204 };
    };
    const taken = await Promise.all(notifications.map(push));
    expect(new Set(taken.map(({ status }) => status))).toEqual(new Set([202]));
    expect(pushes.toSorted()).toEqual(
      notifications.map(({ recipient }) => JSON.stringify({ recipient })).toSorted(),
    );
  });

  it('reports to the operator in closed words: log, metrics, sessions, policy', async () => {
    const { body: metrics } = await admin('/metrics');
    expect(metrics).toContain('narthex_http_requests_total{route="/push/:gatekeeper",status="5xx"} 20');
    expect(metrics).toContain('narthex_http_requests_total{route="/push/:gatekeeper",status="2xx"} 20');
    expect(metrics).toContain('narthex_http_refusals_total{code="ERR_PUSH_BUSY"} 20');
    expect(metrics).toContain('narthex_push_deliveries_total 20');
    expect(metrics).toContain(
      'audience="provider",field="push.recipient",treatment="keep",mode="enforced",policy="balanced"} 40',
    );
    expect(proxy.log).toContainEqual(
      expect.objectContaining({ event: 'http.refused', route: '/push/:gatekeeper', code: 'ERR_PUSH_BUSY' }),
    );
    expect(JSON.stringify(proxy.log) + metrics).not.toMatch(/device-|"n1"/);
    expect(JSON.parse((await admin('/api/sessions')).body)).toEqual({ sessions: [] });
    const policy = JSON.parse((await admin('/api/policy')).body) as Record<string, Record<string, unknown>>;
    expect(policy).toMatchObject({
      state: 'loaded',
      digest: expect.stringMatching(/^[\w-]{43}$/) as string,
      enforced: {
        name: 'balanced',
        lineage: ['balanced', 'passthrough'],
        audiences: { provider: { '*': 'drop', 'push.recipient': 'keep', 'push.sender': 'drop' } },
      },
      shadow: null,
    });
  });

  it('explains a stanza, looks at its files, and drains on request', async () => {
    const stanza =
      "<message xmlns='jabber:client' to='a@b.example'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>";
    const explained = await admin('/api/policy/explain', JSON.stringify({ from: 'client', stanza }));
    expect(JSON.parse(explained.body)).toMatchObject({
      policy: 'balanced',
      after: '',
      decisions: expect.arrayContaining([
        expect.objectContaining({ field: 'chat-state', treatment: 'drop' }),
      ]) as unknown,
    });
    const reloaded = await admin('/api/reload', '{}');
    expect(JSON.parse(reloaded.body)).toMatchObject({
      certificates: { state: 'loaded' },
      policy: { state: 'loaded' },
    });
    expect((await admin('/api/drain', '{}', { origin: 'https://evil.example' })).status).toBe(403);
    const exit = new Promise((resolve) => proxy.child.once('exit', resolve));
    expect((await admin('/api/drain', '{}')).status).toBe(202);
    expect(await exit).toBe(0);
    expect(proxy.log.at(-1)).toMatchObject({ event: 'proxy.stopped' });
    await proxy.stop();
  });
});
