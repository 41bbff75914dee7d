/** A provider that signs ownership tokens, a gatekeeper of the chat channel (the simulator's), and a proxy between it and
 *  clients made of bytes. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createLocalJWKSet } from 'jose';
import { accountKey } from '../../src/chat/account-key.ts';
import { createDevelopmentAuthority, type CertificatePair } from '../../src/simulator/certificates.ts';
import { createChatGatekeeper, type ChatGatekeeper } from '../../src/simulator/chat/gatekeeper.ts';
import type {
  ChatConnectionRecord,
  ChatGatekeeperOptions,
  ChatLoginRecord,
  ChatNodeRecord,
} from '../../src/simulator/chat/options.ts';
import { ChatUsers, type ChatUser } from '../../src/simulator/chat/users.ts';
import { answer } from '../../src/simulator/http/message.ts';
import { serveHttps } from '../../src/simulator/http/server.ts';
import { createOwnershipCheck } from '../../src/simulator/token/ownership-check.ts';
import { createTokenIssuer } from '../../src/simulator/token/issuer.ts';
import { ns } from '../../src/stanza/namespaces.ts';
import { startTestProxy, type TestProxy, type TestProxyOptions } from './proxy.ts';
import { connectRaw, type RawClient, type RawClientOptions } from './raw-client.ts';
import { temporaryFolder } from './temporary.ts';

const audience = 'https://gatekeeper.example';
const integrator = 7;

export interface ChatParties extends AsyncDisposable {
  readonly proxy: TestProxy;
  readonly ca: string;
  readonly gatekeeper: ChatGatekeeper;
  /** Port that the proxy connects to. */
  readonly port: number;
  readonly users: ChatUsers;
  /** Port of the gatekeeper's own listener. */
  readonly listenerPort: number;
  /** Steps of connections, logins and nodes at the gatekeeper. */
  readonly connections: ChatConnectionRecord[];
  readonly logins: ChatLoginRecord[];
  readonly nodes: ChatNodeRecord[];
  /** Enlists a user with the key that the proxy derives, from the first secret by default. */
  enlist(subject: string, secret?: Uint8Array): ChatUser;
  token(subject: string, lifetimeS?: number): Promise<string>;
  /** A client that has sent its first header and has read the offer. */
  connect(options?: RawClientOptions): Promise<RawClient>;
  /** A client that is logged in, and has read the gatekeeper's `success`. */
  logIn(subject: string, options?: RawClientOptions): Promise<RawClient>;
}

export interface ChatPartiesOptions {
  readonly gatekeeper?: Partial<ChatGatekeeperOptions>;
  readonly proxy?: Partial<TestProxyOptions>;
  /** Returns more of the proxy, such as other gatekeepers. `pair` is for `localhost` and `other.localhost`. */
  readonly more?: (pair: CertificatePair & { readonly caFile: string }) => Promise<Partial<TestProxyOptions>>;
  /** Serves the connections of a port of its own, to which the proxy then connects. */
  readonly front?: ((socket: Socket, gatekeeper: ChatGatekeeper) => void) | undefined;
  /** Settings in `chat` that differ. */
  readonly chat?: Record<string, unknown>;
  /** Secrets of the account keys; one random by default. */
  readonly secrets?: readonly Buffer[];
  /** More of the gatekeeper's section. */
  readonly section?: Record<string, unknown>;
}

/** The header of a client on the chat channel. */
export const chatHeader = (to = 'localhost'): string =>
  `<stream:stream to='${to}' version='1.0' xmlns='${ns.chat}' xmlns:n='${ns.chatMarks}' xmlns:stream='${ns.streams}'>`;

/** Writes `<auth/>` with a token in OAUTHBEARER. */
export function bearerAuth(token: string, authorization = ''): string {
  const name = authorization === '' ? '' : `a=${authorization}`;
  const message = Buffer.from(`n,${name},\u0001auth=Bearer ${token}\u0001\u0001`).toString('base64');
  return `<auth xmlns='${ns.sasl}' mechanism='OAUTHBEARER'>${message}</auth>`;
}

/** Sends the new header after the success, and reads up to the gatekeeper's own. */
export async function restartChat(client: RawClient): Promise<void> {
  client.forget(/<success xmlns='[^']*sasl'\/>/);
  client.socket.write(chatHeader());
  await client.until(/<success [^>]*lid=/);
  client.forget(/<success [^>]*lid=[^>]*\/>/);
}

export async function startChatParties({
  gatekeeper: simulated = {},
  proxy: proxied = {},
  front,
  more,
  chat = {},
  section = {},
  secrets = [randomBytes(32)],
}: ChatPartiesOptions = {}): Promise<ChatParties> {
  const folder = await temporaryFolder();
  const authority = createDevelopmentAuthority();
  const certificate = authority.issue(['localhost', 'other.localhost', '127.0.0.1']);
  const issuer = await createTokenIssuer('https://provider.example');
  const provider = await serveHttps({
    certificate,
    host: '127.0.0.1',
    handle: () => answer(200, issuer.jwks()),
  });
  const users = new ChatUsers(integrator);
  const [connections, logins, nodes]: [ChatConnectionRecord[], ChatLoginRecord[], ChatNodeRecord[]] = [
    [],
    [],
    [],
  ];
  const gatekeeper = createChatGatekeeper({
    users,
    ownership: createOwnershipCheck({
      keys: { tokens: createLocalJWKSet({ keys: [...issuer.jwks().keys] }) },
      issuer: issuer.issuer,
      audience,
    }),
    listeners: [{ host: '127.0.0.1', port: 0, proxyProtocol: 'optional' }],
    onConnection: (record) => connections.push(record),
    onLogin: (record) => logins.push(record),
    onNode: (record) => nodes.push(record),
    ...simulated,
  });
  const [own] = await gatekeeper.start();
  const server = front && (await listen((socket) => front(socket, gatekeeper)));
  const { port } = server === undefined ? own! : (server.address() as AddressInfo);
  const caFile = await folder.write('ca.pem', authority.certificate);
  const accountSecretFiles: string[] = [];
  for (const [index, secret] of secrets.entries())
    accountSecretFiles.push(await folder.writeBytes(`accounts-${index}`, secret));
  const proxy = await startTestProxy({
    domain: 'localhost',
    gatekeeper: { port, tls: 'direct' },
    certificate: certificate.certificate,
    key: certificate.key,
    ca: authority.certificate,
    provider: {
      issuer: issuer.issuer,
      jwksUri: `${provider.url}/jwks.json`,
      audiences: [audience],
      caFile,
      nonce: 'optional',
    },
    gatekeeperHttp: {
      protocol: 'chat-channel',
      connect: { address: `127.0.0.1:${port}` },
      caFile: undefined,
      channelBinding: undefined,
      chat: {
        rootKey: gatekeeper.root.key.toString('hex'),
        rootSerial: gatekeeper.root.serial,
        accountSecretFiles,
        integrator,
        platform: 14,
        appVersion: [2, 3000, 1],
        ...chat,
      },
      ...section,
    },
    ...proxied,
    ...(more && (await more({ ...certificate, caFile }))),
  });
  const token: ChatParties['token'] = (subject, lifetimeS) =>
    issuer.sign({ subject, audience, ...(lifetimeS === undefined ? {} : { lifetimeS }) });
  const connect: ChatParties['connect'] = async (options) => {
    const client = connectRaw(proxy.direct, authority.certificate, options);
    client.socket.write(chatHeader());
    await client.until('</stream:features>');
    client.forget('</stream:features>');
    return client;
  };
  return {
    proxy,
    ca: authority.certificate,
    gatekeeper,
    port,
    users,
    listenerPort: own?.port ?? 0,
    connections,
    logins,
    nodes,
    enlist(subject, secret = secrets[0]!) {
      const names = { gatekeeper: 'test', integrator: String(integrator), issuer: issuer.issuer, subject };
      return users.enlist({ subject, staticKey: accountKey(secret, names).publicKey });
    },
    token,
    connect,
    async logIn(subject, options) {
      const client = await connect(options);
      client.socket.write(bearerAuth(await token(subject)));
      await client.until('<success');
      await restartChat(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      await proxy.close();
      await gatekeeper.close();
      server?.close();
      await provider.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function listen(serve: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ noDelay: true }, serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Attaches a socket to the gatekeeper with an own way to write. */
export function attach(
  socket: Socket,
  gatekeeper: ChatGatekeeper,
  write: (bytes: Uint8Array) => void = (bytes) => void socket.write(bytes),
): void {
  const connection = gatekeeper.attach({ write, end: () => socket.end() });
  socket.on('data', (bytes) => connection.receive(bytes));
  socket.on('error', () => {});
  socket.on('end', () => socket.end());
  socket.once('close', () => connection.close());
}
