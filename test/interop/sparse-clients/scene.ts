/** Real clients of several libraries that stay online through a served proxy, each group of them by a network that fails when told
 *  to, and the real server that the proxy serves. */
import type { ClientKind } from '../../peers/clients.ts';
import { startFleet, type Fleet, type FleetMember } from '../../peers/fleet.ts';
import type { PeerServer } from '../../peers/server.ts';
import type { ServerKind } from '../../peers/servers.ts';
import { createAuthority, type Authority } from '../../support/certificates.ts';
import { openLink, type Link } from '../../support/link.ts';
import { serveProcess, type ServeProcess } from '../../support/serve-process.ts';
import { socketsOf } from './counts.ts';

/** Clients of one library that connect in the same way. */
export interface GroupOptions {
  readonly kind: ClientKind;
  readonly mode: 'starttls' | 'direct' | 'websocket';
  readonly count: number;
}

export interface Group extends GroupOptions {
  readonly members: readonly FleetMember[];
  /** The end of what these clients have logged. */
  readonly logTail: () => string;
  /** Between these clients and the proxy. */
  readonly link: Link;
}

export interface Scene {
  readonly server: PeerServer;
  readonly proxy: ServeProcess;
  /** Of the proxy, by how clients connect. */
  readonly ports: Readonly<Record<GroupOptions['mode'], number>>;
  /** Of the proxy's certificates, which all clients trust. */
  readonly authority: Authority;
  readonly groups: readonly Group[];
  /** Sockets that the proxy had without any client. */
  readonly idleSockets: number;
  close(): Promise<void>;
}

const password = 'a password for all';
const collector = new URL('../../support/collect-on-signal.ts', import.meta.url).pathname;
/** The files of the proxy's certificate, which {@link issue} writes. */
export const certificateFiles = { certFile: 'clients.crt', keyFile: 'clients.key' } as const;

export async function openScene(kind: ServerKind, wanted: readonly GroupOptions[]): Promise<Scene> {
  const users = usersOf(wanted);
  const accounts = Object.fromEntries(users.flat().map((user) => [user, password]));
  const opened: { close(): Promise<unknown> }[] = [];
  const close = async (): Promise<void> => {
    for (const each of opened.toReversed()) await each.close();
  };
  try {
    const server = await kind.start({ plain: true, accounts });
    opened.push(server);
    const authority = createAuthority();
    const proxy = await startProxy(server, authority);
    opened.push({ close: proxy.stop });
    const ports = portsOf(proxy);
    const idleSockets = socketsOf(proxy.child.pid!);
    const groups: Group[] = [];
    for (const [index, group] of wanted.entries()) {
      const link = await openLink(ports[group.mode]);
      opened.push(link);
      const { host, domain } = server;
      const login = { host, domain, password, port: link.port, mode: group.mode, authority: authority.cert };
      const fleet: Fleet = await startFleet(group.kind, { ...login, users: users[index]! });
      opened.push(fleet);
      groups.push({ ...group, members: fleet.members, logTail: fleet.logTail, link });
    }
    return { server, proxy, ports, authority, groups, idleSockets, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function usersOf(groups: readonly GroupOptions[]): string[][] {
  return groups.map(({ count }, group) =>
    Array.from({ length: count }, (_, index) => `user${group}x${index}`),
  );
}

async function startProxy(server: PeerServer, authority: Authority): Promise<ServeProcess> {
  const { domain, ports, certificates } = server;
  const pair = authority.issue({ dns: [domain] });
  const listener = { host: '127.0.0.1', port: 0 };
  return await serveProcess({
    node: ['--expose-gc', '--import', collector],
    files: {
      [certificateFiles.certFile]: pair.cert,
      [certificateFiles.keyFile]: pair.key,
      'gatekeeper-ca.crt': certificates.authority,
      pseudonyms: 'p'.repeat(32),
    },
    gatekeeper: {
      connect: { address: `127.0.0.1:${ports.direct}`, tls: 'direct' },
      caFile: 'gatekeeper-ca.crt',
    },
    config: {
      domains: [{ domain, gatekeeper: 'test' }],
      listeners: (['starttls', 'direct'] as const).map((tls) => ({ ...listener, name: tls, tls })),
      certificates: [certificateFiles],
      http: { ...listener, publicUrl: `https://${domain}`, websocket: {} },
      policy: { file: 'balanced', keyFiles: ['pseudonyms'] },
      limits: { connectionsPerAddressMax: 0 },
    },
  });
}

function portsOf({ log, httpPort }: ServeProcess): Scene['ports'] {
  const port = (name: string): number =>
    Number(log.find(({ event, listener }) => event === 'listener.opened' && listener === name)?.['port']);
  return { starttls: port('starttls'), direct: port('direct'), websocket: httpPort };
}
