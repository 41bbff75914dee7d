/** Accepts connections: limits, the SYN, the PROXY header of a trusted load balancer. TLS (RFC 6120 §5, XEP-0368),
 *  dialling and closing are in other files. This folder does not use sessions and reads no configuration. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';
import type { TrustedNetworks } from '../signals/cidr.ts';
import type { Arrival } from '../signals/connection-evidence.ts';
import type { Endpoint, ProxyHeader } from '../signals/proxy-protocol.ts';
import {
  descriptorOf,
  nothingCaptured,
  type ConnectionCapture,
  type SynCapture,
} from '../signals/saved-syn.ts';
import type { Admission, AdmissionAnswer, RefusalCode } from './admission.ts';
import { SetupError, systemCode } from './error.ts';
import { readProxyHeader, type HeaderAnswer, type HeaderOptions } from './proxy-header.ts';

/** An address to bind, or a descriptor that is already bound, with socket options that must be set before the first
 *  SYN. */
export type ListenTarget =
  | {
      readonly kind: 'address';
      readonly host: string;
      readonly port: number;
      /** Whether other processes of the product listen to the same port (`SO_REUSEPORT`). Default false. */
      readonly sharedPort?: boolean;
    }
  | { readonly kind: 'descriptor'; readonly fd: number };

/** Options of a listener. */
export interface ListenOptions {
  readonly target: ListenTarget;
  /** Connections that the kernel queues before they are accepted. Default 511. */
  readonly backlog?: number;
  /** Limits that listeners share. */
  readonly admission: Admission;
  /** Keeps the SYN of each connection, where the system can. */
  readonly synCapture?: SynCapture | undefined;
  /** Trusted load balancers, which state the client in a PROXY header. */
  readonly balancers?: Balancers | undefined;
  /** Called in the turn in which a connection is accepted, before anything is read from it; for a trusted load
   *  balancer, when its PROXY header was read. The socket has no send delay, and stays writable when the peer closes
   *  its half. */
  readonly onConnection: (socket: Socket, arrival: Arrival) => void;
  /** Called for each connection that was closed at once. */
  readonly onRefused: (code: ListenRefusal) => void;
}

/** Connections from trusted networks must begin with a PROXY header (version 1 or 2); all others must not. */
export interface Balancers extends HeaderOptions {
  readonly trusted: TrustedNetworks;
  /** Called for a connection whose header has fields without a required HMAC, with the number of ignored fields. */
  readonly onIgnoredFields?: (count: number) => void;
}

/** Why a connection was closed before its first byte was read. */
export type ListenRefusal = RefusalCode | 'ERR_PROXY_HEADER' | 'ERR_PROXY_AUTHENTICATION';

/** The packets that the listener can see. `edge`: the clients' own, unless a balancer states otherwise.
 *  `unsupported`: none, because of the system or of an address by name. `off`: none, as configured. */
export type SynVisibility = 'edge' | 'unsupported' | 'off';

/** A bound listener. */
export interface Listener {
  /** The bound address; port 0 is replaced by the real one. */
  readonly address: AddressInfo;
  readonly synVisibility: SynVisibility;
  /** Stops accepting and frees the port; live connections go on. Resolves when the port is free. */
  stop(): Promise<void>;
}

/** Binds and listens.
 *  @throws SetupError ERR_PORT_IN_USE, ERR_PORT_PERMISSION, ERR_ADDRESS_NOT_AVAILABLE, ERR_LISTEN */
export async function listen(options: ListenOptions): Promise<Listener> {
  const server = createServer({ noDelay: true, allowHalfOpen: true });
  const state = { stopped: false, server };
  server.on('connection', (socket) => admit(socket, options, state));
  const { target, synVisibility } = prepare(options);
  await bind(server, options, target);
  return {
    address: server.address() as AddressInfo,
    synVisibility,
    stop() {
      state.stopped = true;
      return stop(server);
    },
  };
}

/** Returns, where possible, a bound descriptor with the socket option that keeps SYNs, which must be set before the
 *  first one.
 *  @throws SetupError when the address cannot be bound */
function prepare({ target, synCapture }: ListenOptions): {
  target: ListenTarget;
  synVisibility: SynVisibility;
} {
  if (synCapture === undefined) return { target, synVisibility: 'off' };
  if (target.kind === 'descriptor')
    return { target, synVisibility: synCapture.prepare(target.fd) ? 'edge' : 'unsupported' };
  const bound = synCapture.bind({
    address: target.host,
    port: target.port,
    reusePort: target.sharedPort ?? false,
  });
  if (bound.kind === 'unsupported') return { target, synVisibility: 'unsupported' };
  if (bound.kind === 'failed') throw setupError(getSystemErrorName(-bound.errno), target);
  return {
    target: { kind: 'descriptor', fd: bound.fd },
    synVisibility: bound.savesSyn ? 'edge' : 'unsupported',
  };
}

interface Listening {
  readonly stopped: boolean;
  readonly server: Server;
}

function admit(socket: Socket, options: ListenOptions, state: Listening): void {
  const { remoteAddress } = socket;
  // A peer that has left has no address, and needs no slot.
  if (remoteAddress === undefined) {
    socket.destroy();
    return;
  }
  const { admission, synCapture, balancers, onConnection, onRefused } = options;
  const trusted = balancers?.trusted.has(remoteAddress) === true ? balancers : undefined;
  const answer = admission.admit(trusted === undefined ? remoteAddress : undefined);
  if (answer.kind === 'refused') {
    socket.destroy();
    onRefused(answer.code);
    return;
  }
  socket.once('close', answer.release);
  const capture = synCapture?.read(descriptorOf(socket)) ?? nothingCaptured;
  const arrival = new SocketArrival(socket, remoteAddress, capture, state.server);
  if (trusted === undefined) onConnection(socket, arrival);
  else void awaitHeader(socket, arrival, trusted, answer, options, state);
}

/** A connection that was just accepted. */
class SocketArrival implements Arrival {
  readonly peer: Endpoint;
  readonly capture: ConnectionCapture;
  readonly header: ProxyHeader | undefined;
  readonly #socket: Socket;
  readonly #server: Server;

  constructor(
    socket: Socket,
    address: string,
    capture: ConnectionCapture,
    server: Server,
    header?: ProxyHeader,
  ) {
    this.peer = { address, port: socket.remotePort! };
    this.capture = capture;
    this.header = header;
    this.#socket = socket;
    this.#server = server;
  }

  /** Looks the address up: a system call that few connections need. A closed socket has none; the listener's is used. */
  get local(): Endpoint {
    const { localAddress, localPort } = this.#socket;
    const bound = this.#server.address() as AddressInfo | null;
    return { address: localAddress ?? bound?.address ?? '', port: localPort ?? bound?.port ?? 0 };
  }

  /** Returns the same connection with the header of its load balancer. */
  with(header: ProxyHeader): Arrival {
    return new SocketArrival(this.#socket, this.peer.address, this.capture, this.#server, header);
  }
}

async function awaitHeader(
  socket: Socket,
  arrival: SocketArrival,
  balancers: Balancers,
  admitted: Extract<AdmissionAnswer, { kind: 'admitted' }>,
  { onConnection, onRefused }: ListenOptions,
  state: Listening,
): Promise<void> {
  const answer = await readProxyHeader(socket, balancers);
  const refusal =
    answer.kind === 'header' ? identified(answer.header, arrival, admitted) : headerRefusals[answer.kind];
  if (answer.kind === 'header' && refusal === undefined && !state.stopped && !socket.destroyed) {
    const { header } = answer;
    if (header.ignoredFields > 0) balancers.onIgnoredFields?.(header.ignoredFields);
    onConnection(socket, arrival.with(header));
    return;
  }
  socket.on('error', () => {}).destroy();
  if (refusal !== undefined) onRefused(refusal);
}

const headerRefusals = {
  unreadable: 'ERR_PROXY_HEADER',
  unauthentic: 'ERR_PROXY_AUTHENTICATION',
} as const satisfies Readonly<Record<Exclude<HeaderAnswer['kind'], 'header'>, ListenRefusal>>;

/** Counts the client of a balancer's connection. A balancer's own connection counts as its own; without a stated
 *  client nothing is counted. */
function identified(
  { command, source }: ProxyHeader,
  { peer }: Arrival,
  { identify }: Extract<AdmissionAnswer, { kind: 'admitted' }>,
): RefusalCode | undefined {
  const client = command === 'local' ? peer : source;
  return client && identify(client.address);
}

function bind(server: Server, options: ListenOptions, target: ListenTarget): Promise<void> {
  const { backlog = 511 } = options;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const failed = (error: Error): void => reject(setupError(systemCode(error), options.target));
  const listening = (): void => {
    server.off('error', failed);
    // Out of descriptors, for example: that connection is lost, the listener goes on.
    server.on('error', () => {});
    resolve();
  };
  server.once('error', failed);
  // With a descriptor, Node reads the backlog from the second argument only.
  if (target.kind === 'descriptor') server.listen({ fd: target.fd }, backlog, listening);
  else {
    const { host, port, sharedPort: reusePort = false } = target;
    server.listen({ host, port, backlog, reusePort }, listening);
  }
  return promise;
}

function stop(server: Server): Promise<void> {
  // `close` calls back when the last connection has ended; the port is free one turn later.
  server.close();
  return new Promise((resolve) => setImmediate(resolve));
}

function setupError(code: string, target: ListenTarget): SetupError {
  const where =
    target.kind === 'descriptor' ? `descriptor ${target.fd}` : `port ${target.port} on ${target.host}`;
  switch (code) {
    case 'EADDRINUSE':
      return new SetupError(
        'ERR_PORT_IN_USE',
        `another process listens to ${where}`,
        'Stop the process that listens there (ss -ltnp shows it), or choose another port',
      );
    case 'EACCES':
    case 'EPERM':
      return new SetupError(
        'ERR_PORT_PERMISSION',
        `the process may not listen to ${where}`,
        'Choose a port above 1023, or grant CAP_NET_BIND_SERVICE',
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new SetupError(
        'ERR_ADDRESS_NOT_AVAILABLE',
        `this machine has no such address: ${where} (${code})`,
        'Give an address of one of its interfaces, or 0.0.0.0 or :: for all',
      );
    default:
      return new SetupError('ERR_LISTEN', `cannot listen to ${where} (${code})`, 'Check host and port');
  }
}
