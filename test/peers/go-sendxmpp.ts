/**
 * go-sendxmpp, as its users run it: one process sends each line of its standard input to one recipient, another
 * prints what arrives. Both log in, so a message for the account has to go to the bare JID to reach the listener.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Login, PeerClient } from './client.ts';
import { Inbox } from './inbox.ts';
import { startProcess, type Command, type PeerProcess } from './process.ts';
import { programs } from './programs.ts';
import { ready } from './ready.ts';
import { within } from '../support/wait.ts';

const loginTimeoutMs = 60_000;

interface GoSendxmpp extends PeerClient {
  /** Joins a room, and returns what sends a line to it. */
  joinRoom(room: string, nick: string): (body: string) => void;
}

export async function logInGoSendxmpp(login: Login): Promise<GoSendxmpp> {
  const folder = await mkdtemp(join(tmpdir(), 'narthex-client-'));
  const jid = `${login.user}@${login.domain}`;
  const inbox = new Inbox(jid);
  const authorityFile = join(folder, 'authority.pem');
  await writeFile(authorityFile, login.authority);

  const listener = startProcess(command(folder, login, authorityFile, ['-d', '-l']), (line) => {
    const [, from, body] = /^\S+ (\S+): (.*)$/.exec(line) ?? [];
    if (from !== undefined && body !== undefined) inbox.add({ from, body });
  });
  void listener.ended.then((status) => inbox.end(new Error(`go-sendxmpp of ${jid} ended with ${status}`)));
  const senders = new Map<string, PeerProcess>();
  const close = async () => {
    await Promise.all([listener, ...senders.values()].map((process) => process.stop()));
    await rm(folder, { recursive: true, force: true });
  };

  try {
    await ready(`go-sendxmpp of ${jid}`, listener, loginTimeoutMs, async () => seesItsPresence(listener));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    jid,
    send: (to, body) => {
      const sender = senders.get(to) ?? startProcess(command(folder, login, authorityFile, ['-i', to]));
      senders.set(to, sender);
      sender.write(body);
    },
    receive: (timeoutMs) => inbox.next(timeoutMs),
    joinRoom: (room, nick) => {
      const sender = startProcess(command(folder, login, authorityFile, ['-c', '-a', nick, '-i', room]));
      senders.set(room, sender);
      return (body) => void sender.write(body);
    },
    close,
  };
}

/** Uploads a file and tells `to` of it, as `go-sendxmpp -h FILE` does. */
export async function shareByGoSendxmpp(login: Login, to: string, file: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'narthex-client-'));
  const authorityFile = join(folder, 'authority.pem');
  await writeFile(authorityFile, login.authority);
  const sender = startProcess(command(folder, login, authorityFile, ['-h', file, to]));
  try {
    const status = await within(loginTimeoutMs, 'share a file', sender.ended);
    if (status !== 0) throw new Error(`go-sendxmpp ended with ${status}: ${sender.logTail()}`);
  } finally {
    await sender.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function command(folder: string, login: Login, authorityFile: string, args: readonly string[]): Command {
  const account = ['-u', `${login.user}@${login.domain}`, '-p', login.password];
  const server = ['-j', `${login.host}:${login.port}`, ...(login.mode === 'direct' ? ['-t'] : [])];
  return {
    program: programs.goSendxmpp,
    args: [...account, ...server, ...args],
    // Go reads its authorities from these, and from nowhere else once both are set.
    environment: { SSL_CERT_FILE: authorityFile, SSL_CERT_DIR: folder },
    folder,
    log: join(folder, `${args.at(-1)!.replace(/\W/g, '')}.log`),
  };
}

/** With `-d` it writes what it receives to standard error; its own presence comes back once it is online. */
function seesItsPresence(listener: PeerProcess): void {
  if (!listener.logTail().includes('<presence')) throw new Error('not online yet');
}
