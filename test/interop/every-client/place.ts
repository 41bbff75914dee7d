/** Where a client is tried: a server with many accounts, each used once, so that one cell does not see what another left. */
import { loginTo } from '../../peers/client.ts';
import { publishOmemoKeys } from '../../peers/omemo-keys.ts';
import type { PeerServer } from '../../peers/server.ts';
import { ejabberd, prosody, prosody13, type ServerKind } from '../../peers/servers.ts';
import { xmppJsPlainStanzas, type StanzaClient } from '../../peers/stanza-client.ts';
import { ask, bare } from '../what-works/stage.ts';
import type { Finding } from './cells.ts';

export const tableServers: readonly ServerKind[] = [prosody, prosody13, ejabberd];

export interface Place {
  readonly server: PeerServer;
  /** The number of the next pair of accounts. */
  next(): number;
  /** What was found straight at the server, by client and transport. */
  readonly straight: Map<string, Promise<readonly Finding[]>>;
  close(): Promise<void>;
}

const attempts = 3;

/** @param pairs how many accounts are made, two by two */
export async function openPlace(kind: ServerKind, pairs: number): Promise<Place> {
  const accounts: Record<string, string> = {};
  for (let pair = 1; pair <= pairs; pair += 1) {
    accounts[`juliet${pair}`] = `R0m30, wherefore ${pair}?`;
    accounts[`romeo${pair}`] = `But soft ${pair}! What's l1ght`;
  }
  // As docs/channel-binding.md has Prosody 13: without the module it refuses clients that could bind channels.
  const modules = kind === prosody13 ? ['no_channel_binding'] : [];
  const options = { plain: true, uploads: true, webSocket: true, accounts, modules };
  const server = await kind.start(options);
  let used = 0;
  return { server, next: () => (used += 1), straight: new Map(), close: () => server.close() };
}

/** Two accounts that are contacts of each other, with keys for OMEMO at the one who is logged in, and an archive that keeps
 *  everything at the other: the client under test begins like one that was used before. */
export interface Meeting {
  /** Localpart of the account that is free for the client. */
  readonly user: string;
  /** Straight at the server. */
  readonly contact: StanzaClient;
}

/** @throws Error when it fails with one pair after another. @xmpp/client now and then miscounts at its login, and the
 *  server ends the stream (xmpp-js-count.test.ts). */
export async function meet({ server, next }: Place): Promise<Meeting> {
  for (let attempt = 1; ; attempt += 1) {
    const pair = next();
    const user = `juliet${pair}`;
    const open: StanzaClient[] = [];
    const enter = async (name: string): Promise<StanzaClient> => {
      const client = await xmppJsPlainStanzas.logIn(loginTo(server, name, 'starttls'));
      open.push(client);
      return client;
    };
    try {
      const contact = await enter(`romeo${pair}`);
      const other = await enter(user);
      await befriend(other, contact);
      await ask(other, 'set', "<prefs xmlns='urn:xmpp:mam:2' default='always'/>");
      await publishOmemoKeys(contact);
      await other.close();
      return { user, contact };
    } catch (error) {
      for (const each of open) await each.close();
      if (attempt === attempts) throw error;
    }
  }
}

async function befriend(...two: readonly [StanzaClient, StanzaClient]): Promise<void> {
  for (const each of two) {
    await each.until((xml) => xml.startsWith('<presence') && xml.includes(each.jid));
    // Servers tell of subscriptions to those who have asked for their contacts.
    await ask(each, 'get', "<query xmlns='jabber:iq:roster'/>");
  }
  for (const [from, to] of [two, two.toReversed() as [StanzaClient, StanzaClient]]) {
    await presence(from, 'subscribe', to);
    await presence(to, 'subscribed', from);
  }
}

async function presence(from: StanzaClient, type: string, to: StanzaClient): Promise<void> {
  from.send(`<presence xmlns='jabber:client' type='${type}' to='${bare(to)}'/>`);
  const told = new RegExp(`^<presence [^>]*type=["']${type}["']`);
  await to.until((xml) => told.test(xml));
}
