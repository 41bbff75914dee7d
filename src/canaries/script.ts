/** Sends canaries through streams of a proxy, with a client on one side and a scripted gatekeeper on the other. */
import { connect as connectTcp } from 'node:net';
import { connect } from 'node:tls';
import { escapeAttribute } from '../simulator/xml/write.ts';
import { ns } from '../stanza/namespaces.ts';
import type { Direction } from '../stanza/direction.ts';
import { exampleMediaOrigin, type Canary } from './canary.ts';
import { End, type WaitOutcome } from './end.ts';
import type { ScriptedGatekeeper } from './scripted-gatekeeper.ts';

/** What became of a canary on its way into the proxy. */
export type Sending =
  /** The proxy took it, and the session went on. */
  | 'sent'
  /** The proxy ended the session because of it. */
  | 'session-ended'
  /** The next message after it did not arrive in time. */
  | 'stuck';

export interface ScriptOptions {
  readonly gatekeeper: ScriptedGatekeeper;
  /** Port of a listener of the proxy with direct TLS. */
  readonly proxy: { readonly host: string; readonly port: number };
  /** PEM of the authorities that issued the proxy's certificate. */
  readonly ca: string;
  readonly domain: string;
  /** Origins of the media servers that the receiver of a direction must not learn, such as `https://127.0.0.1:4443`. */
  readonly mediaOrigins: Readonly<Record<Direction, string>>;
  /** Every byte that the client receives is added to it. */
  readonly received: Buffer[];
  /** Bound of one wait, in milliseconds. */
  readonly timeoutMs: number;
}

/** Values of a connection that are no stanza. */
interface ConnectionMarks {
  readonly from?: string | undefined;
  readonly lang?: string | undefined;
  readonly localAddress?: string | undefined;
  readonly alpn?: string | undefined;
  /** Cipher suites, in OpenSSL's words. */
  readonly ciphers?: string | undefined;
  /** Of the gatekeeper's header and features. */
  readonly id?: string | undefined;
  readonly gatekeeperLang?: string | undefined;
  readonly features?: string | undefined;
}

interface Ends {
  readonly client: End;
  readonly gatekeeper: End;
}

/** Account of the sessions that carry no account as a canary. */
const account = 'juliet';

/** Returns the message of SASL PLAIN (RFC 4616); the scripted gatekeeper takes whatever comes. */
function plainMessage(username: string): string {
  return Buffer.from(`\0${username}\0romeo`).toString('base64');
}

export class Script {
  readonly #options: ScriptOptions;
  readonly #outcomes = new Map<Canary, Sending>();
  #messages = 0;

  constructor(options: ScriptOptions) {
    this.#options = options;
  }

  /** Sends every canary that travels in a stream, and ends all sessions.
   *  @returns what became of each */
  async play(canaries: readonly Canary[]): Promise<ReadonlyMap<Canary, Sending>> {
    await this.#playConnection(
      canaries.filter(({ field }) => field.where === 'stream' || field.where === 'connection'),
    );
    const inStream = canaries.filter(({ field }) => field.where === 'stanza');
    for (const canary of inStream.filter(isNegotiation)) await this.#playNegotiation(canary);
    for (const direction of ['to-gatekeeper', 'to-client'] as const)
      await this.#playEstablished(
        direction,
        inStream.filter((canary) => !isNegotiation(canary) && canary.direction === direction),
      );
    return this.#outcomes;
  }

  /** Sends the address of a file in a session of its own.
   *  @returns the address as it arrived; undefined where the message did not arrive */
  async sendAddress(direction: Direction, url: string): Promise<string | undefined> {
    const ends = await this.#establish();
    const address = direction === 'to-gatekeeper' ? 'to' : 'from';
    const message = `<message ${address}='files@${this.#options.domain}' type='chat'><body>${url}</body></message>`;
    const outcome = await this.#sync(ends, direction, message);
    const { taken } = direction === 'to-gatekeeper' ? ends.gatekeeper : ends.client;
    await this.#close(ends);
    return outcome === 'sent' ? /<body>(https:[^<]*)</.exec(taken)?.[1] : undefined;
  }

  /** One session whose connection and headers carry the values that are in no stanza. */
  async #playConnection(canaries: readonly Canary[]): Promise<void> {
    const of = (field: string, direction: Direction): string | undefined =>
      canaries.find((each) => each.field.name === field && each.direction === direction)?.text;
    const ends = await this.#open({
      from: of('stream.from', 'to-gatekeeper'),
      lang: of('stream.lang', 'to-gatekeeper'),
      localAddress: of('conn.client-ip', 'to-gatekeeper'),
      alpn: of('conn.sni-alpn', 'to-gatekeeper'),
      ciphers: of('conn.tls-fingerprint', 'to-gatekeeper'),
      id: of('stream.id', 'to-client'),
      gatekeeperLang: of('stream.lang', 'to-client'),
      features: of('stream.features', 'to-client'),
    });
    await this.#authenticate(ends, of('stream.from', 'to-gatekeeper')?.split('@', 1)[0]);
    // With a bound resource every cache of the account is in use.
    const bind = `<iq type='set' id='bind'><bind xmlns='${ns.bind}'><resource>orchard</resource></bind></iq>`;
    const presence =
      "<presence><show>away</show></presence><iq type='get' id='ping'><ping xmlns='urn:xmpp:ping'/></iq>";
    const outcome = await this.#sync(ends, 'to-gatekeeper', bind + presence);
    for (const canary of canaries) this.#outcomes.set(canary, outcome);
    await this.#close(ends);
  }

  async #playNegotiation(canary: Canary): Promise<void> {
    const { timeoutMs } = this.#options;
    const ends = await this.#open();
    const { client, gatekeeper } = ends;
    const [from, to] = canary.direction === 'to-gatekeeper' ? [client, gatekeeper] : [gatekeeper, client];
    if (from === gatekeeper) await this.#requestAuthentication(ends, account);
    from.write(canary.text);
    // The element itself shows that it came; the marker may not come with it.
    const [tag] = /^<[\w-]+/.exec(canary.text)!;
    this.#outcomes.set(canary, sendingOf(await to.until(tag, timeoutMs)));
    await this.#close(ends);
  }

  async #playEstablished(direction: Direction, canaries: readonly Canary[]): Promise<void> {
    let ends: Ends | undefined;
    for (const canary of canaries) {
      ends ??= await this.#establish();
      const isManaged = canary.text.startsWith('<enabled ');
      if (isManaged) await this.#requestManagement(ends);
      const stanza = addressed(canary, this.#options.domain);
      const origin = this.#options.mediaOrigins[direction];
      const outcome = await this.#sync(ends, direction, stanza.replaceAll(exampleMediaOrigin, origin));
      this.#outcomes.set(canary, outcome);
      // Stream management is enabled once per stream (XEP-0198 §3).
      if (outcome === 'sent' && !isManaged) continue;
      await this.#close(ends);
      ends = undefined;
    }
    if (ends !== undefined) await this.#close(ends);
  }

  /** Asks for stream management, so that the answer is expected (XEP-0198 §3). */
  async #requestManagement({ client, gatekeeper }: Ends): Promise<void> {
    client.write(`<enable xmlns='${ns.sm}' resume='true'/>`);
    await gatekeeper.until('<enable ', this.#options.timeoutMs);
  }

  /** Sends a text and a message to another contact after it, and waits for that message. */
  async #sync({ client, gatekeeper }: Ends, direction: Direction, text: string): Promise<Sending> {
    const { domain, timeoutMs } = this.#options;
    const [from, to] = direction === 'to-gatekeeper' ? [client, gatekeeper] : [gatekeeper, client];
    const body = `after ${++this.#messages}.`;
    const address = direction === 'to-gatekeeper' ? `to='sync@${domain}'` : `from='sync@${domain}'`;
    from.write(`${text}<message ${address} type='chat'><body>${body}</body></message>`);
    return sendingOf(await to.until(body, timeoutMs));
  }

  async #establish(): Promise<Ends> {
    const ends = await this.#open();
    await this.#authenticate(ends);
    return ends;
  }

  /** Connects, and brings both streams to the point where authentication begins. */
  async #open(marks: ConnectionMarks = {}): Promise<Ends> {
    const { gatekeeper: server, proxy, ca, domain, received, timeoutMs } = this.#options;
    const tcp = connectTcp({
      ...proxy,
      noDelay: true,
      allowHalfOpen: true,
      ...(marks.localAddress === undefined ? {} : { localAddress: marks.localAddress }),
    });
    tcp.on('error', () => {});
    const ALPNProtocols = ['xmpp-client', ...(marks.alpn === undefined ? [] : [marks.alpn])];
    const ciphers = marks.ciphers === undefined ? {} : { ciphers: marks.ciphers };
    const tls = connect({ socket: tcp, ca, servername: domain, ALPNProtocols, ...ciphers });
    const client = new End(tls, received);
    client.write(header({ to: domain, from: marks.from, lang: marks.lang }));
    const gatekeeper = await server.next();
    await gatekeeper.until('<stream:stream', timeoutMs);
    gatekeeper.write(header({ from: domain, id: marks.id ?? '1', lang: marks.gatekeeperLang }));
    gatekeeper.write(
      `<stream:features><mechanisms xmlns='${ns.sasl}'><mechanism>PLAIN</mechanism></mechanisms>` +
        `<connection-signals xmlns='${ns.signals}'/>${marks.features ?? ''}</stream:features>`,
    );
    await client.until('</stream:features>', timeoutMs);
    return { client, gatekeeper };
  }

  async #authenticate({ client, gatekeeper }: Ends, username = account): Promise<void> {
    const { domain, timeoutMs } = this.#options;
    await this.#requestAuthentication({ client, gatekeeper }, username);
    gatekeeper.write(`<success xmlns='${ns.sasl}'/>`);
    await client.until('<success', timeoutMs);
    client.write(header({ to: domain }));
    await gatekeeper.until('<stream:stream', timeoutMs);
    gatekeeper.write(`${header({ from: domain, id: '2' })}<stream:features/>`);
    await client.until('features', timeoutMs);
  }

  async #requestAuthentication({ client, gatekeeper }: Ends, username: string): Promise<void> {
    client.write(`<auth xmlns='${ns.sasl}' mechanism='PLAIN'>${plainMessage(username)}</auth>`);
    await gatekeeper.until('</auth>', this.#options.timeoutMs);
  }

  async #close({ client, gatekeeper }: Ends): Promise<void> {
    const { timeoutMs } = this.#options;
    await Promise.all([client.close(timeoutMs), gatekeeper.close(timeoutMs)]);
  }
}

/** Returns whether the canary is an element of an authentication (RFC 6120 §6, XEP-0388). */
function isNegotiation({ text }: Canary): boolean {
  const root = /^<[^>]*>/.exec(text)?.[0] ?? '';
  return root.includes(`'${ns.sasl}'`) || root.includes(`'${ns.sasl2}'`);
}

function sendingOf(outcome: WaitOutcome): Sending {
  if (outcome === 'heard') return 'sent';
  return outcome === 'closed' ? 'session-ended' : 'stuck';
}

/** Removes the sender's address from what a client sends: its server knows it. Stanzas of the gatekeeper come from a
 *  contact. The marker stays. */
function addressed({ direction, text, marker }: Canary, domain: string): string {
  if (!/^<(message|presence|iq) /.test(text)) return text;
  const [root] = /^<[^>]*>/.exec(text)!;
  const keep = (attribute: string): boolean =>
    new RegExp(` ${attribute}='[^']*${marker.value}`).test(root) || !root.includes(` ${attribute}='`);
  const without = keep('from') ? root : root.replace(/ from='[^']*'/, '');
  if (direction === 'to-gatekeeper') return without + text.slice(root.length);
  const withFrom = without.includes(" from='")
    ? without
    : without.replace(/^<\w+/, `$& from='romeo@${domain}/orchard'`);
  return withFrom + text.slice(root.length);
}

function header(attributes: Readonly<Record<string, string | undefined>>): string {
  const written = Object.entries(attributes).flatMap(([name, value]) =>
    value === undefined ? [] : [` ${name === 'lang' ? 'xml:lang' : name}='${escapeAttribute(value)}'`],
  );
  return `<?xml version='1.0'?><stream:stream xmlns='${ns.client}' xmlns:stream='${ns.streams}' version='1.0'${written.join('')}>`;
}
