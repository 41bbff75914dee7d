/** The public HTTP port of a running proxy while the process does not keep up: its loop is late, or it holds more memory
 *  than it may. Requests are refused with a time to come back, and answered again when that is over. */
import { afterEach, expect, it } from 'vitest';
import { httpVersions, openRequester, type Got, type HttpVersion } from '../http/support/versions.ts';
import { serveProcess, type ServeProcess } from '../support/serve-process.ts';
import { eventually } from '../support/wait.ts';

/** Loaded before the proxy: between two SIGUSR2 it keeps the loop of the process busy, 400 ms of each turn. */
const busyLoop = `
  let busy = false;
  const turn = () => {
    const end = performance.now() + 400;
    while (performance.now() < end);
    if (busy) setTimeout(turn, 0);
  };
  process.on('SIGUSR2', () => {
    busy = !busy;
    if (busy) turn();
  });
`;

let proxy: ServeProcess;
afterEach(() => proxy.stop());

async function start(overload: Record<string, number>): Promise<void> {
  proxy = await serveProcess({
    node: ['--import', `data:text/javascript,${encodeURIComponent(busyLoop)}`],
    config: {
      overload,
      timeouts: { drainMs: 0 },
      http: {
        host: '127.0.0.1',
        port: 0,
        publicUrl: 'https://proxy.example',
        websocketUrl: 'wss://proxy.example/xmpp',
      },
    },
  });
}

/** One request on a connection of its own. */
async function get(version: HttpVersion, path: string): Promise<Got> {
  const target = { host: '127.0.0.1', port: proxy.httpPort, servername: 'proxy.example', ca: proxy.ca };
  const requester = openRequester(version, target);
  try {
    const headers = { host: 'proxy.example' };
    return await requester.request({ method: 'GET', path, headers, body: undefined });
  } finally {
    requester.close();
  }
}

const served = '/.well-known/host-meta.json';

/** Waits for the proxy's own word that its state has changed. */
const reported = (event: string): Promise<unknown> =>
  eventually(
    () => proxy.log.some((line) => line['event'] === event),
    60_000,
    () => event,
  );

function expectRefusal({ status, headers, body }: Got): void {
  expect(status).toBe(503);
  expect(headers['retry-after']).toBe('3');
  expect(headers['content-type']).toBe('application/problem+json');
  expect(JSON.parse(body)).toMatchObject({ status: 503, code: 'ERR_HTTP_OVERLOAD' });
}

it.each(httpVersions)(
  'answers 503 with Retry-After over %s while its loop is late, and 200 before and after',
  async (version) => {
    await start({ loopDelayMs: 200 });
    expect((await get(version, served)).status).toBe(200);
    proxy.child.kill('SIGUSR2');
    await reported('proxy.overloaded');
    expectRefusal(await get(version, served));
    proxy.child.kill('SIGUSR2');
    await reported('proxy.recovered');
    expect((await get(version, served)).status).toBe(200);
  },
);

it.each(httpVersions)(
  'answers 503 with Retry-After over %s while it holds more memory than it may',
  async (version) => {
    await start({ loopDelayMs: 0, memoryBytesMax: 1 });
    await reported('proxy.overloaded');
    for (const path of [served, '/media/token', '/nothing']) expectRefusal(await get(version, path));
  },
);
