/** The HTTPS port of one party: passes whole requests to one function, writes its answers, and reports both. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { CertificatePair } from '../certificates.ts';
import { SimulatorError } from '../error.ts';
import { answer, pairs, type HttpAnswer, type HttpExchange, type HttpRequest } from './message.ts';

/** A request with facts of its connection. */
export interface IncomingRequest extends HttpRequest {
  /** 32 bytes that only the two ends of this TLS connection can compute (RFC 9266 §4.2). */
  readonly exporter: Buffer;
}

export interface HttpsServerOptions {
  readonly certificate: CertificatePair;
  /** An address of this machine. */
  readonly host: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Bytes of a request's largest body. Default: 65,536. */
  readonly bodyBytesMax?: number;
  readonly handle: (request: IncomingRequest) => HttpAnswer | Promise<HttpAnswer>;
  readonly onExchange?: (exchange: HttpExchange) => void;
}

export interface HttpsServer {
  /** `https://host:port`, without a slash at the end. */
  readonly url: string;
  close(): Promise<void>;
}

/** Opens the port.
 *  @throws SimulatorError `ERR_SIMULATOR_CONNECT` when the address cannot be bound */
export async function serveHttps(options: HttpsServerOptions): Promise<HttpsServer> {
  const { certificate, key } = options.certificate;
  const server = createServer(
    { cert: certificate, key, headersTimeout: 10_000, requestTimeout: 30_000 },
    (incoming, response) => void serve(incoming, response, options),
  );
  server.listen(options.port ?? 0, options.host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new SimulatorError('ERR_SIMULATOR_CONNECT', 'cannot open an HTTPS port', { cause });
  }
  return {
    url: `https://${options.host}:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function serve(
  incoming: IncomingMessage,
  response: ServerResponse,
  { handle, onExchange, bodyBytesMax = 65_536 }: HttpsServerOptions,
): Promise<void> {
  // Read while the connection is certainly open.
  const exporter = (incoming.socket as TLSSocket).exportKeyingMaterial(
    32,
    'EXPORTER-Channel-Binding',
    Buffer.alloc(0),
  );
  const body = await readBody(incoming, bodyBytesMax);
  if (body === 'gone') return;
  const request: IncomingRequest = {
    exporter,
    method: incoming.method ?? '',
    target: incoming.url ?? '',
    headers: pairs(incoming.rawHeaders),
    body: body === 'too-large' ? Buffer.alloc(0) : body,
  };
  const given = body === 'too-large' ? answer(413) : await handled(handle, request);
  onExchange?.({ request, answer: given });
  if (request.method !== 'HEAD') response.setHeader('Content-Length', given.body.length);
  response.writeHead(given.status, given.headers.flat());
  response.end(request.method === 'HEAD' ? undefined : given.body);
}

/** Calls the handler. A defect of the simulator becomes an answer, so that the caller does not wait. */
async function handled(handle: HttpsServerOptions['handle'], request: IncomingRequest): Promise<HttpAnswer> {
  try {
    return await handle(request);
  } catch {
    return answer(500);
  }
}

async function readBody(incoming: IncomingMessage, bytesMax: number): Promise<Buffer | 'too-large' | 'gone'> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes <= bytesMax) chunks.push(chunk);
    }
  } catch {
    return 'gone';
  }
  return bytes > bytesMax ? 'too-large' : Buffer.concat(chunks);
}
