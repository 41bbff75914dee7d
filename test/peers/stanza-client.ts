/** A real client that sends the stanzas a test writes and shows those it receives, through the library's own stream
 *  management: the outcome of a feature is visible without each library. Programs speak, in addition to the
 *  environment of client.ts,
 *
 *   program → test   online FULL-JID  |  stanza BASE64-XML  |  lost  |  resumed  |  failed BASE64-REASON  |  others' own words
 *   test → program   raw BASE64-XML  |  resume; the end of input logs the client out */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Login } from './client.ts';
import { startProcess, type Command } from './process.ts';
import { pythonClient } from './programs.ts';
import type { PeerName } from './require.ts';
import { within } from '../support/wait.ts';

export interface StanzaClient {
  /** The full JID that the server gave it. */
  readonly jid: string;
  /** Every stanza received so far, as the library prints it. */
  readonly stanzas: readonly string[];
  /** How often its stream was resumed (XEP-0198 §5). */
  readonly resumptions: number;
  /** Sends a stanza, with xmlns='jabber:client'. */
  send(xml: string): void;
  /** Says something in the program's own words. */
  command(line: string): void;
  /** Resolves with the first stanza received that fits, now or later. */
  until(fits: (xml: string, index: number) => boolean, timeoutMs?: number): Promise<string>;
  /** When the connection is lost, connects again and resumes the stream; resolves when it is resumed. */
  resume(): Promise<void>;
  close(): Promise<void>;
}

export interface StanzaClientKind {
  readonly name: string;
  readonly needs: readonly PeerName[];
  /** Sends again, when a stream is resumed, what was not acknowledged. slixmpp 1.8 empties its queue instead. */
  readonly repeats: boolean;
  logIn(login: Login): Promise<StanzaClient>;
}

const javascript = {
  program: process.execPath,
  args: [fileURLToPath(new URL('./javascript/stanzas.mjs', import.meta.url))],
};
const python = pythonClient('stanzas.py');

export const xmppJsStanzas: StanzaClientKind = {
  name: '@xmpp/client',
  needs: [],
  repeats: true,
  logIn: (login) => logInWith(javascript, login),
};

/** For parties that are not under test: the library’s SCRAM takes seconds of processor time with the iterations of Prosody 13. */
export const xmppJsPlainStanzas: StanzaClientKind = {
  ...xmppJsStanzas,
  logIn: (login) => logInWith(javascript, login, { PEER_MECHANISM: 'PLAIN' }),
};

const slixmppStanzas: StanzaClientKind = {
  name: 'slixmpp',
  needs: ['slixmpp'],
  repeats: false,
  logIn: (login) => logInWith(python, login),
};

export const stanzaClients = [xmppJsStanzas, slixmppStanzas] as const;

const loginTimeoutMs = 60_000;
const logoutTimeoutMs = 3_000;
const stanzaTimeoutMs = 30_000;

/** @param more added to the environment. @param heard gets events that are not of this file's protocol. */
export async function logInWith(
  command: Pick<Command, 'program' | 'args'>,
  login: Login,
  more: Readonly<Record<string, string>> = {},
  heard: (event: string, words: string) => void = () => {},
): Promise<StanzaClient> {
  const folder = await mkdtemp(join(tmpdir(), 'narthex-client-'));
  const authority = join(folder, 'authority.pem');
  await writeFile(authority, login.authority);
  const stanzas: string[] = [];
  const failures: string[] = [];
  let losses = 0;
  let resumptions = 0;
  const online = Promise.withResolvers<string>();
  const waiting = new Set<() => void>();
  const environment = {
    PEER_JID: `${login.user}@${login.domain}`,
    PEER_PASSWORD: login.password,
    PEER_HOST: login.host,
    PEER_PORT: String(login.port),
    PEER_TLS: login.mode,
    PEER_AUTHORITY: authority,
    NODE_EXTRA_CA_CERTS: authority,
    ...more,
  };
  const client = startProcess(
    { ...command, environment, folder, log: join(folder, 'client.log') },
    (line) => {
      const [event, word = '', ...rest] = line.split(' ');
      const text = (): string => Buffer.from(word, 'base64').toString('utf8');
      if (event === 'online') online.resolve(word);
      else if (event === 'stanza') stanzas.push(text());
      else if (event === 'lost') losses += 1;
      else if (event === 'resumed') resumptions += 1;
      else if (event === 'failed') {
        failures.push(text());
        online.reject(new Error(text()));
      } else heard(event!, [word, ...rest].join(' '));
      for (const look of waiting) look();
    },
  );
  void client.ended.then((status) => online.reject(new Error(`ended with ${status}: ${client.logTail()}`)));
  const close = async (): Promise<void> => {
    client.closeInput();
    await within(logoutTimeoutMs, 'log out', client.ended).catch(() => client.stop());
    await rm(folder, { recursive: true, force: true });
  };
  const find = async <T>(what: string, timeoutMs: number, look: () => T | undefined): Promise<T> => {
    const { promise, resolve } = Promise.withResolvers<T>();
    const again = (): void => {
      const found = look();
      if (found !== undefined) resolve(found);
    };
    waiting.add(again);
    again();
    try {
      return await within(timeoutMs, what, promise);
    } catch (error) {
      const last = [...failures, ...stanzas.slice(-4)].join('\n');
      throw new Error(`${String(error)}; last: ${last}`, { cause: error });
    } finally {
      waiting.delete(again);
    }
  };
  try {
    const jid = await within(loginTimeoutMs, 'logging in', online.promise);
    return {
      jid,
      stanzas,
      get resumptions() {
        return resumptions;
      },
      send: (xml) => void client.write(`raw ${Buffer.from(xml).toString('base64')}`),
      command: (line) => void client.write(line),
      until: (fits, timeoutMs = stanzaTimeoutMs) => find('a stanza', timeoutMs, () => stanzas.find(fits)),
      async resume() {
        const next = resumptions + 1;
        await find('a loss', stanzaTimeoutMs, () => (losses >= next ? true : undefined));
        client.write('resume');
        await find('a resumption', loginTimeoutMs, () => (resumptions >= next ? true : undefined));
      },
      close,
    };
  } catch (error) {
    const tail = client.logTail();
    await close();
    throw new Error(`${String(error)}\n${tail}`, { cause: error });
  }
}
