/** Debian's redis-server with TLS and two users: one that may do no more than a store of shared state needs, and one for the
 *  test, which sees everything. */
import { kill } from 'node:process';
import { createClient, RESP_TYPES } from '@redis/client';
import { createAuthority } from '../support/certificates.ts';
import { freePort } from '../../src/app/demo/free-port.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { retried } from '../support/wait.ts';
import { programs } from './programs.ts';
import { startProcess, type PeerProcess } from './process.ts';

export interface RedisPeer {
  readonly port: number;
  /** Address with TLS. */
  readonly url: string;
  /** Port without TLS, for tests of what is refused. */
  readonly clearPort: number;
  readonly password: string;
  readonly user: string;
  /** The authority of its certificate, PEM, and its file. */
  readonly ca: string;
  readonly caFile: string;
  readonly passwordFile: string;
  /** A client certificate that the authority has issued. */
  readonly client: { readonly certFile: string; readonly keyFile: string };
  /** The section `state.redis` of a proxy. */
  readonly section: Readonly<Record<string, unknown>>;
  /** Returns every key with its value, of every database. */
  dump(): Promise<ReadonlyMap<string, Buffer>>;
  /** Runs one command as the user of the test. */
  command(...words: readonly (string | Buffer)[]): Promise<unknown>;
  /** Ends the process. Its records are gone. */
  kill(): Promise<void>;
  /** Starts it again on the same ports, without any record. */
  start(): Promise<void>;
  /** Stops the process without ending it: connections stay, and nothing is answered until `wake`. */
  hang(): void;
  wake(): void;
  close(): Promise<void>;
}

/** Commands that the store needs: this list is in docs/shared-state.md. */
export const neededCommands = ['get', 'set', 'del', 'ping', 'select'] as const;

const user = 'narthex';
const password = 'correct-horse-battery';
const testUser = { username: 'test', password: 'test-password' };

export async function startRedis(
  options: { readonly clientCertificates?: boolean } = {},
): Promise<RedisPeer> {
  const folder = await temporaryFolder();
  const authority = createAuthority('Redis test authority');
  const server = authority.issue({ dns: ['localhost'], ipv4: ['127.0.0.1'] });
  const client = authority.issue({ commonName: 'narthex', usage: 'client' });
  const caFile = await folder.write('ca.crt', authority.cert);
  const files = {
    cert: await folder.write('server.crt', server.cert),
    key: await folder.write('server.key', server.key),
    acl: await folder.write(
      'users.acl',
      [
        'user default off',
        `user ${user} on >${password} ~narthex:* -@all ${neededCommands.map((name) => `+${name}`).join(' ')}`,
        `user ${testUser.username} on >${testUser.password} ~* +@all`,
        '',
      ].join('\n'),
    ),
  };
  const passwordFile = await folder.write('password', `${password}\n`);
  const clientFiles = {
    certFile: await folder.write('client.crt', client.cert),
    keyFile: await folder.write('client.key', client.key),
  };
  const [port, clearPort] = [await freePort(), await freePort()];
  const settings = {
    port: clearPort,
    'tls-port': port,
    bind: '127.0.0.1',
    'tls-cert-file': files.cert,
    'tls-key-file': files.key,
    'tls-ca-cert-file': caFile,
    'tls-auth-clients': options.clientCertificates === true ? 'yes' : 'no',
    aclfile: files.acl,
    save: '',
    appendonly: 'no',
    dir: folder.path,
  };
  const args = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, String(value)]);
  const run = (): PeerProcess =>
    startProcess({
      program: programs.redisServer,
      args,
      folder: folder.path,
      log: `${folder.path}/redis.log`,
    });
  let peer = run();

  const asTest = async <T>(work: (connection: TestConnection) => Promise<T>): Promise<T> => {
    const connection = testConnection(clearPort);
    connection.on('error', () => {});
    await connection.connect();
    try {
      return await work(connection);
    } finally {
      connection.destroy();
    }
  };
  const ready = (): Promise<unknown> => retried(20_000, () => asTest((connection) => connection.ping()));
  await ready();
  const signal = (name: 'SIGSTOP' | 'SIGCONT'): void => {
    if (peer.pid !== undefined) kill(peer.pid, name);
  };

  return {
    port,
    clearPort,
    user,
    password,
    caFile,
    passwordFile,
    client: clientFiles,
    ca: authority.cert,
    url: `rediss://localhost:${port}`,
    section: { url: `rediss://localhost:${port}`, caFile, username: user, passwordFile },
    command: (...words) => asTest((connection) => connection.sendCommand([...words])),
    dump: () => asTest(everything),
    async kill() {
      await peer.stop();
    },
    async start() {
      peer = run();
      await ready();
    },
    hang: () => signal('SIGSTOP'),
    wake: () => signal('SIGCONT'),
    async close() {
      // A process that has ended already takes no signal.
      await peer.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

type TestConnection = ReturnType<typeof testConnection>;

function testConnection(port: number) {
  return createClient({
    ...testUser,
    RESP: 2,
    maintNotifications: 'disabled',
    socket: { host: '127.0.0.1', port, reconnectStrategy: false },
  });
}

async function everything(connection: TestConnection): Promise<ReadonlyMap<string, Buffer>> {
  const binary = connection.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  const found = new Map<string, Buffer>();
  for (const database of [0, 1]) {
    await connection.select(database);
    for (const key of await connection.keys('*')) found.set(key, (await binary.get(key)) ?? Buffer.alloc(0));
  }
  return found;
}
