/** A slixmpp client that advertises capabilities, verifies those of others, and sends what the test writes. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Login } from './client.ts';
import { startProcess } from './process.ts';
import { programs } from './programs.ts';
import { within } from './wait.ts';

export interface CapableClient {
  /** The full JID. */
  readonly jid: string;
  /** Every stanza received so far, as slixmpp prints it. */
  readonly stanzas: readonly string[];
  /** `ver`s of others that slixmpp has verified, or found to be false. */
  readonly verified: readonly string[];
  readonly rejected: readonly string[];
  send(xml: string): void;
  /** Resolves with the first stanza received that fits, now or later. */
  until(fits: (xml: string) => boolean, timeoutMs?: number): Promise<string>;
  close(): Promise<void>;
}

const loginTimeoutMs = 20_000;
const logoutTimeoutMs = 3_000;
const stanzaTimeoutMs = 10_000;

/** Logs in with further features beside slixmpp's own. */
export async function logInCapable(login: Login, features: readonly string[] = []): Promise<CapableClient> {
  const folder = await mkdtemp(join(tmpdir(), 'narthex-capable-'));
  const authority = join(folder, 'authority.pem');
  await writeFile(authority, login.authority);
  const stanzas: string[] = [];
  const verified: string[] = [];
  const rejected: string[] = [];
  const online = Promise.withResolvers<string>();
  const waiting = new Set<() => void>();
  const environment = {
    PEER_JID: `${login.user}@${login.domain}`,
    PEER_PASSWORD: login.password,
    PEER_HOST: login.host,
    PEER_PORT: String(login.port),
    PEER_TLS: login.mode,
    PEER_AUTHORITY: authority,
    PEER_FEATURES: features.join(' '),
  };
  const command = { program: programs.python, args: [join(import.meta.dirname, 'python', 'capable.py')] };
  const client = startProcess(
    { ...command, environment, folder, log: join(folder, 'client.log') },
    (line) => {
      const [event, word = ''] = line.split(' ');
      const text = (): string => Buffer.from(word, 'base64').toString('utf8');
      if (event === 'online') online.resolve(word);
      else if (event === 'stanza') stanzas.push(text());
      else if (event === 'verified') verified.push(word);
      else if (event === 'rejected') rejected.push(word);
      else if (event === 'failed') online.reject(new Error(text()));
      for (const look of waiting) look();
    },
  );
  void client.ended.then((status) => online.reject(new Error(`ended with ${status}: ${client.logTail()}`)));
  const close = async (): Promise<void> => {
    client.closeInput();
    await within(logoutTimeoutMs, 'log out', client.ended).catch(() => client.stop());
    await rm(folder, { recursive: true, force: true });
  };
  const until = async (fits: (xml: string) => boolean, timeoutMs = stanzaTimeoutMs): Promise<string> => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const look = (): void => {
      const found = stanzas.find(fits);
      if (found !== undefined) resolve(found);
    };
    waiting.add(look);
    look();
    try {
      return await within(timeoutMs, 'a stanza', promise);
    } catch (error) {
      throw new Error(`${String(error)}; received ${stanzas.slice(-4).join('\n')}`, { cause: error });
    } finally {
      waiting.delete(look);
    }
  };
  try {
    const jid = await within(loginTimeoutMs, 'logging in', online.promise);
    const send = (xml: string): void => void client.write(`raw ${Buffer.from(xml).toString('base64')}`);
    return { jid, stanzas, verified, rejected, send, until, close };
  } catch (error) {
    await close();
    throw error;
  }
}
