/** A client of a script: @xmpp/client in this process. What the server asks of it is answered by the script only. */
import { randomUUID } from 'node:crypto';
import { setDefaultCACertificates } from 'node:tls';
import { client as xmppClient, xml as build, type Client, type Element } from '@xmpp/client';
import parse from '@xmpp/xml/lib/parse.js';
import type { Player } from './run.ts';
import type { ScriptClient } from './script.ts';
import { eventually, within } from '../support/wait.ts';

/** Where a client logs in, and how long it waits. */
export interface PlayerOptions {
  /** A port of the loopback, with STARTTLS. */
  readonly port: number;
  /** Milliseconds for a login, and for the answer to a ping. */
  readonly timeoutMs: number;
}

/** Lets clients of this thread trust these authorities and no others, in PEM: the library has no option for it. */
export function trust(authorities: readonly string[]): void {
  setDefaultCACertificates(authorities);
}

/** Logs in. Sends no presence: that is the script's.
 *  @throws Error when it cannot */
export async function connectPlayer(
  { local, domain, password, resource }: ScriptClient,
  { port, timeoutMs }: PlayerOptions,
): Promise<Player> {
  const client = xmppClient({
    service: `xmpp://127.0.0.1:${port}`,
    domain,
    username: local,
    // The library computes SCRAM in a second of processor time, for each login.
    credentials: (authenticate) => authenticate({ username: local, password }, 'PLAIN'),
    timeout: timeoutMs,
    ...(resource !== undefined && { resource }),
  });
  client.reconnect.stop();
  leaveQuestions(client);
  ignoreLateData(client);
  const record: Record = { received: [], pings: new Set(), failures: [] };
  client.on('error', (error) => record.failures.push(error));
  client.on('stanza', (stanza) => {
    if (!record.pings.delete(String(stanza.attrs['id']))) record.received.push(stanza.toString());
  });
  try {
    const address = await within(timeoutMs, 'logging in', client.start());
    record.received.length = 0;
    return play(client, String(address), record, timeoutMs);
  } catch (error) {
    await stop(client);
    throw error;
  }
}

/** Keeps the library from answering what a server or another client asks. */
function leaveQuestions(client: Client): void {
  client.middleware.use(({ stanza }, next) =>
    stanza.name === 'iq' && ['get', 'set'].includes(String(stanza.attrs['type']))
      ? new Promise(() => {})
      : next(),
  );
}

/** Keeps the library from throwing out of a socket's event: it does where bytes arrive after the end of the stream. */
function ignoreLateData(client: Client): void {
  const read = client._onData.bind(client);
  client._onData = (data) => {
    try {
      if (client.parser !== null) read(data);
    } catch (error) {
      client.emit('error', error as Error);
    }
  };
}

interface Record {
  readonly received: string[];
  /** Ids of pings that are not answered yet. */
  readonly pings: Set<string>;
  readonly failures: Error[];
}

function play(
  client: Client,
  fullJid: string,
  { received, pings, failures }: Record,
  timeoutMs: number,
): Player {
  return {
    fullJid,
    received,
    async send(xml) {
      const stanzas = parse(`<stanzas>${xml}</stanzas>`);
      for (const stanza of elementsOf(stanzas)) await client.send(withoutIndentation(stanza));
    },
    async settled() {
      const id = `settled-${randomUUID()}`;
      pings.add(id);
      await client.send(build('iq', { type: 'get', id }, build('ping', 'urn:xmpp:ping')));
      const answered = (): boolean => {
        if (pings.has(id) && client.parser === null)
          throw new Error(['the stream has ended', ...failures.map(String)].join('; '));
        return !pings.has(id);
      };
      await eventually(answered, timeoutMs, () => 'the answer to a ping');
    },
    close: () => stop(client),
  };
}

function elementsOf({ children }: Element): Element[] {
  return children.filter((child) => typeof child !== 'string');
}

/** Removes the white space between the elements of a stanza. */
function withoutIndentation(element: Element): Element {
  const inner = elementsOf(element);
  for (const child of inner) withoutIndentation(child);
  if (inner.length > 0)
    element.children = element.children.filter((child) => typeof child !== 'string' || child.trim() !== '');
  return element;
}

const logoutTimeoutMs = 3_000;

async function stop(client: Client): Promise<void> {
  await within(logoutTimeoutMs, 'log out', client.stop()).catch(() => {});
}
