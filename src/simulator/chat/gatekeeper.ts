/** The simulated gatekeeper's chat server, written from the published framework and from what is known around it
 *  (docs/chat-channel.md), without code of the proxy. It speaks over TCP, and over other transports by `attach`.
 *
 *      const users = new ChatUsers(7);
 *      const juliet = users.enlist({ subject: 'juliet@provider.example', staticKey });
 *      const gatekeeper = createChatGatekeeper({ users, ownership, listeners: [{ host: '127.0.0.1', port: 0 }] });
 *      const [{ port }] = await gatekeeper.start();
 *      // … the proxy's configuration has gatekeeper.root and this port …
 *      gatekeeper.deliver(juliet.address, { tag: 'notification', attrs: { id: '1', from: 's.whatsapp.net' } });
 *      gatekeeper.owed(juliet.address);   // what has no acknowledgement
 *
 *  Every message, receipt, notification and call stays owed until it is acknowledged, and is sent again at the next
 *  login (mailbox.ts). Routing is in router.ts, the decision on a login in login.ts, faults for tests in faults.ts. */
import type { Socket } from 'node:net';
import type { ProxyHeader } from '../../signals/proxy-protocol.ts';
import { allOrNone, closeAll } from '../server/tcp-port.ts';
import { ownServer, parseAddress } from './address.ts';
import { ChatConnection, type ChatTransport, type LoginAnswer } from './connection.ts';
import { faultyTransport, flood, type ChatFaults } from './faults.ts';
import { listenForChat, type ChatListener } from './listener.ts';
import { createLoginDesk } from './login.ts';
import type { DeliveryCounts } from './mailbox.ts';
import type { ChatNode } from './node.ts';
import type { ClientHandshake } from './noise.ts';
import { completeChatOptions, type BoundChatListener, type ChatGatekeeperOptions } from './options.ts';
import { ChatRouter } from './router.ts';
import type { ChatSession } from './session.ts';
import { streamErrors } from './stream-errors.ts';
import { devicesOf } from './users.ts';

export interface ChatGatekeeper {
  /** Root of the certificates: key and serial number, for the configuration of clients. */
  readonly root: { readonly key: Buffer; readonly serial: number };
  readonly counts: Readonly<DeliveryCounts>;
  /** Opens all listeners, or none.
   *  @returns the ports in use, in the order of the options */
  start(): Promise<readonly BoundChatListener[]>;
  /** Takes a connection over another transport. */
  attach(transport: ChatTransport): Pick<ChatConnection, 'receive' | 'close'>;
  /** Delivers a stanza of the gatekeeper to all devices of a user, or to the one that the address names. */
  deliver(address: string, node: ChatNode): void;
  /** Returns the stanzas that a device has not acknowledged, in order. */
  owed(address: string): readonly ChatNode[];
  /** Ends the connection of a device with an error of stream-errors.ts.
   *  @returns false when there is none */
  fail(address: string, error: ChatNode): boolean;
  /** Ends every stream with the error 503, and stops listening. Resolves when every connection is closed. */
  close(): Promise<void>;
}

/** Makes a chat server.
 *  @throws SimulatorError `ERR_SIMULATOR_OPTIONS` */
export function createChatGatekeeper(options: ChatGatekeeperOptions): ChatGatekeeper {
  const settings = completeChatOptions(options);
  const { authority, limits, users } = settings;
  const router = new ChatRouter(settings);
  const visits = new Set<Visit>();
  const shared: VisitContext = { settings, router, desk: createLoginDesk(settings), visits };
  let listeners: readonly ChatListener[] = [];
  let connectionIds = 0;

  function accept(socket: Socket, header: ProxyHeader | undefined): void {
    const id = ++connectionIds;
    const faults = settings.faults(id);
    const transport = faultyTransport(socket, faults, limits);
    const visit = new Visit(id, shared, { transport, header, faults, socket });
    socket.on('error', () => visit.connection.close());
    socket.once('close', () => visit.connection.close());
    if (faults.stopReading === 'at-once') socket.pause();
    else socket.on('data', (bytes) => visit.connection.receive(bytes));
  }

  return {
    root: authority.root,
    counts: router.counts,
    async start() {
      const opening = settings.listeners.map((listener) => listenForChat(listener, limits, accept));
      listeners = await allOrNone(opening);
      return listeners.map(({ bound }) => bound);
    },
    attach: (transport) =>
      new Visit(++connectionIds, shared, { transport, header: undefined, faults: {}, socket: undefined })
        .connection,
    deliver(address, node) {
      const user = parseAddress(address)?.device === 0 ? users.find(address) : undefined;
      for (const device of user === undefined ? [address] : devicesOf(user)) router.deliver(device, node);
    },
    owed: (address) => router.mailbox(address).stanzas,
    fail(address, error) {
      const session = router.sessions.find(address);
      session?.connection.fail(error);
      return session !== undefined;
    },
    async close() {
      const closed = closeAll(listeners);
      for (const { connection } of visits) connection.fail(streamErrors.shutdown);
      await closed;
    },
  };
}

interface VisitContext {
  readonly settings: ReturnType<typeof completeChatOptions>;
  readonly router: ChatRouter;
  readonly desk: ReturnType<typeof createLoginDesk>;
  readonly visits: Set<Visit>;
}

interface VisitOptions {
  readonly transport: ChatTransport;
  readonly header: ProxyHeader | undefined;
  readonly faults: ChatFaults;
  /** Undefined for another transport than TCP. */
  readonly socket: Socket | undefined;
}

/** One connection from its acceptance to its end. */
class Visit {
  readonly connection: ChatConnection;
  readonly #id: number;
  readonly #context: VisitContext;
  readonly #options: VisitOptions;
  readonly #timers: NodeJS.Timeout[] = [];
  #session: ChatSession | undefined;
  /** Whether the client fetches the backlog itself. */
  #pulls = false;
  #pings = 0;

  constructor(id: number, context: VisitContext, options: VisitOptions) {
    const { settings, visits } = context;
    this.#id = id;
    this.#context = context;
    this.#options = options;
    this.connection = new ChatConnection(
      {
        ...settings,
        chain: options.faults.chain,
        login: (client) => this.#login(client),
        opened: () => this.#opened(),
        stanza: (node) => this.#session && context.router.receive(this.#session, node),
        onNode: (direction, node) =>
          settings.onNode({ connectionId: id, address: this.#session?.address, direction, node }),
        closed: () => this.#closed(),
      },
      options.transport,
    );
    visits.add(this);
    this.#timers.push(setTimeout(() => this.connection.close(), settings.limits.loginTimeoutMs));
    this.#record('opened');
    if (options.header !== undefined) settings.onProxyHeader({ connectionId: id, header: options.header });
  }

  async #login(client: ClientHandshake): Promise<LoginAnswer> {
    const { settings, desk } = this.#context;
    const { request, token, outcome } = await desk.decide(this.#id, client, this.#options.header);
    if (this.#options.faults.silentLogin === true) return new Promise(() => {});
    const { payload, staticKey } = client;
    const login = { connectionId: this.#id, request, payload, staticKey, token };
    if (outcome.kind === 'refused') {
      settings.onLogin({ ...login, address: undefined, reason: Number(outcome.attrs['reason']) });
      this.#record('refused');
      return { kind: 'failure', attrs: outcome.attrs };
    }
    const { user, address } = outcome;
    if (request.pushName !== undefined) user.name = request.pushName;
    this.#pulls = request.pull;
    this.#session = {
      connectionId: this.#id,
      connection: this.connection,
      user,
      address,
      available: false,
      holdsBack: false,
      subscriptions: new Set(),
    };
    settings.onLogin({ ...login, address, reason: undefined });
    const t = String(Math.floor(settings.now() / 1000));
    return { kind: 'success', attrs: { t, lid: user.alias } };
  }

  #opened(): void {
    const { settings, router } = this.#context;
    const { faults, socket } = this.#options;
    clearTimeout(this.#timers.pop());
    this.#record('logged-in');
    router.opened(this.#session!, this.#pulls);
    this.#every(settings.pingEveryMs, () => this.#ping());
    this.#every(settings.ackTimeoutMs / 4, () => this.#checkOwed(settings.ackTimeoutMs));
    if (socket === undefined) return;
    if (faults.stopReading === 'after-login') socket.removeAllListeners('data').pause();
    if (faults.floodBytes !== undefined) flood(socket, faults.floodBytes);
  }

  /** Runs an action regularly until the connection ends; never for 0 milliseconds. */
  #every(ms: number, action: () => void): void {
    if (ms > 0) this.#timers.push(setInterval(action, ms).unref());
  }

  #ping(): void {
    const attrs = { from: ownServer, type: 'get', xmlns: 'urn:xmpp:ping', id: `ping-${++this.#pings}` };
    this.connection.send({ tag: 'iq', attrs });
  }

  /** Ends the connection when a stanza has been owed for too long. */
  #checkOwed(ackTimeoutMs: number): void {
    const { settings, router } = this.#context;
    const { address } = this.#session!;
    const overdue = router.mailbox(address).overdue(this.#id, settings.now() - ackTimeoutMs);
    if (overdue !== undefined) this.connection.fail(streamErrors.ack(overdue));
  }

  #closed(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#context.visits.delete(this);
    if (this.#session !== undefined) this.#context.router.closed(this.#session);
    this.#record('closed');
  }

  #record(event: 'opened' | 'logged-in' | 'refused' | 'closed'): void {
    const address = this.#session?.address;
    this.#context.settings.onConnection({ connectionId: this.#id, event, address });
  }
}
