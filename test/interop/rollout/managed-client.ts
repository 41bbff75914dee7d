/** A client with stream management (XEP-0198) that keeps to the specification: it counts, acknowledges, keeps what was not
 *  acknowledged, connects again after every end, resumes, and where that fails sends again in a new session what the
 *  server has not said to have handled. Messages are numbered. */
import { connect, type TLSSocket } from 'node:tls';
import type { Random } from '../../support/random.ts';
import { streamHeader } from '../../support/raw-client.ts';

export interface ManagedClientOptions {
  readonly port: number;
  readonly ca: string;
  readonly domain: string;
  readonly user: string;
  readonly password: string;
  /** Undefined for one that the server chooses. */
  readonly resource: string | undefined;
  readonly random: Random;
}

const sm = 'urn:xmpp:sm:3';
/** Between the end of a connection and the next attempt: like phones, not all at once. */
const againMs = { least: 50, most: 500 };

/** A stanza that was sent and not acknowledged; `number` of a message. */
interface Sent {
  readonly xml: string;
  readonly number: number | undefined;
}

export class ManagedClient {
  readonly #options: ManagedClientOptions;
  #socket: TLSSocket | undefined;
  #stopped = false;
  #buffer = '';
  /** Handles the next element. */
  #next: (name: string, xml: string) => void = () => {};
  #handled = 0;
  #acknowledged = 0;
  #unacknowledged: Sent[] = [];
  /** Sent again once the new session counts. */
  #unsent: Sent[] = [];
  #id: string | undefined;
  #counting = false;
  #number = 0;
  #wasOnline = false;
  readonly #online = Promise.withResolvers<void>();

  /** Numbers of messages that the server has acknowledged. */
  readonly confirmed = new Set<number>();
  /** How often each message was received: by sender and number. */
  readonly received = new Map<string, Map<number, number>>();
  /** Messages that came back as an error. */
  returned = 0;
  resumed = 0;
  newSessions = 0;
  /** Errors of streams, by condition. */
  readonly errors: string[] = [];
  /** Resolves with the first session. */
  readonly online = this.#online.promise;

  constructor(options: ManagedClientOptions) {
    this.#options = options;
    this.#connect();
  }

  get sent(): number {
    return this.#number;
  }

  /** Messages that the server has not acknowledged. */
  get open(): number {
    return this.#number - this.confirmed.size;
  }

  /** Sends the next numbered message; while the client is offline it waits. */
  send(to: string): void {
    this.#number += 1;
    const { user } = this.#options;
    const xml = `<message to='${to}' type='chat' id='${user}-${this.#number}'><body>${user} ${this.#number}</body></message>`;
    this.#send({ xml, number: this.#number });
  }

  /** Resets the connection, as a network does that goes away. */
  cut(): void {
    this.#socket?.destroy();
  }

  /** Resets the connection and gives the session up, as an app does that is started anew with what it had not sent. */
  startAnew(): void {
    this.#id = undefined;
    this.#unsent = [
      ...this.#unacknowledged.splice(0).filter(({ number }) => number !== undefined),
      ...this.#unsent,
    ];
    this.#counting = false;
    this.#socket?.destroy();
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.destroy();
  }

  #send(stanza: Sent): void {
    if (!this.#counting) {
      this.#unsent.push(stanza);
      return;
    }
    this.#unacknowledged.push(stanza);
    this.#socket?.write(`${stanza.xml}<r xmlns='${sm}'/>`);
  }

  // ---- a connection -------------------------------------------------------------------------------------------------

  #connect(): void {
    const { port, ca, domain } = this.#options;
    const socket = connect({
      host: '127.0.0.1',
      port,
      ca,
      servername: domain,
      ALPNProtocols: ['xmpp-client'],
    });
    this.#socket = socket;
    this.#buffer = '';
    this.#counting = false;
    this.#next = this.#authenticate;
    socket.setNoDelay(true);
    socket.on('secureConnect', () => socket.write(streamHeader(domain)));
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => this.#read(chunk.toString()));
    socket.on('end', () => socket.end());
    socket.once('close', () => {
      this.#counting = false;
      if (this.#stopped) return;
      const { least, most } = againMs;
      setTimeout(() => this.#stopped || this.#connect(), least + this.#options.random.below(most - least));
    });
  }

  #read(text: string): void {
    this.#buffer += text;
    for (;;) {
      this.#buffer = this.#buffer.replace(/^\s*(?:<\?xml[^>]*\?>\s*)?(?:<stream:stream [^>]*>)?\s*/, '');
      const found = /^<([a-z:]+)(?:[^>]*?\/>|[^>]*[^/]>[^]*?<\/\1>|>[^]*?<\/\1>)/.exec(this.#buffer);
      if (found === null) return;
      this.#buffer = this.#buffer.slice(found[0].length);
      if (found[1] === 'stream:error') this.errors.push(/<([a-z-]+) /.exec(found[0].slice(14))?.[1] ?? '');
      else this.#next(found[1]!, found[0]);
    }
  }

  readonly #authenticate = (): void => {
    const { user, password } = this.#options;
    const response = Buffer.from(`\0${user}\0${password}`).toString('base64');
    this.#socket!.write(
      `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${response}</auth>`,
    );
    this.#next = this.#restart;
  };

  readonly #restart = (name: string, xml: string): void => {
    if (name !== 'success') throw new Error(`${this.#options.user}: ${xml}`);
    this.#socket!.write(streamHeader(this.#options.domain));
    this.#next = this.#begin;
  };

  readonly #begin = (): void => {
    if (this.#id === undefined) this.#bind();
    else {
      this.#socket!.write(`<resume xmlns='${sm}' previd='${this.#id}' h='${this.#handled}'/>`);
      this.#next = this.#whetherResumed;
    }
  };

  readonly #whetherResumed = (name: string, xml: string): void => {
    const count = /\bh=['"](\d+)['"]/.exec(xml)?.[1];
    if (count !== undefined) this.#acknowledge(Number(count));
    const rest = this.#unacknowledged;
    if (name === 'resumed') {
      this.resumed += 1;
      this.#counting = true;
      this.#next = this.#established;
      this.#socket!.write(`${rest.map(({ xml: again }) => again).join('')}<r xmlns='${sm}'/>`);
      this.#sendUnsent();
    } else {
      this.#unacknowledged = [];
      this.#unsent = [...rest.filter(({ number }) => number !== undefined), ...this.#unsent];
      this.#bind();
    }
  };

  #bind(): void {
    this.#id = undefined;
    const { resource: wanted } = this.#options;
    const resource = wanted === undefined ? '' : `<resource>${wanted}</resource>`;
    this.#socket!.write(
      `<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>${resource}</bind></iq>`,
    );
    this.#next = (_name, xml) => {
      if (!xml.includes('<jid>')) return;
      this.#socket!.write(`<enable xmlns='${sm}' resume='true'/>`);
      this.#next = this.#whetherEnabled;
    };
  }

  readonly #whetherEnabled = (name: string, xml: string): void => {
    // A stanza before it is not counted.
    if (name !== 'enabled') return;
    this.#id = /\bid=['"]([^'"]+)['"]/.exec(xml)?.[1];
    this.#handled = 0;
    this.#acknowledged = 0;
    this.#counting = true;
    if (this.#wasOnline) this.newSessions += 1;
    this.#wasOnline = true;
    this.#next = this.#established;
    this.#send({ xml: '<presence/>', number: undefined });
    this.#sendUnsent();
    this.#online.resolve();
  };

  #sendUnsent(): void {
    for (const stanza of this.#unsent.splice(0)) this.#send(stanza);
  }

  readonly #established = (name: string, xml: string): void => {
    if (name === 'r') this.#socket!.write(`<a xmlns='${sm}' h='${this.#handled}'/>`);
    else if (name === 'a') this.#acknowledge(Number(/\bh=['"](\d+)['"]/.exec(xml)![1]));
    else if (/^(?:message|presence|iq)$/.test(name)) this.#take(name, xml);
  };

  #take(name: string, xml: string): void {
    this.#handled += 1;
    if (name !== 'message') return;
    if (/^<message [^>]*\btype=['"]error['"]/.test(xml)) this.returned += 1;
    else {
      const [, from, number] = /<body>(\S+) (\d+)<\/body>/.exec(xml) ?? [];
      if (from === undefined) return;
      const ofSender = this.received.get(from) ?? new Map<number, number>();
      this.received.set(from, ofSender);
      ofSender.set(Number(number), (ofSender.get(Number(number)) ?? 0) + 1);
    }
  }

  #acknowledge(count: number): void {
    const handled = this.#unacknowledged.splice(0, count - this.#acknowledged);
    this.#acknowledged = count;
    for (const { number } of handled) if (number !== undefined) this.confirmed.add(number);
  }
}
