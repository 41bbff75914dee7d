import type { Socket } from 'node:net';
import { vi } from 'vitest';
import { StreamWriter } from '../../src/session/stream-writer.ts';
import type { Phase } from '../../src/session/phase.ts';
import { Relay, type RelayHost } from '../../src/session/relay.ts';
import { Rendering } from '../../src/session/rendering.ts';
import { Resumptions } from '../../src/session/stream-management/resumptions.ts';
import type { ChannelBinding, StageFactory } from '../../src/session/stage.ts';
import { defaultDelayLimits } from '../../src/session/delay-queue.ts';
import type { Names } from '../../src/stanza/names.ts';
import { directions, type Direction } from '../../src/stanza/direction.ts';
import { noClaims, type OwnershipClaims } from '../../src/stanza/ownership-claims.ts';
import type { Stanza } from '../../src/stanza/stanza.ts';
import { defaultLimits } from '../../src/stream/limits.ts';
import { Scanner } from '../../src/stream/scanner.ts';
import { writeHeader } from '../../src/stream/write.ts';
import { newWorkspace, vocabulary } from '../support/scan.ts';

export interface LegsOptions {
  readonly stages: readonly StageFactory[];
  readonly resumptions?: Resumptions;
  readonly id?: string;
  readonly phase?: Phase;
  readonly channelBinding?: ChannelBinding;
  /** What the stages' names are integers of; those of the product by default. */
  readonly names?: Names;
  /** What the session does with a nonza that has been passed on. */
  readonly passed?: (nonza: Stanza, direction: Direction) => void;
}

/** A relay whose legs are arrays of text. */
export class Legs {
  readonly out: Record<Direction, string[]> = { 'to-gatekeeper': [], 'to-client': [] };
  readonly relay: Relay;
  readonly host: RelayHost;
  phase: Phase;
  claims = noClaims;
  account = 'juliet@capulet.example';
  failure: unknown;
  readonly #scanners: Record<Direction, Scanner>;

  constructor({ stages, resumptions = new Resumptions(), id = 's1', ...options }: LegsOptions) {
    this.phase = options.phase ?? 'established';
    const { names = vocabulary } = options;
    const writers = bothDirections((direction) => this.#writer(direction));
    const phase = (): Phase => this.phase;
    const claims = (): OwnershipClaims => this.claims;
    const account = (): string => this.account;
    this.host = {
      id,
      startedAt: 1,
      naming: { shownResource: undefined },
      get account() {
        return account();
      },
      resource: '',
      get phase() {
        return phase();
      },
      domain: 'capulet.example',
      gatekeeper: 'main',
      listener: 'clients',
      channelBinding: options.channelBinding ?? 'upstream-without-plus',
      writer: (direction) => writers[direction],
      flush: () => {
        for (const writer of Object.values(writers)) writer.flush();
      },
      get claims() {
        return claims();
      },
      settleClaims: (settled) => (this.claims = settled),
      identify: (account) => (this.account = account),
      passed: options.passed ?? (() => {}),
      guarded: (task) => {
        try {
          task();
        } catch (error) {
          this.failure = error;
        }
      },
      resume: vi.fn<RelayHost['resume']>(),
    };
    this.relay = new Relay(this.host, {
      stages,
      rendering: new Rendering({ names, limits: defaultLimits, workspace: newWorkspace() }),
      resumptions,
      waiting: defaultDelayLimits,
      now: () => performance.now(),
    });
    const workspace = newWorkspace();
    this.#scanners = bothDirections((direction) => {
      const sink = {
        header: () => {},
        stanza: (stanza: Stanza) => this.relay.take(stanza, direction),
        whitespace: () => {},
        end: () => {},
      };
      const scanner = new Scanner({ names, limits: defaultLimits, workspace, sink });
      scanner.push(writeHeader(new Map([['version', '1.0']])));
      return scanner;
    });
  }

  #writer(direction: Direction): StreamWriter {
    const socket = {
      writable: true,
      writableNeedDrain: false,
      write: (bytes: Uint8Array) => this.out[direction].push(Buffer.from(bytes).toString()) > 0,
    };
    return new StreamWriter(socket as unknown as Socket);
  }

  /** A peer sends this. */
  read(direction: Direction, xml: string | Uint8Array): void {
    this.#scanners[direction].push(Buffer.from(xml));
    this.host.flush();
  }

  /** Ids of the stanzas that left in this direction. */
  ids(direction: Direction): string[] {
    return [...this.out[direction].join('').matchAll(/<(?:message|iq|presence)[^>]* id='([^']*)'/g)].map(
      ([, id]) => id!,
    );
  }
}

function bothDirections<T>(make: (direction: Direction) => T): Record<Direction, T> {
  return Object.fromEntries(directions.map((direction) => [direction, make(direction)])) as Record<
    Direction,
    T
  >;
}
