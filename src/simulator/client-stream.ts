/** The stream of a small client: STARTTLS or direct TLS with the certificate verified, SASL, and elements sent and
 *  awaited as text and trees. The content namespace is the caller's: stanzas of XMPP, or nodes of the chat channel. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { ns } from '../stanza/namespaces.ts';
import { SimulatorError } from './error.ts';
import { Inbox } from './inbox.ts';
import { bearerAbort, bearerMessage } from './sasl/oauthbearer.ts';
import { decodeBase64 } from './sasl/scram.ts';
import { scramClient } from './sasl/scram-client.ts';
import { attribute, child, element, elements, is, text, type Element } from './xml/element.ts';
import { StreamReader, type StreamEvent } from './xml/reader.ts';
import { escapeAttribute, noPrefixes, serialise, type Prefixes } from './xml/write.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly tls: 'starttls' | 'direct';
  /** PEM of the authorities to trust. */
  readonly ca: string;
  /** XMPP domain: `to` of the stream, and the name that the certificate must have. */
  readonly domain: string;
}

export interface StreamOptions {
  readonly endpoint: Endpoint;
  readonly username: string;
  /** A password for SCRAM, or a token for OAUTHBEARER. */
  readonly password?: string;
  readonly token?: string;
  /** Mechanism for the token. PLAIN has it in place of a password. Default: OAUTHBEARER. */
  readonly tokenMechanism?: 'OAUTHBEARER' | 'PLAIN';
  /** Whether to bind SCRAM to the TLS session (`tls-exporter`). `use` does where the server offers it; `absent`
   *  states that the client cannot (`n`); `claims-not-offered` states that it could and saw no offer (`y`). Default:
   *  `absent`. */
  readonly channelBinding?: 'absent' | 'claims-not-offered' | 'use';
  /** Milliseconds to wait for any one answer. Default: 10,000. */
  readonly timeoutMs?: number;
  /** Namespace of the content. Default: that of XMPP clients. */
  readonly namespace?: string;
  /** Prefixes that the stream header declares. Default: none but `stream`. */
  readonly prefixes?: Prefixes;
  /** Takes an element that the script does not await.
   *  @returns whether it is taken; the script can await the others later */
  readonly onUnawaited?: (element: Element) => boolean;
  /** Called with every element, before the script gets it. A SimulatorError of it ends the stream. */
  readonly onElement?: (received: Received) => void;
  /** Called with every stanza, nonza and header, as it is on the wire. */
  readonly onXml?: (direction: 'sent' | 'received', xml: string) => void;
}

/** One received stanza, as text and as a tree. */
export interface Received {
  readonly xml: string;
  readonly element: Element;
}

/** Connects, and opens a stream that TLS protects.
 *  @throws SimulatorError */
export async function openStream(options: StreamOptions): Promise<ClientStream> {
  const { endpoint } = options;
  const timeoutMs = options.timeoutMs ?? 10_000;
  const { host, port } = endpoint;
  const tcp = await connected(connectTcp({ host, port }), 'connect', timeoutMs);
  tcp.setNoDelay(true);
  if (endpoint.tls === 'direct') {
    const secure = await connected(connectTls(tlsOptions(endpoint, tcp)), 'secureConnect', timeoutMs);
    const stream = new ClientStream(secure, options);
    await stream.open();
    return stream;
  }
  const plain = new ClientStream(tcp, options);
  try {
    await plain.open();
    await plain.requestTls();
    const secure = await connected(connectTls(tlsOptions(endpoint, tcp)), 'secureConnect', timeoutMs);
    const stream = new ClientStream(secure, options);
    await stream.open();
    return stream;
  } catch (error) {
    plain.destroy();
    throw error;
  }
}

/** Returns the TLS options. The certificate must be the domain's, whatever the host (RFC 6120 §13.7.2, XEP-0368 §3). */
function tlsOptions({ ca, domain, tls }: Endpoint, socket: Socket) {
  // SNI cannot carry an address (RFC 6066 §3); the certificate is still checked against it.
  const name = isIP(domain) === 0 ? { servername: domain } : { host: domain };
  return { socket, ca, ...name, ...(tls === 'direct' ? { ALPNProtocols: ['xmpp-client'] } : {}) };
}

async function connected<S extends Socket>(socket: S, event: string, timeoutMs: number): Promise<S> {
  try {
    await once(socket, event, { signal: AbortSignal.timeout(timeoutMs) });
    return socket;
  } catch (cause) {
    socket.destroy();
    const reason = (cause as { code?: string }).code ?? 'no answer';
    throw new SimulatorError('ERR_SIMULATOR_CONNECT', `no connection to the endpoint: ${reason}`, { cause });
  }
}

/** The stanzas and nonzas of one connection. */
export class ClientStream {
  readonly #socket: Socket;
  readonly #options: StreamOptions;
  #reader = new StreamReader();
  /** Features of the open stream, set by `open`. */
  #features: Element | undefined;
  readonly #inbox = new Inbox<Received>();
  #hasEnded = false;
  #closing = false;
  readonly #receiveBytes = (bytes: Buffer) => this.#read(bytes);
  readonly closed: Promise<void>;

  constructor(socket: Socket, options: StreamOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('data', this.#receiveBytes);
    socket.on('error', () => this.#end('the connection broke'));
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#end('the server closed the connection');
        resolve();
      });
    });
  }

  /** Sends a stream header, and waits for the server's header and features (RFC 6120 §4.2, §4.3.2). */
  async open(): Promise<Element> {
    const { domain } = this.#options.endpoint;
    const { namespace = ns.client, prefixes = noPrefixes } = this.#options;
    const declared = [...prefixes].map(([name, prefix]) => ` xmlns:${prefix}='${name}'`).join('');
    const attributes = `to='${escapeAttribute(domain)}' version='1.0' xmlns='${namespace}'${declared}`;
    this.#write(`<?xml version='1.0'?><stream:stream ${attributes} xmlns:stream='${ns.streams}'>`);
    this.#features = (await this.receive((one) => is(one, ns.streams, 'features'))).element;
    return this.#features;
  }

  /** Requests TLS (RFC 6120 §5.4.2). Afterwards the socket belongs to the TLS layer.
   *  @throws SimulatorError `ERR_SIMULATOR_NEGOTIATION` */
  async requestTls(): Promise<void> {
    if (child(this.#features!, ns.tls, 'starttls') === undefined)
      throw new SimulatorError('ERR_SIMULATOR_NEGOTIATION', 'the server does not offer STARTTLS');
    this.send(element(ns.tls, 'starttls'));
    const { element: answer } = await this.receive((one) => one.namespace === ns.tls);
    if (answer.local !== 'proceed')
      throw new SimulatorError('ERR_SIMULATOR_NEGOTIATION', 'the server refuses STARTTLS');
    this.#socket.off('data', this.#receiveBytes);
  }

  /** Authenticates by SASL, and opens the stream that follows. */
  async authenticate(): Promise<void> {
    const { token } = this.#options;
    const offered = elements(child(this.#features!, ns.sasl, 'mechanisms') ?? this.#features!).map(text);
    if (token === undefined) await this.#authenticateByPassword(offered);
    else await this.#authenticateByToken(token, offered);
    this.#reader = new StreamReader();
    await this.open();
  }

  async #authenticateByToken(token: string, offered: readonly string[]): Promise<void> {
    const mechanism = this.#options.tokenMechanism ?? 'OAUTHBEARER';
    if (!offered.includes(mechanism))
      throw new SimulatorError('ERR_SIMULATOR_NEGOTIATION', `the server does not offer ${mechanism}`);
    const message =
      mechanism === 'PLAIN' ? Buffer.from(`\0${this.#options.username}\0${token}`) : bearerMessage(token);
    this.send(element(ns.sasl, 'auth', { mechanism }, message.toString('base64')));
    const { element: answer } = await this.receive((one) => one.namespace === ns.sasl);
    if (is(answer, ns.sasl, 'success')) return;
    if (!is(answer, ns.sasl, 'challenge')) throw refusedLogin(elements(answer)[0]?.local ?? answer.local);
    // The reason comes as a challenge; the server ends the exchange after its acknowledgement (RFC 7628 §3.2.3).
    this.send(element(ns.sasl, 'response', {}, bearerAbort.toString('base64')));
    await this.receive((one) => one.namespace === ns.sasl);
    throw refusedLogin(bearerStatus(text(answer)));
  }

  async #authenticateByPassword(offered: readonly string[]): Promise<void> {
    const plus = this.#options.channelBinding === 'use' && offered.includes('SCRAM-SHA-256-PLUS');
    const mechanism = plus ? 'SCRAM-SHA-256-PLUS' : 'SCRAM-SHA-256';
    if (!offered.includes(mechanism))
      throw new SimulatorError('ERR_SIMULATOR_NEGOTIATION', 'the server does not offer SCRAM-SHA-256');
    const scram = scramClient({
      hash: 'sha256',
      username: this.#options.username,
      password: this.#options.password ?? '',
      nonce: randomBytes(18).toString('base64'),
      channelBinding: this.#channelBinding(plus),
    });
    this.send(element(ns.sasl, 'auth', { mechanism }, scram.first().toString('base64')));
    const challenge = await this.#saslAnswer('challenge');
    this.send(element(ns.sasl, 'response', {}, scram.final(challenge).toString('base64')));
    scram.verify(await this.#saslAnswer('success'));
  }

  #channelBinding(plus: boolean): 'absent' | 'not-offered' | Buffer {
    if (plus && this.#socket instanceof TLSSocket)
      return this.#socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
    return (this.#options.channelBinding ?? 'absent') === 'absent' ? 'absent' : 'not-offered';
  }

  async #saslAnswer(expected: 'challenge' | 'success'): Promise<Buffer> {
    const { element: answer } = await this.receive((one) => one.namespace === ns.sasl);
    const data = answer.local === expected ? decodeBase64(text(answer)) : undefined;
    if (data !== undefined) return data;
    throw refusedLogin(elements(answer)[0]?.local ?? answer.local);
  }

  /** Binds a resource (RFC 6120 §7).
   *  @returns the full JID
   *  @throws SimulatorError `ERR_SIMULATOR_NEGOTIATION` */
  async bind(resource: string | undefined): Promise<string> {
    const wanted = resource === undefined ? [] : [element(ns.bind, 'resource', {}, resource)];
    const request = element(ns.bind, 'bind', {}, ...wanted);
    this.send(element(ns.client, 'iq', { type: 'set', id: 'bind' }, request));
    const { element: answer } = await this.receive((one) => attribute(one, 'id') === 'bind');
    const bound = child(child(answer, ns.bind, 'bind') ?? answer, ns.bind, 'jid');
    if (attribute(answer, 'type') !== 'result' || bound === undefined)
      throw new SimulatorError('ERR_SIMULATOR_NEGOTIATION', 'the server binds no resource');
    return text(bound);
  }

  /** Sends an element.
   *  @returns its text */
  send(stanza: Element): string {
    const { namespace, prefixes } = this.#options;
    return this.#write(serialise(stanza, namespace, prefixes));
  }

  /** Sends a text as it is. */
  write(xml: string): void {
    this.#write(xml);
  }

  receive(
    accepts: (stanza: Element) => boolean,
    timeoutMs = this.#options.timeoutMs ?? 10_000,
  ): Promise<Received> {
    return this.#inbox.receive(({ element: stanza }) => accepts(stanza), timeoutMs);
  }

  pending(): readonly Received[] {
    return this.#inbox.pending;
  }

  async close(): Promise<void> {
    if (!this.#closing && !this.#hasEnded) {
      this.#closing = true;
      this.#write('</stream:stream>');
      const cut = setTimeout(() => this.#socket.destroy(), this.#options.timeoutMs ?? 10_000);
      await this.closed;
      clearTimeout(cut);
    }
    await this.closed;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #write(xml: string): string {
    this.#options.onXml?.('sent', xml);
    this.#socket.write(xml);
    return xml;
  }

  #read(bytes: Uint8Array): void {
    let rest = bytes;
    while (!this.#hasEnded) {
      const { event, consumed } = this.#reader.read(rest);
      rest = rest.subarray(consumed);
      if (event.kind === 'incomplete') return;
      this.#dispatch(event);
    }
  }

  #dispatch(event: Exclude<StreamEvent, { kind: 'incomplete' }>): void {
    if (event.kind === 'refused') {
      this.#end(`the server sent a stream that is ${event.condition}`);
      this.#socket.destroy();
      return;
    }
    this.#options.onXml?.('received', event.xml);
    if (event.kind === 'end') {
      this.#end('the server ended the stream');
      this.#socket.end('</stream:stream>'.repeat(this.#closing ? 0 : 1));
    } else if (event.kind === 'element') this.#deliver({ xml: event.xml, element: event.element });
  }

  #deliver(received: Received): void {
    if (is(received.element, ns.streams, 'error')) {
      this.#end(`stream error ${elements(received.element)[0]?.local ?? 'without a condition'}`);
      this.#socket.end('</stream:stream>');
      return;
    }
    try {
      this.#options.onElement?.(received);
    } catch (error) {
      if (!(error instanceof SimulatorError)) throw error;
      this.#end(error.message);
      this.#socket.destroy();
      return;
    }
    if (this.#inbox.offer(received) || this.#options.onUnawaited?.(received.element) === true) return;
    this.#inbox.put(received);
  }

  /** Ends the stream. The first reason stays: a closed connection after a stream error adds nothing. */
  #end(reason: string): void {
    this.#hasEnded = true;
    this.#inbox.end(reason);
  }
}

function refusedLogin(answer: string): SimulatorError {
  return new SimulatorError('ERR_SIMULATOR_AUTHENTICATION', `the server answers ${answer}`);
}

/** Returns `status` of the error challenge (RFC 7628 §3.2.2). */
function bearerStatus(challenge: string): string {
  const reason = Buffer.from(challenge, 'base64').toString();
  return (
    /"status": ?"(invalid_request|invalid_token|insufficient_scope)"/.exec(reason)?.[1] ?? 'no known status'
  );
}
