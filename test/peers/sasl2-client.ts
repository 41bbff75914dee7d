/** @xmpp/client, with every element of its authentications: SASL 2, Bind 2, FAST, and inline resumption. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loginEnvironment, type Login, type PeerClient } from './client.ts';
import { Inbox, type ReceivedMessage } from './inbox.ts';
import { startProcess } from './process.ts';
import { eventually, within } from '../support/wait.ts';

const loginTimeoutMs = 45_000;
const logoutTimeoutMs = 3_000;

export class Sasl2Client {
  readonly jid: string;
  /** Every full JID that the client got, in order; a resumed stream gets none. */
  readonly bound: string[] = [];
  /** The elements of its authentications, in order, with `>` for those that it sent and `<` for those it received. */
  readonly elements: string[] = [];
  /** What it reports, lost connections too. */
  readonly failures: string[] = [];
  readonly #inbox: Inbox;
  readonly #folder: string;
  readonly #process: ReturnType<typeof startProcess>;

  private constructor(login: Login, folder: string, authorityFile: string) {
    this.jid = `${login.user}@${login.domain}`;
    this.#inbox = new Inbox(this.jid);
    this.#folder = folder;
    const script = fileURLToPath(new URL('./javascript/sasl2.mjs', import.meta.url));
    const environment = loginEnvironment(login, this.jid, authorityFile);
    const command = { program: process.execPath, args: [script], environment, folder };
    this.#process = startProcess({ ...command, log: join(folder, 'client.log') }, (line) => this.#hear(line));
  }

  /** Logs in, and sends presence. */
  static async logIn(login: Login): Promise<Sasl2Client> {
    const folder = await mkdtemp(join(tmpdir(), 'narthex-sasl2-'));
    const authorityFile = join(folder, 'authority.pem');
    await writeFile(authorityFile, login.authority);
    const client = new Sasl2Client(login, folder, authorityFile);
    try {
      await client.until(() => client.bound.length > 0, 'log in');
      return client;
    } catch (cause) {
      const told = [...client.failures, client.#process.logTail()].join('\n');
      await client.close();
      throw new Error(`${String(cause)}\n${told}`, { cause });
    }
  }

  #hear(line: string): void {
    const [event, first = '', second = ''] = line.split(' ');
    if (event === 'online') this.bound.push(first);
    if (event === 'sent') this.elements.push(`> ${decode(first)}`);
    if (event === 'received') this.elements.push(`< ${decode(first)}`);
    if (event === 'failed') this.failures.push(decode(first));
    if (event === 'message') this.#inbox.add({ from: first, body: decode(second) });
  }

  /** Waits for a state. */
  async until(holds: () => boolean, what: string): Promise<void> {
    await eventually(holds, loginTimeoutMs, () => `${this.jid}: ${what}`);
  }

  /** Waits for the end of an authentication.
   *  @returns its request, and its success or failure */
  async authenticated(): Promise<{ readonly request: string; readonly outcome: string }> {
    const isOutcome = (xml: string): boolean => /^< <(?:success|failure)/.test(xml);
    await this.until(() => this.elements.some(isOutcome), 'an answer to its authentication');
    const elements = this.elements.splice(0, this.elements.findIndex(isOutcome) + 1);
    return { request: elements.find((xml) => xml.startsWith('> <auth')) ?? '', outcome: elements.at(-1)! };
  }

  send(to: string, body: string): void {
    this.#process.write(`send ${to} ${Buffer.from(body, 'utf8').toString('base64')}`);
  }

  receive(timeoutMs?: number): Promise<ReceivedMessage> {
    return this.#inbox.next(timeoutMs);
  }

  /** Logs out and in, in a new session. */
  beginAnew(): void {
    this.#process.write('anew');
  }

  async close(): Promise<void> {
    this.#process.closeInput();
    await within(logoutTimeoutMs, 'log out', this.#process.ended).catch(() => this.#process.stop());
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Sends a message in each direction. Earlier ones may come again: a server repeats what was not acknowledged in time. */
export async function talk(one: Sasl2Client, other: PeerClient, body: string): Promise<void> {
  one.send(other.jid, body);
  while ((await other.receive()).body !== body);
  other.send(one.jid, body);
  while ((await one.receive()).body !== body);
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
