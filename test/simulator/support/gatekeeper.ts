import { createDevelopmentAuthority } from '../../../src/simulator/certificates.ts';
import {
  connectClient,
  type Client,
  type ClientOptions,
  type Endpoint,
} from '../../../src/simulator/client.ts';
import { createGatekeeper } from '../../../src/simulator/gatekeeper.ts';
import type {
  ConnectionRecord,
  GatekeeperOptions,
  StanzaRecord,
} from '../../../src/simulator/server/options.ts';

export const domain = 'capulet.example';
export const users = {
  juliet: { username: 'juliet', password: 'balcony' },
  romeo: { username: 'romeo', password: 'montague' },
} as const;

/** A gatekeeper on loopback with both kinds of listeners, and everything it records. */
export async function startGatekeeper(
  options: Partial<GatekeeperOptions> = {},
  names: readonly [string, ...string[]] = [domain],
) {
  const authority = createDevelopmentAuthority();
  const stanzas: StanzaRecord[] = [];
  const connections: ConnectionRecord[] = [];
  const gatekeeper = createGatekeeper({
    domain,
    users: Object.values(users),
    certificate: authority.issue(names),
    listeners: [
      { tls: 'starttls', host: '127.0.0.1', port: 0 },
      { tls: 'direct', host: '127.0.0.1', port: 0 },
    ],
    onStanza: (record) => stanzas.push(record),
    onConnection: (record) => connections.push(record),
    ...options,
  });
  const served = options.domain ?? domain;
  const [starttls, direct] = await gatekeeper.start();
  const endpoints: Record<'starttls' | 'direct', Endpoint> = {
    starttls: {
      host: '127.0.0.1',
      port: starttls!.port,
      tls: 'starttls',
      ca: authority.certificate,
      domain: served,
    },
    direct: {
      host: '127.0.0.1',
      port: direct!.port,
      tls: 'direct',
      ca: authority.certificate,
      domain: served,
    },
  };
  const clients: Client[] = [];
  return {
    authority,
    endpoints,
    stanzas,
    connections,
    /** Logs one of the two in. */
    async logIn(user: keyof typeof users, more: Partial<ClientOptions> = {}): Promise<Client> {
      const client = await connectClient({
        endpoint: endpoints.starttls,
        ...users[user],
        timeoutMs: 5_000,
        ...more,
      });
      clients.push(client);
      return client;
    },
    async close() {
      for (const client of clients) client.destroy();
      await gatekeeper.close();
    },
  };
}
