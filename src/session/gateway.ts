/** The running proxy: its listeners, its live sessions, and how it stops. */
import type { Socket } from 'node:net';
import type { Admission, RefusalCode } from '../transport/admission.ts';
import { listen, type Listener } from '../transport/listen.ts';
import type { SessionObserver } from './observer.ts';
import { Session, type SessionOptions } from './session.ts';

/** A port that clients connect to. */
export interface ListenerOptions {
  /** The operator's name for it. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly tls: 'direct' | 'starttls';
}

export interface GatewayOptions {
  readonly listeners: readonly ListenerOptions[];
  readonly admission: Admission;
  readonly session: SessionOptions;
  /** An observer for each session that begins on this listener. */
  readonly observe: (listener: string) => SessionObserver;
  readonly onRefused: (listener: string, code: RefusalCode) => void;
}

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #sessions = new Set<Session>();
  #listeners: Listener[] = [];
  #draining = false;

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  /** Opens every listener, or none.
   *  @returns the ports in use, in the order of the options.
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

  get draining(): boolean {
    return this.#draining;
  }

  /** Live sessions. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Stops accepting, lets sessions end by themselves for `drainMs`, and tells the rest to connect elsewhere.
   *  Resolves when every connection is gone. */
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
      onConnection: (socket) => this.#begin(socket, options),
      onRefused: (code) => this.#options.onRefused(name, code),
    });
  }

  #begin(socket: Socket, listener: ListenerOptions): void {
    const session = new Session(
      socket,
      listener,
      this.#options.session,
      this.#options.observe(listener.name),
    );
    this.#sessions.add(session);
    void session.done.then(() => this.#sessions.delete(session));
  }
}
