/** A whole session in memory: two peers, a clock that moves when told to, and the product between them. Tests read as
 *  conversations: who says what, what the other one hears, which phases it took and how it ended. */
import { duplexPair, type Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { defaultAnswerLimits } from '../../src/session/awaited-answers.ts';
import { defaultDelayLimits } from '../../src/session/delay-queue.ts';
import type { ChannelBinding } from '../../src/session/facts.ts';
import type { Side } from '../../src/session/leg.ts';
import type { Negotiation, SessionOptions } from '../../src/session/machine.ts';
import { negotiationGuard } from '../../src/session/negotiation/guard.ts';
import { relaySasl } from '../../src/session/negotiation/relay-sasl.ts';
import type { CloseReason, SessionRefusal } from '../../src/session/observer.ts';
import type { Phase } from '../../src/session/phase.ts';
import type { XmppGatekeeper } from '../../src/session/phases/dialling.ts';
import { ReadBatch } from '../../src/session/read-batch.ts';
import { Rendering } from '../../src/session/rendering.ts';
import { Session, type SessionListener } from '../../src/session/session.ts';
import type { Schedule } from '../../src/session/timers.ts';
import { defaultUnacknowledgedLimits } from '../../src/session/unacknowledged.ts';
import { ConnectionEvidence } from '../../src/signals/connection-evidence.ts';
import type { ConnectionCapture } from '../../src/signals/saved-syn.ts';
import { xmppStanzas } from '../../src/stanza/protocol.ts';
import { defaultLimits } from '../../src/stream/limits.ts';
import { openWebSocket, WebSocketAcceptor, type WebSocketConnection } from '../../src/transport/websocket.ts';
import type { WriteStallWatch } from '../../src/transport/write-stall.ts';
import { newWorkspace, vocabulary } from '../support/scan.ts';
import {
  acceptance,
  frame,
  FrameReader,
  opcodes,
  textFrame,
  upgradeRequest,
} from '../support/websocket-frames.ts';
import { fewResumptions } from './few-resumptions.ts';

export const domain = 'capulet.example';

export interface ConversationOptions extends Partial<SessionOptions> {
  readonly tls?: SessionListener['tls'];
  /** Whether the client comes over WebSocket. */
  readonly overWebSocket?: boolean;
  /** Whether the gatekeeper is reached over WebSocket. */
  readonly toWebSocket?: boolean;
  /** Names in TLS that agree with any domain. */
  readonly sharedNames?: ReadonlySet<string>;
  /** SNI of the client's TLS. */
  readonly serverName?: string;
  readonly attestations?: XmppGatekeeper['attestations'];
  /** In place of a connection that is there at once. */
  readonly connect?: XmppGatekeeper['connect'];
  readonly negotiation?: Negotiation;
  /** `same-certificate` by default. */
  readonly channelBinding?: ChannelBinding;
}

/** Time that passes only when told to. */
export class ManualClock {
  now = 0;
  readonly #tasks = new Map<() => void, number>();

  readonly schedule: Schedule = (milliseconds, task) => {
    const entry = (): void => task();
    this.#tasks.set(entry, this.now + milliseconds);
    return () => this.#tasks.delete(entry);
  };

  /** Timers that are set. */
  get pending(): number {
    return this.#tasks.size;
  }

  advance(milliseconds: number): void {
    this.now += milliseconds;
    for (const [task, at] of [...this.#tasks].toSorted(([, one], [, other]) => one - other)) {
      if (at > this.now || !this.#tasks.delete(task)) continue;
      task();
    }
  }
}

/** One end of a connection in memory. The other end is the proxy's socket. */
export class Peer {
  /** What the proxy reads and writes. */
  readonly socket: Socket;
  /** Everything that the proxy has written. */
  heard = '';
  /** How the proxy has ended the connection. */
  ended: 'not' | 'closed' = 'not';
  readonly #stream: Duplex;

  constructor(clock: ManualClock) {
    const [near, far] = duplexPair();
    this.#stream = far;
    this.socket = withTimeout(near, clock);
    far.on('data', (bytes: Buffer) => this.hears(bytes));
    far.on('end', () => {
      this.ended = 'closed';
      far.end();
    });
    far.on('error', () => {});
  }

  protected hears(bytes: Buffer): void {
    this.heard += bytes.toString();
  }

  /** Writes, and lets everything happen that follows. */
  says(xml: string): Promise<void> {
    return this.sends(Buffer.from(xml));
  }

  async sends(bytes: Uint8Array): Promise<void> {
    this.#stream.write(bytes);
    await settled();
  }

  /** Ends its half without a closing tag. */
  async hangsUp(): Promise<void> {
    this.#stream.end();
    await settled();
  }

  /** Stops reading, and goes on. */
  stopsReading(): void {
    this.#stream.pause();
  }

  async readsOn(): Promise<void> {
    this.#stream.resume();
    await settled();
  }

  /** What it has heard since the last call. */
  news(): string {
    const news = this.heard;
    this.heard = '';
    return news;
  }
}

/** A client over WebSocket. What it hears are text messages, one a line. */
export class WebSocketPeer extends Peer {
  /** Every frame that it was sent. */
  readonly frames = new FrameReader();
  #head: string | undefined = '';

  /** Upgrades the connection. */
  upgrade(): WebSocketConnection {
    const acceptor = new WebSocketAcceptor(defaultLimits.stanzaBytesMax);
    return acceptor.accept(upgradeRequest(), this.socket, Buffer.alloc(0))!;
  }

  protected override hears(bytes: Buffer): void {
    if (this.#head !== undefined) {
      this.#head += bytes.toString('latin1');
      const end = this.#head.indexOf('\r\n\r\n');
      if (end === -1) return;
      const rest = Buffer.from(this.#head.slice(end + 4), 'latin1');
      this.#head = undefined;
      this.hears(rest);
      return;
    }
    for (const { opcode, payload } of this.frames.read(bytes))
      if (opcode === 1) this.heard += `${payload.toString()}\n`;
  }

  /** Sends one text message. */
  override says(xml: string): Promise<void> {
    return this.sends(textFrame(xml));
  }
}

/** A gatekeeper over WebSocket. What it hears are text messages, one a line. */
export class WebSocketGatekeeper extends Peer {
  /** Every frame that it was sent. */
  readonly frames = new FrameReader();
  #head: string | undefined = '';

  /** Opens the proxy's WebSocket to it. */
  connect(): Promise<WebSocketConnection> {
    const url = new URL('wss://xmpp.capulet.example/ws');
    return openWebSocket(this.socket as TLSSocket, url, defaultLimits.stanzaBytesMax);
  }

  protected override hears(bytes: Buffer): void {
    if (this.#head !== undefined) {
      this.#head += bytes.toString('latin1');
      if (!this.#head.endsWith('\r\n\r\n')) return;
      const head = this.#head;
      this.#head = undefined;
      void this.sends(Buffer.from(acceptance(head)));
      return;
    }
    for (const { opcode, payload } of this.frames.read(bytes)) {
      if (opcode === opcodes.text) this.heard += `${payload.toString()}\n`;
      if (opcode === opcodes.close) void this.sends(frame(payload, { opcode, masked: false }));
    }
  }

  /** Sends each line as one text message. */
  override says(xml: string): Promise<void> {
    const frames = xml.split('\n').map((line) => frame(line, { masked: false }));
    return this.sends(Buffer.concat(frames));
  }
}

/** A socket's idle timer, on the manual clock. */
function withTimeout(stream: Duplex, { schedule }: ManualClock): Socket {
  let rearm = (): void => {};
  stream.on('data', () => rearm());
  return Object.assign(stream, {
    setTimeout(milliseconds: number, task: () => void) {
      if (milliseconds === 0) return stream;
      let cancel = (): void => {};
      rearm = () => {
        cancel();
        cancel = schedule(milliseconds, task);
      };
      rearm();
      return stream;
    },
  }) as unknown as Socket;
}

/** Everything that is under way in streams and promises has happened. */
export async function settled(): Promise<void> {
  for (let round = 0; round < 6; round += 1) await new Promise((resolve) => setImmediate(resolve));
}

export class Conversation {
  readonly clock = new ManualClock();
  readonly client: Peer;
  readonly gatekeeper: Peer;
  readonly phases: Phase[] = [];
  readonly dialled: string[] = [];
  /** Which side was not read for a while, and why. */
  readonly paced: string[] = [];
  readonly session: Session;
  closed: CloseReason | undefined;
  refusal: SessionRefusal | undefined;
  /** Makes the watch find this side stalled. */
  readonly stall: Partial<Record<Side, () => void>> = {};

  constructor(options: ConversationOptions = {}) {
    const webSocket = options.overWebSocket === true ? new WebSocketPeer(this.clock) : undefined;
    this.client = webSocket ?? new Peer(this.clock);
    const server = options.toWebSocket === true ? new WebSocketGatekeeper(this.clock) : undefined;
    this.gatekeeper = server ?? new Peer(this.clock);
    const dialled = server ? () => server.connect() : () => Promise.resolve(this.gatekeeper.socket);
    const { sharedNames, tls = 'direct', serverName, attestations, connect = dialled } = options;
    const negotiation = options.negotiation ?? relaySasl({ attestations, connect });
    const route = {
      name: 'main',
      channelBinding: options.channelBinding ?? ('same-certificate' as const),
      protocol: xmppStanzas,
      negotiation,
    };
    const evidence = new ConnectionEvidence(
      { peer, local: peer, capture: {} as ConnectionCapture, header: undefined },
      { syn: false, clientHello: false, roundTrip: false },
    );
    if (webSocket !== undefined) evidence.noteHandshake({ ...handshake, serverName });
    this.session = new Session(
      { socket: this.client.socket, evidence, ...(webSocket && { webSocket: webSocket.upgrade() }) },
      { name: 'clients', tls, ...(sharedNames && { sharedNames }) },
      {
        ...shared,
        resumptions: fewResumptions(),
        now: () => this.clock.now,
        clock: () => this.clock.now,
        schedule: this.clock.schedule,
        route: (name) => (name === domain ? route : undefined),
        secure: (socket) => Promise.resolve({ socket, handshake: { ...handshake, serverName } }),
        writeStalls: this.#watch(),
        reads: new ReadBatch(),
        ...options,
      },
      {
        phase: (phase) => this.phases.push(phase),
        secured: () => {},
        dialled: (_, outcome) => this.dialled.push(outcome),
        stanza: () => {},
        bytes: () => {},
        padded: () => {},
        waited: () => {},
        equalised: () => {},
        paced: (side, resource) => this.paced.push(`${side} ${resource}`),
        closed: (reason, refusal) => {
          this.closed = reason;
          this.refusal = refusal;
        },
      },
    );
  }

  #watch(): WriteStallWatch {
    const watch = (socket: Socket, stalled: () => void): void => {
      this.stall[socket === this.client.socket ? 'client' : 'gatekeeper'] = stalled;
    };
    return { watch } as WriteStallWatch;
  }

  get phase(): Phase | undefined {
    return this.phases.at(-1);
  }

  /** Up to the gatekeeper's features. */
  async offered(): Promise<this> {
    await settled();
    await this.client.says(this.#clientOpens());
    await this.gatekeeper.says(this.#gatekeeperOpens());
    this.#forget();
    return this;
  }

  #clientOpens(): string {
    return this.client instanceof WebSocketPeer ? opensFrame() : opens();
  }

  #gatekeeperOpens(): string {
    return this.gatekeeper instanceof WebSocketGatekeeper
      ? `${opensFrame()}\n<stream:features xmlns:stream='http://etherx.jabber.org/streams'/>`
      : opens() + features();
  }

  /** Up to the new streams after SASL 1. */
  async restarted(): Promise<this> {
    await this.offered();
    await this.client.says(auth);
    await this.gatekeeper.says(success);
    this.#forget();
    return this;
  }

  async established(): Promise<this> {
    await this.restarted();
    await this.client.says(this.#clientOpens());
    await this.gatekeeper.says(this.#gatekeeperOpens());
    this.#forget();
    return this;
  }

  /** What was heard up to here is of no interest. */
  #forget(): void {
    this.client.news();
    this.gatekeeper.news();
  }

  /** Ends it, if need be, so that nothing of it outlives the test. */
  async over(): Promise<void> {
    this.session.shutDown();
    await this.session.done;
  }
}

const peer = { address: '192.0.2.1', port: 5222 };
const handshake = { milliseconds: 1, serverName: undefined, alpn: undefined, version: 'TLSv1.3' };

const workspace = newWorkspace();
const shared = {
  names: vocabulary,
  workspace,
  limits: defaultLimits,
  preAuthenticationLimits: { ...defaultLimits, stanzaBytesMax: 10_000 },
  filterHeader: (attributes: ReadonlyMap<string, string>) => attributes,
  regionOf: () => undefined,
  captured: () => {},
  stages: [negotiationGuard],
  rendering: new Rendering({ names: vocabulary, limits: defaultLimits, workspace: newWorkspace() }),
  delays: { ...defaultDelayLimits, ...defaultAnswerLimits, ...defaultUnacknowledgedLimits },
  preAuthenticationMs: 30_000,
  closeGraceMs: 50,
  idleMs: 0,
  rates: { stanzasPerSecond: 0, stanzaBurst: 0, bytesPerSecond: 0, paddingBytesPerSecond: 0, overLimitMs: 0 },
  sessionAgeMs: () => 0,
  overloaded: () => false,
  supportCode: () => '0000-0000',
};

// ---- what is said -----------------------------------------------------------------------------------------------------

/** A stream header. */
export function opens({ to = domain, version = '1.0', content = 'jabber:client' } = {}): string {
  return `<?xml version='1.0'?><stream:stream xmlns='${content}' xmlns:stream='http://etherx.jabber.org/streams' to='${to}' version='${version}'>`;
}

/** The frame that opens a stream over WebSocket. */
export function opensFrame({ to = domain, version = '1.0', more = '' } = {}): string {
  return `<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='${to}' version='${version}'${more}/>`;
}

export const closes = '</stream:stream>';
export const closesFrame = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";
export const auth =
  "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldAByMG0zMG15cjBtMzA=</auth>";
export const success = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
export const authenticate =
  "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>AGp1bGlldABy</initial-response></authenticate>";
export const success2 =
  "<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>juliet@capulet.example</authorization-identifier></success>";

export function features(inside = ''): string {
  return `<stream:features>${inside}</stream:features>`;
}

export function message(body: string): string {
  return `<message to='romeo@montague.example'><body>${body}</body></message>`;
}

/** Condition of the stream error in what was heard; undefined without one. */
export function conditionIn(heard: string): string | undefined {
  return /<stream:error[^>]*><([a-z-]+) /.exec(heard)?.[1];
}
