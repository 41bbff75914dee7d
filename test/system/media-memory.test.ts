import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMediaOrigin, type MediaOrigin } from '../http/support/media-origin.ts';

/** MEDIA_BYTES shortens it. */
const fileBytes = Number(process.env['MEDIA_BYTES'] ?? 2 * 1024 ** 3);
const growthMax = 50 * 1024 * 1024;
const pageBytes = 4_096;

function residentBytes(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageBytes;
}

/** Reads and counts. */
function download(url: string, headers: Record<string, string> = {}): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  http
    .get(url, { headers }, (answer) => {
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => (bytes += chunk.length));
      answer.on('end', () => resolve(bytes));
      answer.on('error', reject);
    })
    .on('error', reject);
  return promise;
}

describe('the media relay', () => {
  let origin: MediaOrigin;
  let relay: ChildProcess;
  let url: string;

  beforeAll(async () => {
    origin = await startMediaOrigin(fileBytes, { plain: true });
    relay = fork(new URL('../http/support/media-relay.ts', import.meta.url), [origin.url.href], {
      execArgv: [],
    });
    [url] = (await once(relay, 'message')) as [string];
  });
  afterAll(async () => {
    relay.disconnect();
    await once(relay, 'exit');
    await origin.close();
  });

  it(`streams ${fileBytes / 1024 ** 3} GiB with memory that stays under 50 MB over the start`, async () => {
    expect(await download(url, { range: 'bytes=0-9999' })).toBe(10_000);
    const before = residentBytes(relay.pid!);
    let most = 0;
    const sampling = setInterval(() => (most = Math.max(most, residentBytes(relay.pid!))), 25);
    const bytes = await download(url);
    clearInterval(sampling);
    expect(bytes).toBe(fileBytes);
    expect(most).toBeGreaterThan(0);
    expect((most - before) / 1024 / 1024).toBeLessThan(growthMax / 1024 / 1024);
    console.log(`resident: ${Math.round(before / 1e6)} MB before, ${Math.round(most / 1e6)} MB at most`);
  });
});
