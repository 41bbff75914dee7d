/** The steps of docs/clients.md: what a client does, and what its contact has seen of it, who is connected straight to the
 *  server. */
import { randomBytes } from 'node:crypto';
import { request } from 'node:https';
import { buffer } from 'node:stream/consumers';
import type { StanzaClient } from '../../peers/stanza-client.ts';
import type { Step, TableSession } from '../../peers/table-client.ts';
import type { Link } from '../../support/link.ts';
import { ask, bare, chat, fresh } from '../what-works/stage.ts';

export interface Scene {
  readonly session: TableSession;
  readonly contact: StanzaClient;
  /** The network that the client is connected through. */
  readonly network: Link;
  readonly domain: string;
  /** PEM of the authority of the server's certificates. */
  readonly authority: string;
  /** Bodies that the contact has sent to the client, or seen of it. */
  readonly exchanged: string[];
}

/** How a step went that did not fail. */
export type Success = 'works' | 'logs in again';

/** For clients that ask the server for several things first, on a machine under load. */
const patienceMs = 60_000;

/** Each throws an Error when the other side did not see what it should. Logging in is not here: a scene has it done. */
export const takeStep: Readonly<Record<Exclude<Step, 'log in'>, (scene: Scene) => Promise<Success>>> = {
  async 'message out'({ session, contact, exchanged }) {
    const body = `Farewell & ${fresh()}`;
    await session.send(bare(contact), body);
    await contact.until((xml) => xml.startsWith('<message') && xml.includes(escaped(body)), patienceMs);
    exchanged.push(body);
    return 'works';
  },
  async 'message in'({ session, contact, exchanged }) {
    const body = `Parting & ${fresh()}`;
    contact.send(chat(session.jid, `<body>${escaped(body)}</body>`));
    exchanged.push(body);
    await received(session, body);
    return 'works';
  },
  async 'encrypted message'({ session, contact }) {
    const body = fresh();
    const before = contact.stanzas.length;
    await session.sendEncrypted!(bare(contact), body);
    const seen = await contact.until(
      (xml, index) => index >= before && xml.startsWith('<message') && xml.includes('<encrypted'),
      patienceMs,
    );
    if (seen.includes(body)) throw new Error('the body is readable');
    return 'works';
  },
  async room({ session, contact, domain }) {
    const room = `${fresh()}@conference.${domain}`;
    await openRoom(contact, room);
    await session.join!(room, 'juliet');
    const occupant = new RegExp(`^<(presence|message) [^>]*from=["']${room}/juliet["']`);
    await contact.until((xml) => xml.startsWith('<presence') && occupant.test(xml), patienceMs);
    const body = fresh();
    await session.say!(room, body);
    await contact.until(
      (xml) => xml.startsWith('<message') && occupant.test(xml) && xml.includes(body),
      patienceMs,
    );
    return 'works';
  },
  async upload({ session, authority }) {
    const bytes = randomBytes(2_000);
    const url = await session.upload!(bytes, 'letter.png');
    if (!bytes.equals(await download(url, authority))) throw new Error('other bytes were stored');
    return 'works';
  },
  async archive({ session, contact, exchanged }) {
    const kept = await session.archive!(bare(contact));
    const missing = exchanged.filter((body) => !kept.some((each) => each.trimEnd() === body));
    if (exchanged.length === 0 || missing.length > 0)
      throw new Error(`${missing.length} of ${exchanged.length} messages are missing`);
    return 'works';
  },
  async resume({ session, contact, network }) {
    network.cut();
    const meanwhile = fresh();
    contact.send(chat(session.jid, `<body>${meanwhile}</body>`));
    const how = await session.comeBack!();
    // A session that is new has what came before it only where the server keeps messages.
    if (how === 'resumed') await received(session, meanwhile);
    const after = fresh();
    contact.send(chat(session.jid, `<body>${after}</body>`));
    await received(session, after);
    return how === 'resumed' ? 'works' : 'logs in again';
  },
};

/** Reads the client's messages until this one. */
async function received(session: TableSession, body: string): Promise<void> {
  while ((await session.receive(patienceMs)).body.trimEnd() !== body);
}

/** XEP-0045 §10.1.2: a room with the server's own defaults. */
async function openRoom(owner: StanzaClient, room: string): Promise<void> {
  owner.send(
    `<presence xmlns='jabber:client' to='${room}/romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>`,
  );
  await owner.until((xml) => xml.startsWith('<presence') && xml.includes(`${room}/romeo`));
  const form = "<x xmlns='jabber:x:data' type='submit'/>";
  await ask(owner, 'set', `<query xmlns='http://jabber.org/protocol/muc#owner'>${form}</query>`, room);
}

async function download(url: string, ca: string): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  request(url, { ca }, (response) => void buffer(response).then(resolve, reject))
    .on('error', reject)
    .end();
  return promise;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;');
}
