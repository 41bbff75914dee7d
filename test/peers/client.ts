/**
 * A real XMPP client, logged in: what the tests can ask of it. Most are small programs written with a client library,
 * in the library's language, that speak one line protocol on their standard input and output:
 *
 *   program → test   online FULL-JID  |  message FROM BASE64-BODY  |  failed BASE64-REASON
 *   test → program   send TO BASE64-BODY; the end of input logs the client out
 *
 * Programs of clients that can do more are asked for it, with numbers that their answers repeat (table/program.ts):
 *
 *   test → program   ask NUMBER VERB BASE64-WORD…
 *   program → test   done NUMBER BASE64-WORD…  |  refused NUMBER BASE64-REASON
 *
 * A program takes its account from the environment: PEER_JID, PEER_PASSWORD, PEER_HOST, PEER_PORT, PEER_TLS
 * (`starttls`, `direct`, or `websocket` for @xmpp/client) and PEER_AUTHORITY, the file of the only certificate authority it trusts. With PEER_TOKEN it
 * authenticates by OAUTHBEARER (RFC 7628). With PEER_RECONNECT it connects again after a lost connection, and resumes its
 * stream where its library does that (XEP-0198 §5).
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Inbox, type ReceivedMessage } from './inbox.ts';
import { Questions } from './questions.ts';
import { startProcess, type Command } from './process.ts';
import type { TlsMode } from './probe.ts';
import type { PeerServer } from './server.ts';
import { within } from '../support/wait.ts';

export interface Login {
  readonly user: string;
  readonly domain: string;
  readonly password: string;
  /** To authenticate by OAUTHBEARER instead: @xmpp/client and slixmpp, which are taught it by their test programs. */
  readonly token?: string;
  /** To bind SCRAM to the server's certificate (`tls-server-end-point`): aioxmpp with what its library has, where the certificate
   *  is signed with RSA, and slixmpp, taught it by its test program. */
  readonly bindsEndPoint?: boolean;
  /** To connect again after a lost connection: every program but go-sendxmpp. */
  readonly reconnects?: boolean;
  /** Where to connect, whatever the domain says. */
  readonly host: string;
  readonly port: number;
  readonly mode: TlsMode | 'websocket';
  /** PEM of the only authority trusted. */
  readonly authority: string;
}

/** How `user` logs in straight to `server`. */
export function loginTo(server: PeerServer, user: string, mode: TlsMode): Login {
  const { domain, host, ports, accounts, certificates } = server;
  const password = accounts[user];
  if (password === undefined) throw new Error(`${server.name} has no account ${user}`);
  return { user, domain, password, host, port: ports[mode], mode, authority: certificates.authority };
}

export interface PeerClient {
  /** The bare JID. */
  readonly jid: string;
  /** Sends a message of type chat. Order is kept. */
  send(to: string, body: string): void;
  /** The next message received, in order of arrival. */
  receive(timeoutMs?: number): Promise<ReceivedMessage>;
  /** Logs out. */
  close(): Promise<void>;
}

/** A client that is one of the programs. */
export interface ProgramClient extends PeerClient {
  /** Asks the program to do something, and resolves with the words of its answer.
   *  @throws Error with the program's reason, or when it gives no answer in time */
  ask(verb: string, words: readonly (string | Uint8Array)[], timeoutMs?: number): Promise<readonly string[]>;
}

/** How to run a client program; its folder is new and empty. */
export type Program = (folder: string) => Promise<Pick<Command, 'program' | 'args'>>;

const loginTimeoutMs = 60_000;
const logoutTimeoutMs = 3_000;

/** Starts `program` and waits until it is logged in and has sent its presence. */
export async function logIn(program: Program, login: Login): Promise<ProgramClient> {
  const folder = await mkdtemp(join(tmpdir(), 'narthex-client-'));
  const jid = `${login.user}@${login.domain}`;
  const inbox = new Inbox(jid);
  const authorityFile = join(folder, 'authority.pem');
  await writeFile(authorityFile, login.authority);
  const online = Promise.withResolvers<void>();
  const questions = new Questions(jid);
  const command = {
    ...(await program(folder)),
    environment: loginEnvironment(login, jid, authorityFile),
    folder,
    log: join(folder, 'client.log'),
  };
  const fail = (reason: string) => {
    const error = new Error(`${jid}: ${reason}`);
    online.reject(error);
    inbox.end(error);
    questions.end(error);
  };
  const client = startProcess(command, (line) => {
    const [event, first = '', second = '', ...more] = line.split(' ');
    if (event === 'online') online.resolve();
    if (event === 'message') inbox.add({ from: first, body: decode(second) });
    if (event === 'failed') fail(decode(first));
    if (event === 'done') questions.done(first, [second, ...more].map(decode));
    if (event === 'refused') questions.refused(first, decode(second));
  });
  void client.ended.then((status) => fail(`ended with ${status}`));
  const close = async () => {
    client.closeInput();
    await within(logoutTimeoutMs, 'log out', client.ended).catch(() => client.stop());
    await rm(folder, { recursive: true, force: true });
  };

  try {
    await within(loginTimeoutMs, `${jid} logging in`, online.promise);
  } catch (cause) {
    const tail = client.logTail();
    await close();
    throw new Error(`${String(cause)}\n${tail}`, { cause });
  }
  return {
    jid,
    send: (to, body) => {
      if (!client.write(`send ${to} ${encode(body)}`)) throw new Error(`${jid} is gone`);
    },
    receive: (timeoutMs) => inbox.next(timeoutMs),
    ask: (verb, words, timeoutMs) =>
      questions.ask(
        (number) => client.write(['ask', number, verb, ...words.map(encode)].join(' ')),
        timeoutMs,
      ),
    close,
  };
}

export function loginEnvironment(login: Login, jid: string, authorityFile: string): Record<string, string> {
  return {
    PEER_JID: jid,
    PEER_PASSWORD: login.password,
    ...(login.token === undefined ? {} : { PEER_TOKEN: login.token }),
    ...(login.bindsEndPoint === true ? { PEER_BINDING: 'tls-server-end-point' } : {}),
    ...(login.reconnects === true ? { PEER_RECONNECT: 'yes' } : {}),
    PEER_HOST: login.host,
    PEER_PORT: String(login.port),
    PEER_TLS: login.mode,
    PEER_AUTHORITY: authorityFile,
    // Node takes its extra authorities from here, before any script runs.
    NODE_EXTRA_CA_CERTS: authorityFile,
  };
}

function encode(word: string | Uint8Array): string {
  return Buffer.from(word as string, 'utf8').toString('base64');
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
