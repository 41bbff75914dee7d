/** A collector for traces (OTLP over HTTP): keeps what it receives as it is. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Part } from '../part.ts';

export interface Collector extends Part {
  readonly endpoint: string;
  /** Headers and bodies of all requests. */
  readonly received: readonly Buffer[];
  close(): Promise<void>;
}

/** Listens on a free port. */
export async function openCollector(host: string): Promise<Collector> {
  const received: Buffer[] = [];
  const server = createServer((request, response) => {
    received.push(Buffer.from(request.rawHeaders.join('\n')));
    const body: Buffer[] = [];
    request.on('data', (chunk: Buffer) => body.push(chunk));
    request.on('end', () => {
      received.push(Buffer.concat(body));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    endpoint: `http://${host}:${(server.address() as AddressInfo).port}`,
    received,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
