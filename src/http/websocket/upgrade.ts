/** GET /xmpp-websocket: the request by which a client opens a WebSocket for XMPP (RFC 6455 §4.2, RFC 7395 §3.1). It is
 *  checked here and answered by `transport/websocket.ts`. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Report } from '../events.ts';
import { HttpProblem, type ProblemCode } from '../problem.ts';
import { guardRequest, type HeaderLimits } from '../request-guard.ts';
import { refuseOnSocket } from '../server/refuse.ts';
import type { Upgrade } from '../server/upgrade.ts';

/** One of `httpRoutes`. */
export const webSocketPath = '/xmpp-websocket';

export interface UpgradeOptions {
  /** Host names under which the WebSocket is served, in lower case. */
  readonly hosts: ReadonlySet<string>;
  /** Origins of pages that may connect. */
  readonly origins: ReadonlySet<string>;
  readonly limits: HeaderLimits;
  /** Returns whether new work is refused for now. */
  readonly overloaded: () => boolean;
  /** Returns the server name of a connection's TLS (SNI); undefined without one. */
  readonly serverNameOf: (socket: Socket) => string | undefined;
  /** Counts the connection, until it closes, among those of clients.
   *  @returns false when there are too many */
  readonly admit: (socket: Socket) => boolean;
  /** Answers a request that was checked.
   *  @param head bytes that were read after it */
  readonly accept: (request: IncomingMessage, socket: Socket, head: Buffer) => void;
  readonly report: Report;
  /** Returns monotonic milliseconds. */
  readonly now: () => number;
}

/** Makes the receiver of requests to upgrade a connection. It refuses with a problem document, and closes the
 *  connection. */
export function createUpgrade(options: UpgradeOptions): Upgrade {
  const { report, now, accept, admit } = options;
  const take: Upgrade['take'] = (request, socket, head) => {
    const started = now();
    const route = pathOf(request) === webSocketPath ? webSocketPath : '*';
    const answered = (status: number, code?: ProblemCode): void =>
      report({ event: 'answered', route, status, milliseconds: now() - started, ...(code && { code }) });
    try {
      check(request, socket, options);
      if (!admit(socket)) throw new HttpProblem('ERR_WEBSOCKET_LIMIT', { retryAfterS });
    } catch (error) {
      const problem = error instanceof HttpProblem ? error : new HttpProblem('ERR_INTERNAL');
      answered(problem.status, problem.code);
      void refuseOnSocket(problem, socket);
      return;
    }
    answered(101);
    accept(request, socket, head);
  };
  return { wanted: (request) => pathOf(request) === webSocketPath, take };
}

/** Seconds in Retry-After: the shortest time in which an overload ends. */
const retryAfterS = 3;

/** @throws HttpProblem */
function check(
  request: IncomingMessage,
  socket: Socket,
  { limits, overloaded, hosts, origins, serverNameOf }: UpgradeOptions,
): void {
  guardRequest(request, limits);
  if (pathOf(request) !== webSocketPath) throw new HttpProblem('ERR_HTTP_NOT_FOUND');
  if (request.method !== 'GET' || !opensXmpp(request)) throw new HttpProblem('ERR_WEBSOCKET_UPGRADE');
  const { host, origin } = request.headers;
  const name = hostNameOf(host);
  const serverName = serverNameOf(socket)?.toLowerCase();
  // A page whose own name leads here (DNS rebinding) has its own host; TLS for one name is not for another (RFC 9110 §7.4).
  if (name === undefined || !hosts.has(name) || (serverName !== undefined && serverName !== name))
    throw new HttpProblem('ERR_WEBSOCKET_HOST');
  if (origin !== undefined && !origins.has(origin)) throw new HttpProblem('ERR_WEBSOCKET_ORIGIN');
  if (overloaded()) throw new HttpProblem('ERR_HTTP_OVERLOAD', { retryAfterS });
}

function pathOf({ url = '' }: IncomingMessage): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}

/** 16 bytes in Base64 (RFC 6455 §4.1). */
const key = /^[A-Za-z0-9+/]{22}==$/;

function opensXmpp({ headers }: IncomingMessage): boolean {
  const protocols = (headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim());
  return (
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['sec-websocket-version'] === '13' &&
    key.test(headers['sec-websocket-key'] ?? '') &&
    protocols.includes('xmpp')
  );
}

/** Returns the name in a Host field, without its port, in lower case; undefined for a malformed one. */
function hostNameOf(host: string | undefined): string | undefined {
  return /^([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/.exec(host?.toLowerCase() ?? '')?.[1];
}
