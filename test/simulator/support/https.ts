import { createDevelopmentAuthority } from '../../../src/simulator/certificates.ts';
import type { HttpAnswer, HttpExchange } from '../../../src/simulator/http/message.ts';
import { serveHttps, type IncomingRequest } from '../../../src/simulator/http/server.ts';

/** An HTTPS party on loopback that keeps what it saw, and how to call it. */
export async function startHttps(handle: (request: IncomingRequest) => HttpAnswer | Promise<HttpAnswer>) {
  const authority = createDevelopmentAuthority();
  const exchanges: HttpExchange[] = [];
  const server = await serveHttps({
    certificate: authority.issue(['127.0.0.1']),
    host: '127.0.0.1',
    handle,
    onExchange: (exchange) => exchanges.push(exchange),
  });
  return { authority, caller: { ca: authority.certificate, timeoutMs: 5_000 }, exchanges, ...server };
}
