/** A proxy before two raw gatekeepers, each with its own domain: `localhost` at `test`, `other.localhost` at `other`. */
import { join } from 'node:path';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { startTestProxy, type TestProxy, type TestProxyOptions } from './proxy.ts';
import { logInRaw, type LoginOptions, type RawClient } from './raw-client.ts';
import { negotiate, startRawServer, type RawGatekeeper } from './raw-gatekeeper.ts';
import { temporaryFolder, type TemporaryFolder } from './temporary.ts';

const domains = { test: 'localhost', other: 'other.localhost' } as const;
export type GatekeeperName = keyof typeof domains;

export interface TwoGatekeepers extends AsyncDisposable {
  readonly proxy: TestProxy;
  readonly folder: TemporaryFolder;
  readonly gatekeepers: Readonly<Record<GatekeeperName, RawGatekeeper>>;
  /** What each gatekeeper has received from authenticated clients, all sessions together. */
  readonly received: Record<GatekeeperName, string>;
  /** The same from the first byte of each connection on. */
  readonly everything: Record<GatekeeperName, string>;
  /** A client of this gatekeeper that has authenticated. */
  logIn(at: GatekeeperName, options?: LoginOptions): Promise<RawClient>;
}

export interface TwoGatekeepersOptions {
  /** Files of the folder, written before the proxy starts. */
  readonly files?: Readonly<Record<string, string>>;
  /** Sections of each gatekeeper. @param file the path of a file in the folder */
  readonly sections: (
    file: (name: string) => string,
  ) => Partial<Record<GatekeeperName, Record<string, unknown>>>;
  /** More of the proxy. */
  readonly proxy?: (file: (name: string) => string) => Partial<TestProxyOptions>;
}

export async function startTwoGatekeepers({
  files = {},
  sections,
  proxy: more = () => ({}),
}: TwoGatekeepersOptions): Promise<TwoGatekeepers> {
  const authority = createDevelopmentAuthority();
  const pair = authority.issue([domains.test, domains.other, '127.0.0.1']);
  const folder = await temporaryFolder();
  for (const [name, text] of Object.entries({ ...files, 'ca.crt': authority.certificate }))
    await folder.write(name, text);
  const file = (name: string): string => join(folder.path, name);
  const received: Record<GatekeeperName, string> = { test: '', other: '' };
  const everything: Record<GatekeeperName, string> = { test: '', other: '' };
  const start = (name: GatekeeperName): Promise<RawGatekeeper> =>
    startRawServer(pair.certificate, pair.key, (socket, tcp) => {
      socket.on('data', (chunk: Buffer) => (everything[name] += chunk.toString()));
      const authenticated = (): void =>
        void socket.on('data', (chunk: Buffer) => (received[name] += chunk.toString()));
      negotiate(socket, tcp, authenticated, '');
    });
  const gatekeepers = { test: await start('test'), other: await start('other') };
  const { test = {}, other = {} } = sections(file);
  const proxy = await startTestProxy({
    domain: domains.test,
    gatekeeper: { port: gatekeepers.test.port, tls: 'direct' },
    certificate: pair.certificate,
    key: pair.key,
    ca: authority.certificate,
    gatekeeperHttp: test,
    otherDomains: [{ domain: domains.other, gatekeeper: 'other' }],
    otherGatekeepers: [
      {
        name: 'other',
        connect: { address: `127.0.0.1:${gatekeepers.other.port}`, tls: 'direct' },
        caFile: file('ca.crt'),
        ...other,
      },
    ],
    ...more(file),
  });
  const clients: RawClient[] = [];
  return {
    proxy,
    folder,
    gatekeepers,
    received,
    everything,
    async logIn(at, options = {}) {
      const to = { to: domains[at], servername: domains[at], ...options };
      const client = await logInRaw(proxy.direct, authority.certificate, to);
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const { socket } of clients) socket.destroy();
      await proxy.close();
      for (const gatekeeper of Object.values(gatekeepers)) gatekeeper.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}
