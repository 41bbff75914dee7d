/** Chromium's DOMParser as an oracle: a page that asks a server of this process for documents (browser/page.html). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { programs } from '../peers/programs.ts';
import type { Oracle } from './oracle.ts';

const page = readFileSync(join(import.meta.dirname, 'browser/page.html'));
const startMs = 30_000;

/** Starts a browser of its own, with nothing of it left afterwards. */
export async function startChromium(): Promise<Oracle> {
  const visits = new Visits();
  const server = createServer((request, response) => visits.take(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const folder = mkdtempSync(join(tmpdir(), 'narthex-chromium-'));
  const { port } = server.address() as AddressInfo;
  const child = spawn(
    programs.chromium,
    [
      '--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update',
      '--disable-sync', '--disable-extensions', '--disable-dev-shm-usage', '--no-first-run', `--user-data-dir=${folder}`,
      `http://127.0.0.1:${port}/`,
    ],
    { stdio: 'ignore', env: { PATH: '/usr/bin:/bin', HOME: folder, LANG: 'C.UTF-8' } },
  ); // prettier-ignore
  const endWithWorker = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithWorker);
  child.once('error', () => visits.end());
  child.once('exit', () => visits.end());
  const timer = setTimeout(() => visits.end(), startMs);
  await visits.ready;
  clearTimeout(timer);
  return {
    name: 'chromium',
    read: (document) => visits.read(document),
    close: async () => {
      visits.end();
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      process.off('exit', endWithWorker);
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

/** Requests of the page: each brings the answer to the last document and waits for the next one. */
class Visits {
  readonly ready: Promise<void>;
  readonly #isReady: () => void;
  #page: ServerResponse | undefined;
  #waiting: { resolve: (answer: Buffer) => void; reject: (error: Error) => void } | undefined;
  #queued: Uint8Array | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #ended = false;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ready = promise;
    this.#isReady = resolve;
  }

  take(request: IncomingMessage, response: ServerResponse): void {
    if (request.url !== '/next') {
      response.end(page);
      return;
    }
    void this.#answer(request, response);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await buffer(request);
    this.#page = response;
    this.#isReady();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(answer);
    this.#send();
  }

  read(document: Uint8Array): Promise<Buffer> {
    const answered = this.#turn.then(
      () =>
        new Promise<Buffer>((resolve, reject) => {
          if (this.#ended) {
            reject(new Error('chromium is gone'));
            return;
          }
          this.#waiting = { resolve, reject };
          this.#queued = document;
          this.#send();
        }),
    );
    this.#turn = answered.catch(() => {});
    return answered;
  }

  #send(): void {
    if (this.#page === undefined || this.#queued === undefined) return;
    this.#page.end(this.#queued);
    this.#page = undefined;
    this.#queued = undefined;
  }

  end(): void {
    this.#ended = true;
    this.#isReady();
    this.#waiting?.reject(new Error('chromium is gone'));
    this.#waiting = undefined;
    this.#page?.writeHead(204).end();
    this.#page = undefined;
  }
}
