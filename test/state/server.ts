/** A server of records in memory that can be slow, lost or wrong, and what is needed to have a store on it. */
import type { StateKind } from '../../src/state/kinds.ts';
import { StoreLink, type LinkLimits, type RecordServer } from '../../src/state/link.ts';
import type { StateObserver } from '../../src/state/observer.ts';
import { SealedStore } from '../../src/state/sealed-store.ts';
import { RecordSeal } from '../../src/state/sealing.ts';
import { ManualClock } from '../session/conversation.ts';

export class TestServer {
  readonly records = new Map<string, { value: Buffer; endsAt: number }>();
  /** Commands received. */
  readonly commands: string[] = [];
  connections = 0;
  /** How it answers. */
  mode: 'answers' | 'hangs' | 'fails' = 'answers';
  /** Whether it takes connections. */
  takes: (signal: AbortSignal) => Promise<void> = async () => {};
  readonly #clock: ManualClock;
  #ends: (() => void)[] = [];

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  readonly connect = async (signal: AbortSignal): Promise<RecordServer> => {
    await this.takes(signal);
    this.connections += 1;
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    this.#ends.push(resolve);
    return {
      ended,
      close: resolve,
      ping: () => this.#answer('ping', () => 'PONG'),
      get: (key) => this.#answer('get', () => this.#find(key)?.value ?? null),
      set: (key, value, ttlMs) => this.#answer('set', () => this.#write(key, value, ttlMs)),
      setIfAbsent: (key, value, ttlMs) =>
        this.#answer('setIfAbsent', () => {
          const isAbsent = this.#find(key) === undefined;
          if (isAbsent) this.#write(key, value, ttlMs);
          return isAbsent;
        }),
      delete: (keys) => this.#answer('delete', () => keys.forEach((key) => this.records.delete(key))),
    };
  };

  /** Ends every connection. */
  cut(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  #find(key: string) {
    const found = this.records.get(key);
    return found !== undefined && found.endsAt > this.#clock.now ? found : undefined;
  }

  #write(key: string, value: Buffer, ttlMs: number): void {
    this.records.set(key, { value, endsAt: this.#clock.now + ttlMs });
  }

  #answer<T>(command: string, answer: () => T): Promise<T> {
    this.commands.push(command);
    if (this.mode === 'hangs') return new Promise(() => {});
    return this.mode === 'fails' ? Promise.reject(new Error('OOM')) : Promise.resolve(answer());
  }
}

export class Reports implements StateObserver {
  readonly outcomes: string[] = [];
  readonly states: string[] = [];
  readonly refusals: StateKind[] = [];

  operated(operation: string, outcome: string): void {
    this.outcomes.push(`${operation} ${outcome}`);
  }

  up(): void {
    this.states.push('up');
  }

  down(why: string): void {
    this.states.push(why);
  }

  refused(kind: StateKind): void {
    this.refusals.push(kind);
  }
}

export interface Linked {
  readonly clock: ManualClock;
  readonly server: TestServer;
  readonly reports: Reports;
  readonly link: StoreLink;
}

export function linked(
  limits: Partial<LinkLimits> = {},
  clock = new ManualClock(),
  server = new TestServer(clock),
): Linked {
  const reports = new Reports();
  const link = new StoreLink({
    connect: server.connect,
    limits: { timeoutMs: 250, connectTimeoutMs: 2_000, operationsMax: 10, ...limits },
    observer: reports,
    now: () => clock.now,
    schedule: clock.schedule,
    random: () => 0.5,
  });
  return { clock, server, reports, link };
}

/** Returns a store of a replica that has these secrets, the current one first. */
export function sealedStore({ link, reports }: Linked, ...secrets: readonly string[]): SealedStore {
  const [first, ...others] = secrets.map((secret) => new RecordSeal(Buffer.alloc(32, secret)));
  return new SealedStore({
    link,
    observer: reports,
    keyPrefix: 'narthex:',
    seals: () => [first!, ...others],
  });
}
