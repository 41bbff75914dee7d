import { randomBytes, X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket, type SecureContext } from 'node:tls';
import type { ProxyHeader } from '../../signals/proxy-protocol.ts';
import { ns } from '../../stanza/namespaces.ts';
import { attribute, element, is, type Element } from '../xml/element.ts';
import { skipWhitespace, StreamReader, type RefusedBecause, type StreamEvent } from '../xml/reader.ts';
import { escapeAttribute, serialise } from '../xml/write.ts';
import type { Settings, StanzaRecord } from './options.ts';
import { serverTls } from './server-tls.ts';

/** Stream error conditions that the gatekeeper sends (RFC 6120 §4.9.3). */
export type StreamCondition =
  | RefusedBecause
  | 'conflict'
  | 'connection-timeout'
  | 'host-unknown'
  | 'invalid-from'
  | 'invalid-namespace'
  | 'not-authorized'
  | 'unsupported-stanza-type'
  | 'unsupported-version';

/** Receives what a connection reads. */
export interface ConnectionHandlers {
  /** A valid stream header was read; the connection's own was sent. */
  onStream(): void;
  onElement(element: Element): void;
  /** The stream has ended, by either side. Called once. */
  onClosed(): void;
}

/** One client connection: bytes, the stream around them, and its end. Does not interpret stanzas. */
export class Connection {
  readonly id: number;
  /** The PROXY header that the listener received before the first byte of the client. */
  readonly proxyHeader: ProxyHeader | undefined;
  /** For the records only. */
  jid: string | undefined;
  readonly #settings: Settings;
  readonly #handlers: ConnectionHandlers;
  #socket: Socket;
  #reader: StreamReader;
  #state: 'open' | 'closing' = 'open';
  #headerSent = false;
  /** Bytes that were read after the element being handled. */
  #unread: Uint8Array = new Uint8Array(0);

  constructor(
    id: number,
    socket: Socket,
    settings: Settings,
    handlers: (connection: Connection) => ConnectionHandlers,
    proxyHeader?: ProxyHeader,
  ) {
    this.id = id;
    this.proxyHeader = proxyHeader;
    this.#settings = settings;
    this.#socket = socket;
    this.#reader = this.#createReader(settings.limits.preAuthStanzaBytesMax);
    this.#handlers = handlers(this);
    this.#listen(socket);
  }

  get isSecured(): boolean {
    return this.#socket instanceof TLSSocket;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Returns whether more than white space was read after the element being handled. RFC 6120 §5.3.3 forbids white
   *  space there too, but go-sendxmpp ends `<starttls/>` with a line feed. */
  get hasUnreadText(): boolean {
    return skipWhitespace(this.#unread, 0) < this.#unread.length;
  }

  /** Returns the peer's certificate in DER, when one of the configured authorities has issued it; undefined
   *  otherwise. */
  peerCertificate(): Buffer | undefined {
    const shown = this.#socket instanceof TLSSocket ? this.#socket.getPeerX509Certificate() : undefined;
    const { clientAuthorities = '' } = this.#settings;
    const known = certificatesIn(clientAuthorities).some(
      (authority) => shown !== undefined && shown.checkIssued(authority) && shown.verify(authority.publicKey),
    );
    return known ? shown?.raw : undefined;
  }

  /** Returns 32 bytes that only the two ends of this TLS session have (RFC 9266). */
  exportChannelBinding(): Buffer | undefined {
    if (!(this.#socket instanceof TLSSocket) || this.#socket.getProtocol() !== 'TLSv1.3') return undefined;
    return this.#socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
  }

  send(stanza: Element): void {
    this.#write(kindOf(stanza), serialise(stanza));
  }

  /** Makes the next byte start a new stream (RFC 6120 §4.3.3), with the limits of an authenticated one. */
  restart(): void {
    this.#reader = this.#createReader(this.#settings.limits.stanzaBytesMax, { isRestart: true });
    this.#headerSent = false;
  }

  /** Answers `<proceed/>` and does the handshake (RFC 6120 §5.4.2.3). The caller has checked `hasUnreadText`. */
  startTls(secureContext: SecureContext, onSecured: () => void): void {
    this.send(element(ns.tls, 'proceed'));
    const plain = this.#socket;
    plain.removeAllListeners('data');
    this.#unread = new Uint8Array(0);
    const secure = new TLSSocket(plain, serverTls(this.#settings, secureContext));
    secure.once('secure', onSecured);
    this.#socket = secure;
    this.#reader = this.#createReader(this.#settings.limits.preAuthStanzaBytesMax);
    this.#headerSent = false;
    this.#listen(secure);
  }

  /** Ends the stream with an error (RFC 6120 §4.9.1), after a header if none was sent. */
  fail(condition: StreamCondition, text?: string): void {
    if (!this.isOpen) return;
    this.#sendHeader(undefined);
    const children = [element(ns.streamErrors, condition)];
    if (text !== undefined) children.push(element(ns.streamErrors, 'text', {}, text));
    this.send(element(ns.streams, 'error', {}, ...children));
    this.close();
  }

  /** Ends the stream, and waits for the peer to do the same, for `closeTimeoutMs` milliseconds at most (RFC 6120
   *  §4.4). */
  close(): void {
    if (!this.isOpen) return;
    this.#sendHeader(undefined);
    this.#write('stream-end', '</stream:stream>');
    this.#leave();
    this.#socket.end();
    const socket = this.#socket;
    setTimeout(() => socket.destroy(), this.#settings.limits.closeTimeoutMs).unref();
  }

  #leave(): void {
    if (!this.isOpen) return;
    this.#state = 'closing';
    this.#handlers.onClosed();
  }

  #createReader(stanzaBytesMax: number, options = { isRestart: false }): StreamReader {
    return new StreamReader({ ...this.#settings.limits, stanzaBytesMax }, options);
  }

  #listen(socket: Socket): void {
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    socket.on('error', () => this.#leave());
    socket.on('end', () => this.#leave());
    socket.on('close', () => this.#leave());
  }

  #receive(bytes: Uint8Array): void {
    this.#unread = bytes;
    while (this.isOpen) {
      const { event, consumed } = this.#reader.read(this.#unread);
      this.#unread = this.#unread.subarray(consumed);
      if (event.kind === 'incomplete') return;
      this.#dispatch(event);
    }
  }

  #dispatch(event: Exclude<StreamEvent, { kind: 'incomplete' }>): void {
    if (event.kind === 'refused') return this.fail(event.condition);
    if (event.kind === 'header') return this.#receiveHeader(event);
    if (event.kind === 'end') {
      this.#record('received', 'stream-end', event.xml);
      return this.close();
    }
    this.#record('received', kindOf(event.element), event.xml);
    return this.#handlers.onElement(event.element);
  }

  #receiveHeader({ header, namespaces, xml }: Extract<StreamEvent, { kind: 'header' }>): void {
    this.#record('received', 'stream-header', xml);
    this.#sendHeader(header);
    const condition = headerFault(header, namespaces, this.#settings.domain);
    if (condition === undefined) this.#handlers.onStream();
    else this.fail(condition);
  }

  #sendHeader(request: Element | undefined): void {
    if (this.#headerSent) return;
    this.#headerSent = true;
    const to = request === undefined ? undefined : attribute(request, 'from');
    const attributes = [
      `from='${escapeAttribute(this.#settings.domain)}'`,
      ...(to === undefined ? [] : [`to='${escapeAttribute(to)}'`]),
      `id='${randomBytes(12).toString('hex')}'`,
      `version='1.0' xml:lang='en' xmlns='${ns.client}' xmlns:stream='${ns.streams}'`,
    ];
    this.#write('stream-header', `<?xml version='1.0'?><stream:stream ${attributes.join(' ')}>`);
  }

  #write(kind: StanzaRecord['kind'], xml: string): void {
    if (!this.isOpen) return;
    this.#record('sent', kind, xml);
    this.#socket.write(xml);
    if (this.#socket.writableLength > this.#settings.limits.queuedBytesMax) {
      this.#leave();
      this.#socket.destroy();
    }
  }

  #record(direction: StanzaRecord['direction'], kind: StanzaRecord['kind'], xml: string): void {
    this.#settings.onStanza({ connectionId: this.id, jid: this.jid, direction, kind, xml });
  }
}

/** Checks a client's stream header by RFC 6120 §4.7 and §4.8.
 *  @returns the error condition; undefined for a valid one */
function headerFault(
  header: Element,
  namespaces: Readonly<Record<string, string>>,
  domain: string,
): StreamCondition | undefined {
  if (!is(header, ns.streams, 'stream')) return 'invalid-namespace';
  if (!Object.values(namespaces).includes(ns.client)) return 'invalid-namespace';
  if (attribute(header, 'to')?.toLowerCase() !== domain) return 'host-unknown';
  const major = /^([0-9]+)\.[0-9]+$/.exec(attribute(header, 'version') ?? '')?.[1];
  return major === undefined || Number(major) < 1 ? 'unsupported-version' : undefined;
}

function kindOf(source: Element): 'stanza' | 'nonza' {
  return source.namespace === ns.client && ['message', 'presence', 'iq'].includes(source.local)
    ? 'stanza'
    : 'nonza';
}

function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}
