/** One client connection and the one gatekeeper connection that lives and dies with it.
 *
 *  A session takes TLS from the client, reads the stream header, dials the gatekeeper of the named domain, and then
 *  relays: bytes are scanned, stanzas judged, verdicts carried out. Both directions are the same code (`relay`);
 *  their differences are data. Whatever happens to one side happens to the other. */
import type { Socket } from 'node:net';
import { randomUUID } from 'node:crypto';
import type { ClientHelloProgress } from '../signals/client-hello-reader.ts';
import type { ConnectionEvidence, HandshakeFacts } from '../signals/connection-evidence.ts';
import { signalsElement } from '../signals/nonza.ts';
import type { Direction } from '../stanza/direction.ts';
import { StreamError } from '../stanza/error.ts';
import type { Names } from '../stanza/names.ts';
import { ns } from '../stanza/namespaces.ts';
import { noClaims, type OwnershipClaims } from '../stanza/ownership-claims.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { StreamHeader } from '../stream/header.ts';
import type { StreamLimits } from '../stream/limits.ts';
import { Scanner, type ScannerSink } from '../stream/scanner.ts';
import type { Workspace } from '../stream/workspace.ts';
import { writeClose, writeError, writeHeader } from '../stream/write.ts';
import { endGracefully, onPeerEnd } from '../transport/close.ts';
import type { WriteStallWatch } from '../transport/write-stall.ts';
import type { GatekeeperAttestations } from './signals/attestations.ts';
import type { CloseReason, SessionObserver } from './observer.ts';
import { StreamWriter } from './stream-writer.ts';
import type { Phase } from './phase.ts';
import { accountAfter, boundAddress } from './authentication/account.ts';
import type { HeaderView } from './policy/header-policy.ts';
import { Relay, type RelayHost, type RelayOptions } from './relay.ts';
import type { Naming, StageContext } from './stage.ts';

/** A gatekeeper as a session needs it. */
export interface GatekeeperRoute {
  /** The operator's name for it. */
  readonly name: string;
  readonly channelBinding: StageContext['channelBinding'];
  /** What it is told of its clients' connections; undefined when nothing. */
  readonly attestations: GatekeeperAttestations | undefined;
  /** Connects for one session, of a client as `evidence` says: TLS is up, no stream is open.
   *  @throws StreamError ERR_GATEKEEPER_…, ERR_SIGNALS_…, or the signal's reason. */
  connect(domain: string, signal: AbortSignal, evidence: ConnectionEvidence): Promise<Socket>;
}

/** A client's connection with TLS on it. */
export interface SecuredConnection {
  readonly socket: Socket;
  readonly handshake: HandshakeFacts;
}

/** What every session of a process shares. */
export interface SessionOptions extends RelayOptions {
  readonly names: Names;
  readonly workspace: Workspace;
  readonly limits: StreamLimits;
  readonly preAuthenticationLimits: StreamLimits;
  /** What each side sees of the other's stream header. */
  readonly seeHeader: HeaderView;
  /** The gatekeeper of an XMPP domain, or undefined when it is not ours. */
  readonly route: (domain: string) => GatekeeperRoute | undefined;
  /** Takes TLS from a client, and tells its first flight to whoever asks. @throws StreamError */
  readonly secure: (
    socket: Socket,
    signal: AbortSignal,
    onClientHello: ((progress: ClientHelloProgress) => void) | undefined,
  ) => Promise<SecuredConnection>;
  /** Hears of each connection whose TLS is up. Nothing of it may be written down but whether it was seen. */
  readonly captured: (evidence: ConnectionEvidence) => void;
  readonly writeStalls: WriteStallWatch;
  /** From accept until SASL success, in milliseconds. */
  readonly preAuthenticationMs: number;
  /** For a peer to answer the end of a stream, in milliseconds. */
  readonly closeGraceMs: number;
  /** Without any byte from the client, in milliseconds; 0 for no limit. */
  readonly idleMs: number;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

/** Where a session was accepted. */
export interface SessionListener {
  /** The operator's name for it. */
  readonly name: string;
  readonly tls: 'direct' | 'starttls';
}

/** A connection to begin a session on. */
export interface AcceptedConnection {
  readonly socket: Socket;
  readonly evidence: ConnectionEvidence;
}

/** One side of a session. */
interface Leg {
  readonly side: 'client' | 'gatekeeper';
  /** The direction of what is read here. */
  readonly direction: Direction;
  readonly socket: Socket;
  readonly scanner: Scanner;
  readonly writer: StreamWriter;
  /** Bytes read while reading was not wanted. */
  unread: Uint8Array | undefined;
  /** Whether it has yet to take what was written. */
  draining: boolean;
  /** Reasons for which it is not read. */
  pauses: number;
}

export class Session implements RelayHost {
  phase: Phase = 'securing';
  domain = '';
  account = '';
  resource = '';
  naming: Naming = { shownResource: undefined };
  claims = noClaims;
  id: string = randomUUID();
  startedAt: number;
  /** The operator's name for the listener. */
  readonly listener: string;
  /** Settles when both connections are gone. */
  readonly done: Promise<CloseReason>;
  readonly #options: SessionOptions;
  readonly #observer: SessionObserver;
  readonly #abort = new AbortController();
  readonly #settle: (reason: CloseReason) => void;
  readonly #relay: Relay;
  #route: GatekeeperRoute | undefined;
  #client: Leg | undefined;
  #gatekeeper: Leg | undefined;
  #accepted: Socket;
  #reason: CloseReason | undefined;
  #preAuthentication: NodeJS.Timeout;
  readonly #evidence: ConnectionEvidence;
  #accountSettled = false;
  /** The gatekeeper's features are to be answered with a statement about the connection, before anything of the
   *  client's is read. */
  #attesting = false;

  /** Takes over a connection that was just accepted. */
  constructor(
    { socket, evidence }: AcceptedConnection,
    { name, tls }: SessionListener,
    options: SessionOptions,
    observer: SessionObserver,
  ) {
    this.listener = name;
    this.startedAt = options.clock();
    this.#options = options;
    this.#observer = observer;
    this.#accepted = socket;
    this.#evidence = evidence;
    const { promise, resolve } = Promise.withResolvers<CloseReason>();
    this.done = promise;
    this.#settle = resolve;
    this.#preAuthentication = setTimeout(() => {
      const { preAuthenticationMs } = options;
      this.#refuse(
        new StreamError('connection-timeout', { code: 'ERR_PRE_AUTH_TIMEOUT', preAuthenticationMs }),
        'client',
      );
    }, options.preAuthenticationMs);
    this.#relay = new Relay(this, options);
    observer.phase('securing');
    if (tls === 'direct') void this.#secure(socket);
    else this.#offerStartTls(socket);
  }

  get gatekeeper(): string {
    return this.#route?.name ?? '';
  }

  get channelBinding(): StageContext['channelBinding'] {
    return this.#route!.channelBinding;
  }

  /** Ends the session from the proxy's side, telling both peers why. */
  shutDown(): void {
    this.#refuse(new StreamError('system-shutdown', { code: 'ERR_SHUTDOWN' }), 'client');
  }

  // ---- the client's TLS -------------------------------------------------------------------------------------------

  /** Answers the first stream with the only feature there is without TLS (RFC 6120 §5.3.1). */
  #offerStartTls(socket: Socket): void {
    let asked = false;
    const leg = this.#open(socket, 'client', {
      header: (header) => {
        leg.writer.write(this.#ownHeader(header));
        leg.writer.open = true;
        leg.writer.write(
          Buffer.from(
            `<stream:features><starttls xmlns='${ns.tls}'><required/></starttls></stream:features>`,
          ),
        );
      },
      stanza: (stanza) => {
        if (!stanza.is(0, ns.tls, 'starttls'))
          throw new StreamError('policy-violation', { code: 'ERR_STARTTLS_REQUIRED' });
        asked = true;
        leg.scanner.halt();
      },
      whitespace: () => {},
      end: () => this.#clientClosed(),
    });
    const read = (chunk: Uint8Array): void => {
      this.#guarded(leg, () => {
        const taken = leg.scanner.push(chunk);
        if (!asked) {
          leg.writer.flush();
          return;
        }
        socket.off('data', read).pause();
        // Whatever follows in clear text could be injected by anybody (RFC 6120 §5.4.3.3). A line end is nothing yet:
        // some clients write one behind each element.
        if (!isWhitespaceOnly(chunk.subarray(taken)) || socket.readableLength > 0)
          throw new StreamError('policy-violation', { code: 'ERR_STARTTLS_PIPELINED' });
        leg.writer.write(Buffer.from(`<proceed xmlns='${ns.tls}'/>`));
        leg.writer.flush();
        void this.#secure(socket);
      });
    };
    // Behind a load balancer it was paused when its header had been read.
    socket.on('data', read).resume();
  }

  async #secure(socket: Socket): Promise<void> {
    const started = this.#options.now();
    // From here on the plain socket belongs to the handshake: nothing may be said in clear text any more.
    this.#client = undefined;
    try {
      const evidence = this.#evidence;
      const noteClientHello = evidence.wantsClientHello
        ? (progress: ClientHelloProgress): void => evidence.noteClientHello(progress)
        : undefined;
      const secured = await this.#options.secure(socket, this.#abort.signal, noteClientHello);
      if (this.#reason !== undefined) {
        secured.socket.destroy();
        return;
      }
      this.#observer.secured('client', 'ok', this.#options.now() - started);
      evidence.noteHandshake(secured.handshake);
      this.#options.captured(evidence);
      this.#client = this.#open(secured.socket, 'client', this.#routingSink());
      this.#enter('routing');
      this.#read(this.#client);
    } catch (error) {
      if (this.#reason !== undefined) return;
      const refusal = asStreamError(error);
      this.#observer.secured('client', refusal.code, this.#options.now() - started);
      // There is no TLS to say anything through.
      socket.destroy();
      this.#end(refusal.code);
    }
  }

  // ---- routing and dialling ---------------------------------------------------------------------------------------

  /** Waits for the client's stream header. */
  #routingSink(): ScannerSink {
    return {
      header: (header) => {
        this.#client!.scanner.halt();
        void this.#connect(header);
      },
      stanza: () => {
        throw new StreamError('not-authorized', { code: 'ERR_NEGOTIATION' });
      },
      whitespace: () => {},
      end: () => this.#clientClosed(),
    };
  }

  async #connect(header: StreamHeader): Promise<void> {
    const started = this.#options.now();
    let dialling = false;
    try {
      this.#route = this.#chooseRoute(header);
      this.#enter('dialling');
      dialling = true;
      const socket = await this.#route.connect(this.domain, this.#abort.signal, this.#evidence);
      this.#observer.dialled(this.#route.name, 'ok', this.#options.now() - started);
      dialling = false;
      if (this.#reason !== undefined) {
        socket.destroy();
        return;
      }
      this.#gatekeeper = this.#open(socket, 'gatekeeper', this.#relaySink('gatekeeper'));
      this.#attesting = this.#route.attestations?.overStream === true;
      this.#enter('authenticating');
      this.#client!.scanner.sink = this.#relaySink('client');
      this.#sendHeader(this.#gatekeeper, header);
      this.#gatekeeper.writer.flush();
      this.#read(this.#gatekeeper);
      if (!this.#attesting) this.#resume(this.#client!);
    } catch (error) {
      if (this.#reason !== undefined) return;
      const refusal = asStreamError(error);
      if (dialling) this.#observer.dialled(this.gatekeeper, refusal.code, this.#options.now() - started);
      this.#refuse(refusal, 'client', header);
    }
  }

  /** RFC 6120 §4.7.2, §4.9.3.6; XEP-0368: the name in TLS and the one in the stream must agree. */
  #chooseRoute({ attributes, scope }: StreamHeader): GatekeeperRoute {
    if (scope.contentNamespace !== ns.client)
      throw new StreamError('invalid-namespace', { code: 'ERR_STREAM_HEADER' });
    if (!/^1\.[0-9]+$/.test(attributes.get('version') ?? ''))
      throw new StreamError('unsupported-version', { code: 'ERR_STREAM_VERSION' });
    const domain = (attributes.get('to') ?? '').toLowerCase();
    const route = this.#options.route(domain);
    if (route === undefined) throw new StreamError('host-unknown', { code: 'ERR_UNKNOWN_DOMAIN' });
    const serverName = this.#evidence.handshake?.serverName;
    if (serverName !== undefined && serverName.toLowerCase() !== domain)
      throw new StreamError('host-unknown', { code: 'ERR_SNI_MISMATCH' });
    this.domain = domain;
    return route;
  }

  // ---- relaying ---------------------------------------------------------------------------------------------------

  /** What is read on one leg, judged and put out on the other. */
  #relaySink(side: Leg['side']): ScannerSink {
    const direction: Direction = side === 'client' ? 'to-gatekeeper' : 'to-client';
    const peer = side === 'client' ? (): Leg => this.#gatekeeper! : (): Leg => this.#client!;
    return {
      header: (header) => this.#sendHeader(peer(), header),
      stanza: (stanza) => {
        this.#learn(stanza, direction);
        this.#observer.stanza(direction, stanza.kind);
        if (this.#attesting && side === 'gatekeeper') this.#attest(stanza);
        this.#relay.take(stanza, direction);
      },
      // Never in the middle of an authentication (XEP-0388 §2.6).
      whitespace: () => {
        if (this.phase === 'established') peer().writer.write(keepAlive);
      },
      end: () => (side === 'client' ? this.#clientClosed() : this.#gatekeeperClosed()),
    };
  }

  /** Answers the first features with the statement, which so goes before anything of the client's. */
  #attest(features: Stanza): void {
    if (!features.is(0, ns.streams, 'features')) return;
    this.#attesting = false;
    const { names } = this.#options;
    const offered = features.child(0, names.namespace(ns.signals), names.local(signalsElement)) !== -1;
    const { writer, socket } = this.#gatekeeper!;
    const nonza = this.#route!.attestations!.nonza(this.#evidence, socket, offered);
    if (nonza !== undefined) writer.write(nonza);
  }

  writer(direction: Direction): StreamWriter {
    return direction === 'to-gatekeeper' ? this.#gatekeeper!.writer : this.#client!.writer;
  }

  /** Writes to both sides. Whoever does not take it is not read any more, nor is who made it so much. */
  flush(): void {
    if (this.#reason !== undefined || this.#client === undefined || this.#gatekeeper === undefined) return;
    this.#flush(this.#client, this.#gatekeeper);
    this.#flush(this.#gatekeeper, this.#client);
  }

  guarded(step: () => void): void {
    if (this.#reason !== undefined) return;
    this.#guarded(this.#client!, step);
  }

  resume({ id, startedAt, account, resource, naming }: Parameters<RelayHost['resume']>[0]): void {
    this.id = id;
    this.naming = naming;
    this.startedAt = startedAt;
    this.account = account;
    this.resource = resource;
    this.#accountSettled = true;
  }

  settleClaims(claims: OwnershipClaims): void {
    this.claims = claims;
  }

  identify(account: string): void {
    if (!this.#accountSettled) this.account = account;
  }

  /** Whose session this is: claimed by the client first, settled by the gatekeeper. */
  #learn(stanza: Stanza, direction: Direction): void {
    if (this.#accountSettled) return;
    if (direction === 'to-gatekeeper') {
      if (this.phase === 'authenticating') this.account = accountAfter(this.account, stanza, this.domain);
      return;
    }
    const bound = boundAddress(stanza);
    if (bound === undefined) return;
    this.account = bound.account;
    this.resource = bound.resource;
    // SASL 2 may tell the account before it has a resource.
    this.#accountSettled = bound.resource !== '';
  }

  /** A stream error ends the session. SASL success changes the phase; with SASL 1 both streams begin anew behind it
   *  (RFC 6120 §6.4.6), with SASL 2 they go on (XEP-0388 §2.6). */
  passed(stanza: Stanza, direction: Direction): void {
    if (direction !== 'to-client') return;
    if (stanza.is(0, ns.streams, 'error')) {
      // Nothing may follow it (RFC 6120 §4.9.1.1), and no other error come beside it.
      this.#gatekeeper!.scanner.halt();
      this.#gatekeeperClosed();
      return;
    }
    if (this.phase !== 'authenticating') return;
    if (stanza.is(0, ns.sasl, 'success')) {
      const client = this.#client!.scanner;
      if (!client.atBoundary || this.#client!.unread !== undefined)
        throw new StreamError('policy-violation', { code: 'ERR_RESTART_PIPELINED' });
      this.#authenticated('restarting');
      client.restart();
      this.#gatekeeper!.scanner.restart();
    } else if (stanza.is(0, ns.sasl2, 'success')) {
      this.#authenticated('established');
    }
  }

  #authenticated(phase: 'restarting' | 'established'): void {
    clearTimeout(this.#preAuthentication);
    for (const leg of [this.#client!, this.#gatekeeper!]) leg.scanner.limits = this.#options.limits;
    if (this.#options.idleMs > 0) {
      this.#client!.socket.setTimeout(this.#options.idleMs, () =>
        this.#refuse(new StreamError('connection-timeout', { code: 'ERR_IDLE_TIMEOUT' }), 'client'),
      );
    }
    this.#enter(phase);
  }

  #sendHeader(to: Leg, header: StreamHeader): void {
    if (header.scope.contentNamespace !== ns.client)
      throw new StreamError('invalid-namespace', { code: 'ERR_STREAM_HEADER' });
    if (this.phase === 'restarting') {
      if (
        to.side === 'gatekeeper' &&
        (header.attributes.get('to') ?? this.domain).toLowerCase() !== this.domain
      )
        throw new StreamError('host-unknown', { code: 'ERR_UNKNOWN_DOMAIN' });
      if (to.side === 'client') this.#enter('established');
    }
    const direction: Direction = to.side === 'gatekeeper' ? 'to-gatekeeper' : 'to-client';
    to.writer.write(writeHeader(this.#options.seeHeader(header.attributes, direction, this.gatekeeper)));
    to.writer.open = true;
  }

  // ---- reading ----------------------------------------------------------------------------------------------------

  #open(socket: Socket, side: Leg['side'], sink: ScannerSink): Leg {
    const { names, workspace, preAuthenticationLimits, writeStalls } = this.#options;
    const scanner = new Scanner({ names, workspace, limits: preAuthenticationLimits, sink });
    const direction: Direction = side === 'client' ? 'to-gatekeeper' : 'to-client';
    const leg: Leg = {
      side,
      direction,
      socket,
      scanner,
      writer: new StreamWriter(socket),
      unread: undefined,
      draining: false,
      pauses: 0,
    };
    onPeerEnd(socket, () => {
      if (leg === this.#client || leg === this.#gatekeeper) this.#peerLost(side);
    });
    writeStalls.watch(socket, () => this.#end('ERR_WRITE_STALL'));
    if (side === 'client') this.#client = leg;
    return leg;
  }

  #read(leg: Leg): void {
    leg.socket.on('data', (chunk: Uint8Array) => this.#take(leg, chunk));
  }

  #take(leg: Leg, chunk: Uint8Array): void {
    if (this.phase === 'closing') return;
    this.#observer.bytes(leg.direction, chunk.length);
    if (this.phase === 'dialling' || (this.#attesting && leg.side === 'client')) {
      this.#keep(leg, chunk);
      return;
    }
    const attesting = this.#attesting;
    this.#guarded(leg, () => {
      const taken = leg.scanner.push(chunk);
      if (taken < chunk.length) this.#keep(leg, chunk.subarray(taken));
      this.flush();
    });
    if (attesting && !this.#attesting && this.#reason === undefined) this.#resume(this.#client!);
  }

  /** While the gatekeeper is dialled the client is still read, so that its leaving is seen, but not beyond what a
   *  stanza may hold. */
  #keep(leg: Leg, chunk: Uint8Array): void {
    leg.unread = leg.unread === undefined ? chunk : Buffer.concat([leg.unread, chunk]);
    if (leg.unread.length > leg.scanner.limits.stanzaBytesMax) leg.socket.pause();
  }

  /** Backpressure: whoever sends too fast is not read until the other side has taken what there is; whoever does not
   *  read our answers is not read either. */
  #flush(to: Leg, from: Leg): void {
    if (to.writer.flush() || to.draining) return;
    to.draining = true;
    from.pauses += 1;
    to.pauses += 1;
    from.socket.pause();
    to.socket.pause();
    to.socket.once('drain', () => {
      to.draining = false;
      for (const leg of [from, to]) {
        leg.pauses -= 1;
        if (leg.pauses === 0) leg.socket.resume();
      }
    });
  }

  #resume(leg: Leg): void {
    const { unread } = leg;
    leg.unread = undefined;
    if (unread !== undefined) this.#take(leg, unread);
    // It may have turned out meanwhile that the other side is slow.
    if (leg.pauses === 0) leg.socket.resume();
  }

  // ---- ending -----------------------------------------------------------------------------------------------------

  /** Runs a step of one leg; what it refuses ends the session. */
  #guarded(leg: Leg, step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#refuse(asStreamError(error), leg.side);
    }
  }

  /** Ends both streams because of an error that `side` caused: it is told the condition, the other side only that
   *  the stream is over (RFC 6120 §4.9.1). */
  #refuse(error: StreamError, side: Leg['side'], answered?: StreamHeader): void {
    if (this.#reason !== undefined) return;
    const client = this.#client;
    if (client !== undefined && client.socket.writable) {
      if (!client.writer.open) {
        client.writer.write(this.#ownHeader(answered));
        client.writer.open = true;
      }
      const condition = side === 'client' ? error.condition : 'remote-connection-failed';
      client.writer.write(writeError(condition, explanations[error.code]));
      client.writer.flush();
    }
    const gatekeeper = this.#gatekeeper;
    if (gatekeeper?.writer.open === true && gatekeeper.socket.writable) {
      gatekeeper.writer.write(side === 'gatekeeper' ? writeError(error.condition) : writeClose());
      gatekeeper.writer.flush();
    }
    this.#end(error.code);
  }

  /** The client sent its closing tag. */
  #clientClosed(): void {
    if (this.#reason !== undefined) return;
    this.#closeStreams();
    this.#end('client-closed');
  }

  /** A connection ended without a closing tag. A gatekeeper's had an accident, which the client is told. Of a client
   *  the gatekeeper must not hear that it closed its stream, or there would be nothing to resume (XEP-0198 §5). */
  #peerLost(side: Leg['side']): void {
    if (this.#reason !== undefined) return;
    if (side === 'gatekeeper')
      this.#refuse(new StreamError('remote-connection-failed', { code: 'ERR_GATEKEEPER_CLOSED' }), 'client');
    else this.#end('client-closed');
  }

  /** The gatekeeper sent its closing tag. */
  #gatekeeperClosed(): void {
    if (this.#reason !== undefined) return;
    this.#closeStreams();
    this.#end('gatekeeper-closed');
  }

  /** Both closing tags (RFC 6120 §4.4). */
  #closeStreams(): void {
    for (const leg of [this.#client, this.#gatekeeper]) {
      if (leg?.writer.open !== true || !leg.socket.writable) continue;
      leg.writer.write(writeClose());
      leg.writer.flush();
    }
  }

  #end(reason: CloseReason): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#relay.end();
    this.#enter('closing');
    clearTimeout(this.#preAuthentication);
    this.#abort.abort(new Error('the session is over'));
    const { closeGraceMs } = this.#options;
    const sockets = new Set([this.#client?.socket ?? this.#accepted, this.#gatekeeper?.socket]);
    sockets.delete(undefined);
    const ends = [...sockets].map((socket) => endGracefully(socket!, { closeGraceMs }));
    this.#client?.writer.close();
    this.#gatekeeper?.writer.close();
    void this.#finish(Promise.all(ends), reason);
  }

  async #finish(ends: Promise<unknown>, reason: CloseReason): Promise<void> {
    await ends;
    this.#observer.closed(reason);
    this.#settle(reason);
  }

  #enter(phase: Phase): void {
    this.phase = phase;
    this.#observer.phase(phase);
  }

  /** A header of our own, where there is none of the gatekeeper's to pass on. */
  #ownHeader(answered: StreamHeader | undefined): Uint8Array {
    const to = answered?.attributes.get('to') ?? '';
    const from = this.#options.route(to.toLowerCase()) === undefined ? [] : [['from', to] as const];
    return writeHeader(new Map([...from, ['id', randomUUID()], ['version', '1.0']]));
  }
}

const keepAlive = Buffer.from(' ');

const noStatement =
  'The messaging server cannot be told what this connection looks like, which it must be; its operator and that of ' +
  'this service have to agree on how.';

/** What a client is told beside the condition. */
const explanations: Readonly<Partial<Record<StreamError['code'], string>>> = {
  ERR_GATEKEEPER_UNREACHABLE: 'The messaging server cannot be reached; try again later.',
  ERR_GATEKEEPER_CLOSED: 'The messaging server has closed the connection.',
  ERR_UNKNOWN_DOMAIN: 'This service does not serve that domain.',
  ERR_SNI_MISMATCH: 'The server name in TLS is not the domain of the stream.',
  ERR_STARTTLS_REQUIRED: 'STARTTLS comes first.',
  ERR_CHANNEL_BINDING:
    'Channel binding cannot pass this intermediary. The messaging server must not offer it (disable_sasl_mechanisms), ' +
    'or the intermediary must present its certificate or authenticate by itself.',
  ERR_CHANNEL_BINDING_FLAG:
    'The messaging server can bind channels and refuses clients that can too but see no such offer. Channel binding ' +
    'must be switched off there altogether, or the intermediary must present its certificate or authenticate by itself.',
  ERR_REAUTHENTICATION_OFFER: 'The messaging server does not take ownership tokens.',
  ERR_AUTHENTICATION_ATTEMPTS: 'Too many attempts to authenticate.',
  ERR_SHUTDOWN: 'Connect again.',
  ERR_SIGNALS_NOT_OFFERED: noStatement,
  ERR_SIGNALS_TLS_VERSION: noStatement,
  ERR_SIGNALS_CERTIFICATE: noStatement,
  ERR_SIGNALS_NO_KEY: noStatement,
  ERR_SIGNALS_TOO_LARGE: noStatement,
};

function isWhitespaceOnly(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09);
}

function asStreamError(error: unknown): StreamError {
  if (error instanceof StreamError) return error;
  return new StreamError('internal-server-error', { code: 'ERR_INTERNAL' });
}
