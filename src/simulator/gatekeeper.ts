/** An embedded gatekeeper: a small, real XMPP server (RFC 6120, RFC 6121) that ordinary clients log in to, for the
 *  first run, for demos and for a provider's own tests. Its record of what it received must be independent of the
 *  product, so it shares only the namespace names, and the library by which gatekeepers verify attestations.
 *
 *      xml/         elements, a strict reader built on saxes, a writer
 *      sasl/        PLAIN, SCRAM and OAUTHBEARER, both sides
 *      server/      listeners, connections, negotiation, routing, services, stored messages
 *      gatekeeper/  its other services: enlistment API, key fetching, push, media proxy
 *      http/        the HTTPS port and the requests of every party
 *      token/       tokens and keys, signed and verified
 *      chat/        the server of the chat channel
 *      story/       the parties, the acts that they play, and the report
 *      client.ts, envelope.ts, picture.ts, provider.ts, transcript.ts, certificates.ts: see each file */
import type { Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { ProxyHeader } from '../signals/proxy-protocol.ts';
import { SimulatorError } from './error.ts';
import { createAccounts } from './server/accounts.ts';
import { Connection } from './server/connection.ts';
import { listen, type Listener } from './server/listener.ts';
import { Negotiation } from './server/negotiation.ts';
import { completeOptions, type BoundListener, type GatekeeperOptions } from './server/options.ts';
import { Router } from './server/router.ts';
import { Sessions, type Session } from './server/session.ts';
import { createSignalsReceiver } from './server/signals.ts';
import { allOrNone, closeAll } from './server/tcp-port.ts';

export interface Gatekeeper {
  /** Opens all listeners, or none.
   *  @returns the ports in use, in the order of the options */
  start(): Promise<readonly BoundListener[]>;
  /** Ends every stream with `</stream:stream>`, and stops listening. Resolves when every connection is closed. */
  close(): Promise<void>;
}

/** Makes a gatekeeper.
 *  @throws SimulatorError `ERR_SIMULATOR_OPTIONS` */
export function createGatekeeper(options: GatekeeperOptions): Gatekeeper {
  const settings = completeOptions(options);
  const { domain, limits, onConnection } = settings;
  const secureContext = createContext(settings);
  const accounts = createAccounts(domain, settings.users, settings.scramIterations);
  const sessions = new Sessions();
  const router = new Router(settings, accounts, sessions);
  const signals = createSignalsReceiver(settings);
  const context = { settings, secureContext, accounts, sessions, signals };
  const connections = new Set<Connection>();
  let listeners: readonly Listener[] = [];
  let connectionIds = 0;

  function accept(socket: Socket, proxyHeader?: ProxyHeader): void {
    const connection = new Connection(++connectionIds, socket, settings, handle, proxyHeader);
    connections.add(connection);
    onConnection({ connectionId: connection.id, event: 'opened', jid: undefined });
    if (proxyHeader !== undefined)
      settings.onProxyHeader({ connectionId: connection.id, header: proxyHeader });
    if (connection.isSecured) onConnection({ connectionId: connection.id, event: 'secured', jid: undefined });
  }

  function handle(connection: Connection) {
    let session: Session | undefined;
    const deadline = setTimeout(() => connection.fail('connection-timeout'), limits.negotiationTimeoutMs);
    const negotiation = new Negotiation(connection, context, (bound) => {
      session = bound;
      clearTimeout(deadline);
      onConnection({ connectionId: connection.id, event: 'bound', jid: bound.jid });
    });
    return {
      onStream: () => negotiation.onStream(),
      onElement: (element: Parameters<Negotiation['onElement']>[0]) =>
        session === undefined ? negotiation.onElement(element) : router.onElement(session, element),
      onClosed: () => {
        clearTimeout(deadline);
        connections.delete(connection);
        if (session !== undefined) router.onClosed(session);
        onConnection({ connectionId: connection.id, event: 'closed', jid: session?.jid });
      },
    };
  }

  return {
    async start() {
      const opening = settings.listeners.map((listener) => listen(listener, settings, secureContext, accept));
      listeners = await allOrNone(opening);
      return listeners.map(({ bound }) => bound);
    },

    async close() {
      const closed = closeAll(listeners);
      for (const connection of connections) connection.close();
      await closed;
    },
  };
}

function createContext({ certificate: { certificate, key }, clientAuthorities }: GatekeeperOptions) {
  try {
    const ca = clientAuthorities === undefined ? {} : { ca: clientAuthorities };
    return createSecureContext({ cert: certificate, key, ...ca });
  } catch (cause) {
    throw new SimulatorError('ERR_SIMULATOR_OPTIONS', 'certificate and key are no matching PEM pair', {
      cause,
    });
  }
}
