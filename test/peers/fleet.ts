/** Many clients of one library that stay online: they connect again after each loss, as their library does. Where one process can hold
 *  many, it speaks, in addition to the environment of client.ts and PEER_USERS,
 *
 *    program → test   online USER, once for each  |  message USER BASE64-BODY
 *    test → program   send USER TO BASE64-BODY; the end of input logs all out */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loginEnvironment, type Login, type PeerClient } from './client.ts';
import { slixmppClient, xmppJsClient, type ClientKind } from './clients.ts';
import { startProcess, type Command } from './process.ts';
import { pythonClient } from './programs.ts';
import { within } from '../support/wait.ts';

export interface FleetMember {
  /** The bare JID. */
  readonly jid: string;
  /** Bodies of the messages that it has received. */
  readonly heard: ReadonlySet<string>;
  /** Sends a message of type chat. It may be lost where the client is not online. */
  send(to: string, body: string): void;
}

export interface Fleet {
  readonly members: readonly FleetMember[];
  /** The end of what its process has logged; nothing of clients that have a process each. */
  logTail(): string;
  /** Logs all out. */
  close(): Promise<void>;
}

/** How clients of one account each log in; all have one password. */
export type FleetLogin = Omit<Login, 'user' | 'reconnects'> & { readonly users: readonly string[] };

const loginMs = 60_000;
const loginMsPerClient = 2_000;
const logoutMs = 10_000;
/** For a message that may come at any time of a run. */
const dayMs = 86_400_000;

const manyInOneProcess = new Map<ClientKind, Pick<Command, 'program' | 'args'>>([
  [
    xmppJsClient,
    {
      program: process.execPath,
      args: [fileURLToPath(new URL('./javascript/fleet.mjs', import.meta.url))],
    },
  ],
  [slixmppClient, pythonClient('fleet.py')],
]);

/** Logs all in, a few at a time. */
export async function startFleet(kind: ClientKind, login: FleetLogin): Promise<Fleet> {
  const program = manyInOneProcess.get(kind);
  return await (program === undefined ? startSingles(kind, login) : startTogether(program, login));
}

async function startTogether(program: Pick<Command, 'program' | 'args'>, login: FleetLogin): Promise<Fleet> {
  const { users, domain, authority } = login;
  const folder = await mkdtemp(join(tmpdir(), 'narthex-fleet-'));
  const authorityFile = join(folder, 'authority.pem');
  await writeFile(authorityFile, authority);
  const heard = new Map(users.map((user) => [user, new Set<string>()]));
  const missing = new Set(users);
  const online = Promise.withResolvers<void>();
  const environment = {
    ...loginEnvironment(
      { ...login, user: users[0]!, reconnects: true },
      `${users[0]}@${domain}`,
      authorityFile,
    ),
    PEER_USERS: users.join(','),
  };
  const command = { ...program, environment, folder, log: join(folder, 'fleet.log') };
  const peers = startProcess(command, (line) => {
    const [event, user, body = ''] = line.split(' ');
    if (event === 'online') missing.delete(user!);
    if (event === 'message') heard.get(user!)!.add(Buffer.from(body, 'base64').toString('utf8'));
    if (missing.size === 0) online.resolve();
  });
  void peers.ended.then((status) => online.reject(new Error(`ended with ${status}: ${peers.logTail()}`)));
  const close = async (): Promise<void> => {
    peers.closeInput();
    await within(logoutMs, 'log out', peers.ended).catch(() => peers.stop());
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await within(
      loginMs + loginMsPerClient * users.length,
      `logging in ${users[0]} and others`,
      online.promise,
    );
  } catch (error) {
    const tail = peers.logTail();
    await close();
    throw new Error(`${String(error)}\n${tail}`, { cause: error });
  }
  const members = users.map((user) => ({
    jid: `${user}@${domain}`,
    heard: heard.get(user)!,
    send: (to: string, body: string) =>
      void peers.write(`send ${user} ${to} ${Buffer.from(body, 'utf8').toString('base64')}`),
  }));
  return { members, logTail: peers.logTail, close };
}

/** A process for each client. */
async function startSingles(kind: ClientKind, { users, ...login }: FleetLogin): Promise<Fleet> {
  const clients: PeerClient[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(clients.map((client) => client.close()));
  };
  try {
    for (const user of users) clients.push(await kind.logIn({ ...login, user, reconnects: true }));
  } catch (error) {
    await close();
    throw error;
  }
  const members = clients.map((client) => {
    const heard = new Set<string>();
    void listen(client, heard);
    return { jid: client.jid, heard, send: (to: string, body: string) => client.send(to, body) };
  });
  return { members, logTail: () => '', close };
}

/** Until the client ends. */
async function listen(client: PeerClient, heard: Set<string>): Promise<void> {
  try {
    for (;;) heard.add((await client.receive(dayMs)).body);
  } catch {
    // It is closed, or failed: then it receives nothing more, which its test notices.
  }
}
