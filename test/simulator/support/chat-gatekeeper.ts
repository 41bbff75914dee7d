/** A chat server on loopback with an enlisted user and one of the gatekeeper's own app, for tests. */
import { createLocalJWKSet } from 'jose';
import { connectChatApp, type ChatApp, type ChatAppOptions } from '../../../src/simulator/chat/app.ts';
import { packFields } from '../../../src/simulator/chat/fields.ts';
import { createChatGatekeeper } from '../../../src/simulator/chat/gatekeeper.ts';
import type { ChatNode } from '../../../src/simulator/chat/node.ts';
import { newServerKey, type ServerKey } from '../../../src/simulator/chat/noise.ts';
import type {
  ChatConnectionRecord,
  ChatGatekeeperOptions,
  ChatLoginRecord,
  ChatNodeRecord,
  ChatProxyHeaderRecord,
  ChatStoredRecord,
} from '../../../src/simulator/chat/options.ts';
import { ChatUsers } from '../../../src/simulator/chat/users.ts';
import { createOwnershipCheck } from '../../../src/simulator/token/ownership-check.ts';
import { createTokenIssuer } from '../../../src/simulator/token/issuer.ts';

export const host = '127.0.0.1';
export const provider = 'https://provider.example';
export const audience = 'gatekeeper.example';
export const subject = 'juliet@provider.example';
export const romeoNumber = '391234567';

export interface InteropLogin {
  readonly token?: string;
  readonly accountId?: number;
  readonly username?: number;
  readonly product?: number;
  readonly userAgent?: Uint8Array | null;
}

const userAgent = packFields([1, 14], [2, packFields([1, 2], [2, 3000], [3, 1])]);

/** ClientPayload of a third party's client, written without the proxy. */
export function interopPayload({ token, accountId, username, product = 2, ...more }: InteropLogin): Buffer {
  const agent = more.userAgent === undefined ? userAgent : more.userAgent;
  const data = packFields(
    ...(accountId === undefined ? [] : [[1, accountId] as const]),
    ...(token === undefined ? [] : [[2, Buffer.from(token)] as const]),
  );
  return packFields(
    ...(username === undefined ? [] : [[1, username] as const]),
    ...(agent === null ? [] : [[5, agent] as const]),
    [20, product],
    [38, data],
  );
}

/** Starts it, with everything it records. */
export async function startChatGatekeeper(options: Partial<ChatGatekeeperOptions> = {}) {
  const issuer = await createTokenIssuer(provider);
  const users = new ChatUsers(7);
  const keys: Record<'juliet' | 'romeo', ServerKey> = { juliet: newServerKey(), romeo: newServerKey() };
  const juliet = users.enlist({ subject, staticKey: keys.juliet.publicKey });
  const romeo = users.addOwn(romeoNumber, keys.romeo.publicKey);
  const nodes: ChatNodeRecord[] = [];
  const connections: ChatConnectionRecord[] = [];
  const logins: ChatLoginRecord[] = [];
  const stored: ChatStoredRecord[] = [];
  const headers: ChatProxyHeaderRecord[] = [];
  const ownership = createOwnershipCheck({
    keys: { tokens: createLocalJWKSet({ keys: [...issuer.jwks().keys] }) },
    issuer: provider,
    audience,
  });
  const gatekeeper = createChatGatekeeper({
    users,
    ownership,
    listeners: [{ host, port: 0 }],
    onNode: (record) => nodes.push(record),
    onConnection: (record) => connections.push(record),
    onLogin: (record) => logins.push(record),
    onStored: (record) => stored.push(record),
    onProxyHeader: (record) => headers.push(record),
    ...options,
  });
  const bound = await gatekeeper.start();
  const { port } = bound[0]!;
  const apps: ChatApp[] = [];
  async function connect(app: Omit<ChatAppOptions, 'host' | 'port'>): Promise<ChatApp> {
    const connected = await connectChatApp({ host, port, timeoutMs: 5_000, ...app });
    apps.push(connected);
    return connected;
  }
  const token = (lifetimeS = 300, of = subject): Promise<string> =>
    issuer.sign({ subject: of, audience, lifetimeS });
  return {
    gatekeeper,
    users,
    keys,
    juliet,
    romeo,
    bound,
    port,
    nodes,
    connections,
    logins,
    stored,
    headers,
    issuer,
    token,
    connect,
    /** Logs Juliet in as a third party's client. */
    async julietLogsIn(more: Partial<ChatAppOptions> & InteropLogin = {}): Promise<ChatApp> {
      const payload = more.payload ?? interopPayload({ token: await token(), ...more });
      return connect({ number: '', staticKey: keys.juliet, ...more, payload });
    },
    /** Logs Romeo in with the gatekeeper's own app. */
    romeoLogsIn: (more: Partial<ChatAppOptions> = {}): Promise<ChatApp> =>
      connect({ number: romeoNumber, staticKey: keys.romeo, name: 'Romeo', ...more }),
    async close() {
      for (const app of apps) app.destroy();
      await gatekeeper.close();
    },
  };
}

export type RunningChatGatekeeper = Awaited<ReturnType<typeof startChatGatekeeper>>;

/** A message with one encrypted part. */
export function letter(to: string, id: string, bytes = Buffer.from([1, 0, 255])): ChatNode {
  const content = [{ tag: 'enc', attrs: { v: '2', type: 'msg' }, content: bytes }];
  return { tag: 'message', attrs: { id, to, type: 'text' }, content };
}

export const hasTag =
  (tag: string, id?: string) =>
  (node: ChatNode): boolean =>
    node.tag === tag && (id === undefined || node.attrs['id'] === id);
