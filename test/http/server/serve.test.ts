import type { TLSSocket } from 'node:tls';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createAdminApp } from '../../../src/http/admin/app.ts';
import { ListenError } from '../../../src/http/server/listen-error.ts';
import { defaultHttpLimits } from '../../../src/http/limits.ts';
import type { App, ServeLimits } from '../../../src/http/server/node-server.ts';
import { httpConnections } from '../../../src/http/server/connections.ts';
import { LoopShare } from '../../../src/http/server/loop-share.ts';
import { type Served, adminServeLimits, serveHttp } from '../../../src/http/server/serve.ts';
import { FileStates } from '../../../src/observability/file-states.ts';
import { label } from '../../../src/observability/label.ts';
import { createMetrics } from '../../../src/observability/metrics.ts';

const readiness = {
  draining: false,
  listeners: [{ name: label('clients'), state: 'open' as const }],
  policy: null,
  gatekeeperPolicies: {},
  files: new FileStates().summary(),
};

const admin = createAdminApp({
  probes: { started: () => true, readiness: () => readiness },
  metrics: createMetrics({ version: '1', processMetrics: false }),
  api: () => undefined,
  callers: { names: [], addresses: [] },
});

async function serve(
  limits: Partial<ServeLimits> = {},
  app: Parameters<typeof serveHttp>[0]['app'] = admin,
): Promise<Served> {
  const served = await serveHttp({
    app,
    host: '127.0.0.1',
    port: 0,
    limits: { ...adminServeLimits, ...limits },
  });
  onTestFinished(() => served.close(0));
  return served;
}

/** Sends bytes, and resolves with everything that came once the other side has closed. */
function talk(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket: Socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => (heard += chunk));
    socket.on('error', () => {});
    socket.on('close', () => resolve(heard));
  });
}

describe('a served app', () => {
  it('answers on a real port', async () => {
    const { port } = await serve();
    const response = await fetch(`http://127.0.0.1:${port}/readyz`);
    expect([response.status, await response.json()]).toEqual([200, { status: 'ready', ...readiness }]);
  });

  it('leaves the globals of the process alone', async () => {
    const before = [globalThis.Request, globalThis.Response];
    await serve();
    expect([globalThis.Request, globalThis.Response]).toEqual(before);
  });

  it('refuses more headers than allowed', async () => {
    const { port } = await serve({ headerBytesMax: 1_024 });
    const answer = await talk(port, `GET /livez HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(2_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('does not wait for headers that never end', async () => {
    const { port } = await serve({ headersTimeoutMs: 100, requestTimeoutMs: 200 });
    expect(await talk(port, 'GET /livez HTTP/1.1\r\nHost: a\r\n')).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('ends a connection after its share of requests', async () => {
    const { port } = await serve({ requestsPerConnectionMax: 2, keepAliveTimeoutMs: 100 });
    const answer = await talk(port, 'GET /livez HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3));
    expect(answer.match(/HTTP\/1\.1 [0-9]+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 503']);
    expect(answer).toMatch(/connection: close/i);
  });

  it('closes connections that do not end in time', async () => {
    const served = await serve({}, { fetch: () => new Promise<Response>(() => {}) });
    const hanging = talk(served.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    // The request must be in the handler before the server closes.
    await new Promise((resolve) => setTimeout(resolve, 50));
    await served.close(100);
    expect(await hanging).toBe('');
  });
});

describe('connections that another part accepts', () => {
  async function accepting(app: App, limits: Partial<ServeLimits> = {}) {
    const connections = httpConnections({
      app,
      limits: { ...defaultHttpLimits, ...adminServeLimits, ...limits },
      share: new LoopShare(100, () => performance.now()),
      refused: () => {},
      violated: () => {},
    });
    const server = createServer((socket) => connections.accept(socket as TLSSocket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return { connections, port: (server.address() as AddressInfo).port };
  }

  it('complete when the server is closed, and end', async () => {
    const { promise: answered, resolve } = Promise.withResolvers<Response>();
    const { connections, port } = await accepting({ fetch: () => answered });
    const idle = talk(port, '');
    const busy = talk(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await new Promise((wait) => setTimeout(wait, 50));
    const closed = connections.close(5_000);
    expect(await idle).toBe('');
    resolve(new Response('done'));
    expect(await busy).toMatch(/^HTTP\/1\.1 200 [^]*done$/);
    await closed;
  });

  it('are cut when they do not', async () => {
    const { connections, port } = await accepting({ fetch: () => new Promise<Response>(() => {}) });
    const hanging = talk(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await new Promise((wait) => setTimeout(wait, 50));
    await connections.close(100);
    expect(await hanging).toBe('');
  });

  it('are timed like others', async () => {
    const { port } = await accepting(
      { fetch: () => new Response() },
      { headersTimeoutMs: 100, requestTimeoutMs: 200 },
    );
    expect(await talk(port, 'GET /livez HTTP/1.1\r\nHost: a\r\n')).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe('a port that cannot be opened', () => {
  it('is in use', async () => {
    const { port } = await serve();
    const again = serveHttp({ app: admin, host: '127.0.0.1', port, limits: adminServeLimits });
    await expect(again).rejects.toBeInstanceOf(ListenError);
    await expect(again).rejects.toMatchObject({ code: 'ERR_PORT_IN_USE', host: '127.0.0.1', port });
  });

  it('is of another machine', async () => {
    const elsewhere = serveHttp({ app: admin, host: '192.0.2.1', port: 0, limits: adminServeLimits });
    await expect(elsewhere).rejects.toMatchObject({ code: 'ERR_ADDRESS_NOT_AVAILABLE' });
  });
});
