/** A small HTTP server of another party that remembers what really reached it. */
import http, { type IncomingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** Before the answer starts. */
  readonly delayMs?: number;
}

export interface Party {
  readonly url: URL;
  readonly received: Received[];
  answer: (request: Received) => Answer;
  readonly close: () => Promise<void>;
}

export async function listen(
  listener: RequestListener,
  host = '127.0.0.1',
): Promise<{ readonly url: URL; readonly server: http.Server; readonly close: () => Promise<void> }> {
  const server = http.createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://${host}:${port}/`),
    server,
    close: () => stop(server),
  };
}

/** The code of a problem document. */
export async function codeOf(answer: Response): Promise<unknown> {
  return ((await answer.json()) as { code: unknown }).code;
}

export async function stop(server: http.Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

export async function startParty(answer: (request: Received) => Answer): Promise<Party> {
  const received: Received[] = [];
  const { url, close } = await listen((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      const seen = { method, path, headers, body: Buffer.concat(chunks).toString() };
      received.push(seen);
      const { status, headers: extra = {}, body = '', delayMs = 0 } = party.answer(seen);
      setTimeout(() => response.writeHead(status, extra).end(body), delayMs);
    });
  });
  const party: Party = { url, received, answer, close };
  return party;
}
