/** The limits of `limits.ts` that Node's HTTP server keeps itself, and what it answers when one is reached. */
import type { Server, ServerOptions } from 'node:http';
import type { Duplex } from 'node:stream';
import type { HttpLimits } from './limits.ts';
import { HttpProblem, renderProblem, type ProblemCode } from './problem.ts';

/** For `http.createServer` and `https.createServer`. */
export function serverOptions(limits: HttpLimits): ServerOptions {
  return {
    insecureHTTPParser: false,
    requireHostHeader: true,
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    // How late a timeout may be noticed.
    connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
    noDelay: true,
  };
}

/** The limits that are set on a server rather than given to it. */
export function limitServer(server: Server, limits: HttpLimits): void {
  // One more than allowed, because Node drops the rest unseen: the request guard counts and refuses.
  server.maxHeadersCount = limits.headersMax + 1;
  server.maxRequestsPerSocket = limits.requestsPerConnectionMax;
  server.maxConnections = limits.connectionsMax;
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => void refuse(error, socket));
}

const codes: Readonly<Record<string, ProblemCode>> = {
  HPE_HEADER_OVERFLOW: 'ERR_HTTP_HEADERS',
  ERR_HTTP_REQUEST_TIMEOUT: 'ERR_HTTP_TIMEOUT',
};

/** After a request that cannot be read nothing on the connection can be trusted to start a new one. */
async function refuse(error: NodeJS.ErrnoException, socket: Duplex): Promise<void> {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const answer = renderProblem(new HttpProblem(codes[error.code ?? ''] ?? 'ERR_HTTP_MALFORMED'));
  const body = await answer.text();
  const head = [
    `HTTP/1.1 ${answer.status} Refused`,
    ...[...answer.headers].map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
