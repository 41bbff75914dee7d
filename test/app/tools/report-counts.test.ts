import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { answerBytesMax, fetchExposure } from '../../../src/app/tools/proxy-exposure.ts';
import { readCounts, type CountedPolicy } from '../../../src/app/tools/report-counts.ts';
import type { ExposureDocument, ExposureRow } from '../../../src/http/admin/exposure.ts';

let close: (() => void) | undefined;
afterEach(() => close?.());

/** Serves on loopback, and returns the address. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const row = (gatekeeper: string, mode: ExposureRow['mode'], count: number): ExposureRow => ({
  gatekeeper,
  audience: 'gatekeeper',
  field: 'chat-state',
  namespace: null,
  treatment: 'drop',
  mode,
  policy: 'strict',
  sinceStart: { count, bytes: 0, sessionsAtLeast: 1, sessionsAtMost: 1 },
  interval: { count, bytes: 0, sessions: 1 },
});

const digest = 'd'.repeat(43);
const inForce = (gatekeeper: string, policyDigest: string): ExposureDocument['inForce'][number] => ({
  gatekeeper,
  state: 'loaded',
  policy: { name: 'strict', mode: 'enforce' },
  policyDigest,
  share: [],
  shadow: null,
  catalogueDigest: digest,
  profilesDigest: null,
});

const document: ExposureDocument = {
  format: 1,
  at: '2026-11-29T11:00:00.000Z',
  startedAt: '2026-11-29T10:00:00.000Z',
  interval: { from: '2026-11-29T10:59:00.000Z' },
  build: { version: '1.2.3', digest },
  inForce: [inForce('main', digest), inForce('other', 'o'.repeat(43))],
  ledger: null,
  rows: [row('main', 'enforced', 3), row('main', 'shadow', 50), row('other', 'enforced', 700)],
  other: { rows: 0, count: 0 },
};

const strict: CountedPolicy = { name: 'strict', mode: 'enforce', digest };

const served =
  (body: unknown): RequestListener =>
  (request, response) => {
    if (request.url === '/api/exposure') response.end(JSON.stringify(body));
    else response.writeHead(404).end();
  };

describe('counts of a running proxy', () => {
  it('are those of the policy where it is in force, without those in its shadow', async () => {
    const counts = await readCounts(await serve(served(document)), undefined, [strict]);
    const counted = { audience: 'gatekeeper', field: 'chat-state', treatment: 'drop', count: 3 };
    expect(counts.of(strict, undefined)).toEqual([counted]);
    expect(counts.of(strict, 'main')).toEqual([counted]);
    expect(counts.of(strict, 'other')).toEqual([]);
    expect(counts.provenance).toMatch(/^http:\/\/127\.0\.0\.1:\d+, 2026-11-29T10:00.* to 2026-11-29T11:00/);
  });

  it('of a policy that is not in force are refused', async () => {
    const other = { ...strict, digest: 'x'.repeat(43) };
    await expect(readCounts(await serve(served(document)), undefined, [other])).rejects.toMatchObject({
      code: 'ERR_PROXY_POLICY',
    });
  });

  it('of a policy for a share of the accounts are found by its name', async () => {
    const share = [{ name: 'strict', mode: 'enforce', percent: 10 }];
    const body = { ...document, inForce: [{ ...inForce('main', 'o'.repeat(43)), share }] };
    const counts = await readCounts(await serve(served(body)), undefined, [strict]);
    expect(counts.of(strict, 'main')).toHaveLength(1);
  });
});

describe('an admin port', () => {
  const cases: Readonly<Record<string, readonly [code: string, listener: RequestListener]>> = {
    'that does not answer this machine': [
      'ERR_PROXY_REFUSED',
      (_request, response) => void response.writeHead(403).end(),
    ],
    'that asks for a name': ['ERR_PROXY_REFUSED', (_request, response) => void response.writeHead(401).end()],
    'of another program': ['ERR_PROXY_ANSWER', (_request, response) => void response.writeHead(404).end()],
    'that points elsewhere': [
      'ERR_PROXY_ANSWER',
      (_request, response) => void response.writeHead(302, { location: '/elsewhere' }).end(),
    ],
    'with a page': ['ERR_PROXY_ANSWER', (_request, response) => void response.end('<html></html>')],
    'of another format': ['ERR_PROXY_ANSWER', served({ ...document, format: 2 })],
    'with a member that is new': ['ERR_PROXY_ANSWER', served({ ...document, extra: 1 })],
    'with an answer that is too long': [
      'ERR_PROXY_ANSWER',
      (_request, response) => void response.end(Buffer.alloc(answerBytesMax + 1)),
    ],
    'that breaks off': [
      'ERR_PROXY_UNREACHABLE',
      (_request, response) => {
        response.writeHead(200, { 'content-length': 1_000 });
        response.write('{', () => response.destroy());
      },
    ],
  };

  it.each(Object.entries(cases))('%s is named', async (_, [code, listener]) => {
    await expect(fetchExposure(await serve(listener))).rejects.toMatchObject({ code });
  });

  it('that is silent is given up', async () => {
    const base = await serve(() => {});
    await expect(fetchExposure(base, 50)).rejects.toMatchObject({
      code: 'ERR_PROXY_UNREACHABLE',
      message: expect.stringContaining('timeout'),
    });
  });

  it('where no program listens is unreachable', async () => {
    const base = await serve(() => {});
    close!();
    await expect(fetchExposure(base)).rejects.toMatchObject({
      code: 'ERR_PROXY_UNREACHABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it.each(['http://user:secret@127.0.0.1:1', 'http://['])('is not asked at %s', async (base) => {
    await expect(fetchExposure(base)).rejects.toMatchObject({
      code: 'ERR_PROXY_ANSWER',
      message: expect.not.stringContaining('secret'),
    });
  });
});
