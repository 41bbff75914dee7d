/** What a client does that is asked to connect again: whether it connects, whether it resumes its stream (XEP-0198 §5),
 *  after how long, and how often it gets a message that came meanwhile. */
import { loginTo, type PeerClient } from '../../peers/client.ts';
import type { ClientKind } from '../../peers/clients.ts';
import { logInRaw } from '../../support/raw-client.ts';
import type { PeerServer } from '../../peers/server.ts';
import { eventually } from '../../support/wait.ts';
import { openCutter, type CutConnection, type Cutter, type Farewell } from './cutter.ts';

export interface Reconnection {
  readonly client: string;
  readonly farewell: Farewell;
  readonly outcome: 'resumed' | 'new session' | 'no session' | 'stays away';
  /** Seconds from the farewell to the next connection; undefined where none came. */
  readonly afterSeconds: number | undefined;
  /** How often a message arrived that was sent to the account while the client was away. */
  readonly received: number;
}

/** Longer than any of these libraries waits before its first attempt. */
const awayMs = 15_000;
/** For a copy of the message that comes late. */
const afterwardsMs = 500;

/** Logs in through a cutter, ends the connection, and looks at what follows. The server has juliet and romeo, and takes
 *  PLAIN. */
export async function reconnection(
  kind: ClientKind,
  farewell: Farewell,
  server: PeerServer,
): Promise<Reconnection> {
  const { domain, certificates } = server;
  const { chain: certificate, key, authority: ca } = certificates;
  const cutter = await openCutter({ port: server.ports.direct, domain, certificate, key, ca });
  const login = { ...loginTo(server, 'juliet', 'direct'), port: cutter.port, reconnects: true };
  const client = await kind.logIn(login);
  try {
    const first = cutter.connections[0]!;
    await eventually(() => /<enabled [^>]*\bid=/.test(first.received()));
    await eventually(() => first.sent().includes('<presence'));
    await speaks(server, client, 'before');
    const toldAt = performance.now();
    first.end(farewell);
    await speaks(server, undefined, 'meanwhile');
    const second = await next(cutter, 1);
    const outcome = second === undefined ? 'stays away' : await outcomeOf(cutter);
    const afterSeconds = second === undefined ? undefined : (second.startedAt - toldAt) / 1_000;
    const received = afterSeconds === undefined ? 0 : await countOf(client, 'meanwhile');
    return { client: kind.name, farewell, outcome, afterSeconds, received };
  } finally {
    await client.close();
    await cutter.close();
  }
}

async function next(cutter: Cutter, index: number): Promise<CutConnection | undefined> {
  return await eventually(() => cutter.connections[index], awayMs).catch(() => undefined);
}

/** The first connection may come to nothing. */
async function outcomeOf({ connections }: Cutter): Promise<Reconnection['outcome']> {
  const found = eventually(() => {
    const later = connections.slice(1);
    if (later.some(({ received }) => received().includes('<resumed '))) return 'resumed';
    return later.some(({ sent }) => sent().includes('<presence')) && 'new session';
  }, awayMs);
  return await found.catch(() => 'no session');
}

/** Romeo, who is online for this only, sends juliet a message.
 *  @param client waits for it, where given */
export async function speaks(
  server: PeerServer,
  client: PeerClient | undefined,
  body: string,
): Promise<void> {
  const password = server.accounts['romeo']!;
  const romeo = await logInRaw(server.ports.direct, server.certificates.authority, {
    to: server.domain,
    servername: server.domain,
    username: 'romeo',
    password,
  });
  romeo.socket.write("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
  await romeo.until('</bind>');
  romeo.socket.write(`<message to='juliet@${server.domain}' type='chat'><body>${body}</body></message>`);
  // The answer comes after the server has the message.
  romeo.socket.write("<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>");
  await romeo.until(/id='p'|id="p"/);
  romeo.socket.end('</stream:stream>');
  await romeo.closed;
  if (client !== undefined) await countOf(client, body, 1);
}

/** Counts messages with this body, until `enough` have come, or none for a while. */
export async function countOf(client: PeerClient, body: string, enough = Infinity): Promise<number> {
  let count = 0;
  try {
    while (count < enough) {
      const waitMs = count === 0 ? awayMs : afterwardsMs;
      const { body: came } = await client.receive(waitMs);
      if (came === body) count += 1;
    }
  } catch (error) {
    if (!/nothing after/.test(String(error))) throw error;
  }
  return count;
}
