/** A client as the table of docs/clients.md drives it: the steps that people take with any messenger. Each client is a
 *  file of `table/`, listed in `table/clients.ts`. */
import type { Login } from './client.ts';
import type { ReceivedMessage } from './inbox.ts';
import type { PeerName } from './require.ts';

/** In the order in which they are taken: the last one loses the connection. */
export const steps = [
  'log in',
  'message out',
  'message in',
  'encrypted message',
  'room',
  'upload',
  'archive',
  'resume',
] as const;

export type Step = (typeof steps)[number];

export type Transport = 'starttls' | 'direct' | 'websocket';

export interface TableClient {
  readonly name: string;
  readonly needs: readonly PeerName[];
  readonly transports: readonly Transport[];
  /** Steps that the client cannot take, each with the reason in plain words for the page ('has no OMEMO'). */
  readonly cannot: Readonly<Partial<Record<Step, string>>>;
  /** Resolves when the client is online. With `login.reconnects` it connects again after a lost connection.
   *  @throws Error with the reason, when it does not come online */
  logIn(login: Login): Promise<TableSession>;
}

/** A client that is logged in. What a client cannot do is missing, and has its reason in `cannot`. */
export interface TableSession {
  /** The bare JID. */
  readonly jid: string;
  send(to: string, body: string): Promise<void>;
  /** The next one-to-one message received, in order of arrival. */
  receive(timeoutMs?: number): Promise<ReceivedMessage>;
  /** Sends an OMEMO message (XEP-0384); the contact receives an `<encrypted/>` and no readable body. */
  sendEncrypted?(to: string, body: string): Promise<void>;
  /** Called after the test cut the connection: resolves when the client is online again, and says by which way. */
  comeBack?(): Promise<'resumed' | 'logged in again'>;
  /** Joins a room (XEP-0045). */
  join?(room: string, nick: string): Promise<void>;
  /** Sends to a room that it has joined. */
  say?(room: string, body: string): Promise<void>;
  /** Uploads a file (XEP-0363) through the server and resolves with the address of GET. */
  upload?(bytes: Uint8Array, name: string): Promise<string>;
  /** Bodies of the archive with a contact (XEP-0313), oldest first. */
  archive?(contact: string): Promise<readonly string[]>;
  close(): Promise<void>;
}
