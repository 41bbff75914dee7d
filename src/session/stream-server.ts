/** The stream side of the proxy: its listeners, its live sessions, and its shutdown. */
import type { Socket } from 'node:net';
import { ConnectionEvidence, type Arrival, type CaptureSwitches } from '../signals/connection-evidence.ts';
import type { BalancerFields } from '../signals/evidence.ts';
import type { SynCapture } from '../signals/saved-syn.ts';
import type { Admission } from '../transport/admission.ts';
import {
  listen,
  type Balancers,
  type Listener,
  type ListenRefusal,
  type SynVisibility,
} from '../transport/listen.ts';
import type { SessionObserver } from './observer.ts';
import type { SessionOptions } from './machine.ts';
import { Session } from './session.ts';

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
}

export class StreamServer {
  readonly #options: StreamServerOptions;
  readonly #sessions = new Set<Session>();
  #listeners: Listener[] = [];
  #draining = false;

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

  /** Stops accepting, waits `drainMs` milliseconds for sessions to end, and ends the rest with an error that lets
   *  clients connect elsewhere. Resolves when every connection is closed. */
  async drain(drainMs: number): Promise<void> {
    this.#draining = true;
    await this.#stopListening();
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, drainMs);
    await Promise.race([this.#allDone(), over]);
    clearTimeout(timer);
    for (const session of this.#sessions) session.shutDown();
    await this.#allDone();
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
      target: { kind: 'address', host, port },
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
    const session = new Session(
      { socket, evidence },
      listener,
      this.#options.session,
      this.#options.observe(listener.name),
    );
    this.#sessions.add(session);
    void session.done.then(() => this.#sessions.delete(session));
  }
}
