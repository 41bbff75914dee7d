/** A canary run asks every route of the admin port that answers with something of the proxy. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { readAdmin, sessionsEnded } from '../../src/app/canaries/admin.ts';
import { createAdminApp } from '../../src/http/admin/app.ts';

/** A server that answers as `answer` says, and keeps what it was asked. */
async function openServer(answer: (path: string) => string) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.end(answer(request.url!));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    asked,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.dispose]: () => server.close().closeAllConnections(),
  };
}

it('asks each route, and returns head and body', async () => {
  using server = await openServer((path) => `the body of ${path}`);
  const { metrics, others } = await readAdmin(server.url);
  const never = undefined as never;
  const callers = { names: [], addresses: [] };
  const app = createAdminApp({ probes: never, metrics: never, api: () => undefined, callers });
  const routes = new Set(app.routes.flatMap(({ method, path }) => (method === 'GET' ? [path] : [])));
  // The files of the page are part of the program.
  const answering = [...routes].filter((path) => !/\.(css|js|svg)$|\*/.test(path));
  expect(answering.length).toBeGreaterThan(7);
  for (const path of answering) {
    const pattern = new RegExp(`^GET ${path.replace(/:\w+/, '\\w+').replace(/\/$/, '')}$`);
    expect(server.asked.filter((one) => pattern.test(one))).toHaveLength(1);
  }
  expect(server.asked).toContain('POST /api/policy/explain');
  expect(metrics).toContain('the body of /metrics');
  for (const path of ['/readyz', '/api/policy', '/audit']) expect(others).toContain(`the body of ${path}`);
  expect(others).toMatch(/^200\n/);
});

it('waits until there is no session, and no longer than it may', async () => {
  let open = 3;
  using server = await openServer(() => `narthex_sessions ${open === 0 ? 0 : open--}\n`);
  await sessionsEnded(server.url, 60_000);
  expect(server.asked.length).toBe(4);
  open = 1_000_000;
  await sessionsEnded(server.url, 1);
  expect(open).toBeGreaterThan(0);
});
