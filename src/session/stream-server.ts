/** The stream side of the proxy: its listeners, its live sessions, and its shutdown. */
import type { Socket } from 'node:net';
import { ConnectionEvidence, type Arrival, type CaptureSwitches } from '../signals/connection-evidence.ts';
import type { BalancerFields } from '../signals/evidence.ts';
import type { SynCapture } from '../signals/saved-syn.ts';
import type { Admission, RefusalCode } from '../transport/admission.ts';
import {
  listen,
  type Balancers,
  type Listener,
  type ListenRefusal,
  type SynVisibility,
} from '../transport/listen.ts';
import type { WebSocketConnection } from '../transport/websocket.ts';
import type { SessionObserver } from './observer.ts';
import type { SessionOptions } from './machine.ts';
import { Session, type AcceptedConnection, type SessionListener } from './session.ts';
import { shuffled, spread, type Spread } from './spread.ts';

/** A port that clients connect to. */
export interface ListenerOptions {
  /** Its name in the configuration. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly tls: 'direct' | 'starttls';
  /** Load balancers in front of it, with the fields in which they report fingerprints. */
  readonly balancers?: (Balancers & { readonly fields: BalancerFields }) | undefined;
}

/** How connections are captured. */
export interface CaptureOptions {
  readonly switches: CaptureSwitches;
  /** Captures SYNs and round trips; undefined when neither is wanted. */
  readonly syn: SynCapture | undefined;
}

export interface StreamServerOptions {
  readonly listeners: readonly ListenerOptions[];
  readonly admission: Admission;
  readonly capture: CaptureOptions;
  readonly session: SessionOptions;
  /** Returns the observer of a session that starts on this listener. */
  readonly observe: (listener: string) => SessionObserver;
  readonly onRefused: (listener: string, code: ListenRefusal) => void;
  readonly drain: DrainOptions;
  /** Whether other processes of the product listen to the same ports. */
  readonly sharedPorts: boolean;
}

/** How sessions end when the process stops, or gives a part of them away. */
export interface DrainOptions {
  /** Over which the ends are spread, in milliseconds from the start of draining. */
  readonly spreadMs: number;
  /** Whether a stream of this process can be resumed in another one. */
  readonly resumesElsewhere: boolean;
  /** Returns a number in [0, 1), uniformly distributed. */
  readonly random: () => number;
}

export class StreamServer {
  readonly #options: StreamServerOptions;
  readonly #sessions = new Set<Session>();
  #listeners: Listener[] = [];
  #draining = false;
  /** The part of the sessions that is ending while the process goes on. */
  #shedding: Spread | undefined;

  constructor(options: StreamServerOptions) {
    this.#options = options;
  }

  /** Opens all listeners, or none.
   *  @returns the ports in use, in the order of the options
   *  @throws SetupError */
  async start(): Promise<readonly number[]> {
    try {
      for (const options of this.#options.listeners) this.#listeners.push(await this.#listen(options));
    } catch (error) {
      await this.#stopListening();
      throw error;
    }
    return this.#listeners.map(({ address }) => address.port);
  }

  /** The packets that each listener can see, in the order of the options. */
  get synVisibilities(): readonly SynVisibility[] {
    return this.#listeners.map(({ synVisibility }) => synVisibility);
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Number of live sessions. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Counts a connection of a client that asks for a WebSocket among all connections of clients, until it closes.
   *  @returns the code with which it is refused; undefined when it is admitted */
  admit(socket: Socket, { client }: ConnectionEvidence, { name }: SessionListener): RefusalCode | undefined {
    const answer = this.#options.admission.admit(client?.reveal().address);
    if (answer.kind === 'refused') {
      this.#options.onRefused(name, answer.code);
      return answer.code;
    }
    socket.once('close', answer.release);
    return undefined;
  }

  /** Starts a session on the WebSocket of a client that was admitted. */
  take(webSocket: WebSocketConnection, evidence: ConnectionEvidence, listener: SessionListener): void {
    this.#start({ socket: webSocket.socket, evidence, webSocket }, listener);
  }

  /** Stops accepting, and ends the sessions one after another over `spreadMs`, at most over `drainMs` milliseconds.
   *  Where another process can resume their streams, they end as lost connections do; where none can, with an error
   *  after which clients connect to another one. Resolves when every connection is closed. */
  async drain(drainMs: number): Promise<void> {
    this.#draining = true;
    await this.#stopListening();
    const { resumesElsewhere, spreadMs } = this.#options.drain;
    const end = (session: Session): void => {
      if (resumesElsewhere) void session.handOver();
      else session.shutDown();
    };
    this.#shedding?.cancel();
    const ends = this.#spread(this.#shuffled(), end, Math.min(spreadMs, drainMs));
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, drainMs);
    await Promise.race([this.#allDone(), over]);
    clearTimeout(timer);
    ends.finish();
    await this.#allDone();
  }

  /** Ends a part of the sessions over `spreadMs`, and goes on accepting. Their streams can be resumed. What is left of
   *  an earlier part ends at once.
   *  @param share in (0, 1]
   *  @returns the number of sessions that end */
  shed(share: number): number {
    this.#shedding?.finish();
    const part = this.#shuffled().slice(0, Math.ceil(this.#sessions.size * share));
    this.#shedding = this.#spread(part, (session) => void session.handOver(), this.#options.drain.spreadMs);
    return part.length;
  }

  #shuffled(): Session[] {
    return shuffled([...this.#sessions], this.#options.drain.random);
  }

  #spread(sessions: readonly Session[], end: (session: Session) => void, windowMs: number): Spread {
    const { now, schedule } = this.#options.session;
    return spread(sessions, end, { windowMs, now, schedule });
  }

  async #allDone(): Promise<void> {
    await Promise.all([...this.#sessions].map(({ done }) => done));
  }

  async #stopListening(): Promise<void> {
    const listeners = this.#listeners;
    this.#listeners = [];
    await Promise.all(listeners.map((listener) => listener.stop()));
  }

  #listen(options: ListenerOptions): Promise<Listener> {
    const { name, host, port } = options;
    return listen({
      target: { kind: 'address', host, port, sharedPort: this.#options.sharedPorts },
      admission: this.#options.admission,
      synCapture: this.#options.capture.syn,
      balancers: options.balancers,
      onConnection: (socket, arrival) => this.#begin(socket, arrival, options),
      onRefused: (code) => this.#options.onRefused(name, code),
    });
  }

  #begin(socket: Socket, arrival: Arrival, listener: ListenerOptions): void {
    const { switches } = this.#options.capture;
    const evidence = new ConnectionEvidence(arrival, switches, listener.balancers?.fields, listener.name);
    this.#start({ socket, evidence }, listener);
  }

  #start(accepted: AcceptedConnection, listener: SessionListener): void {
    const { session: options, observe } = this.#options;
    const session = new Session(accepted, listener, options, observe(listener.name));
    this.#sessions.add(session);
    void session.done.then(() => this.#sessions.delete(session));
  }
}
