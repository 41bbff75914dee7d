import type { Socket } from 'node:net';
import { vi, type MockInstance } from 'vitest';
import { StreamWriter } from '../../src/session/stream-writer.ts';
import type { Phase } from '../../src/session/phase.ts';
import { Relay, type RelayOptions } from '../../src/session/relay.ts';
import type { StanzaTap } from '../../src/session/tap.ts';
import { systemTimers, type Schedule } from '../../src/session/timers.ts';
import { Rendering } from '../../src/session/rendering.ts';
import type { Resumptions } from '../../src/session/stream-management/resumptions.ts';
import { SessionRecord, type ChannelBinding } from '../../src/session/facts.ts';
import type { StageFactory } from '../../src/session/stage.ts';
import { defaultAnswerLimits } from '../../src/session/awaited-answers.ts';
import { defaultUnacknowledgedLimits } from '../../src/session/unacknowledged.ts';
import { defaultDelayLimits } from '../../src/session/delay-queue.ts';
import type { Names } from '../../src/stanza/names.ts';
import { directions, type Direction } from '../../src/stanza/direction.ts';
import { xmppStanzas, type StanzaProtocol } from '../../src/stanza/protocol.ts';
import type { Stanza } from '../../src/stanza/stanza.ts';
import { defaultLimits } from '../../src/stream/limits.ts';
import { OutputMemory } from '../../src/stream/output-memory.ts';
import { Scanner } from '../../src/stream/scanner.ts';
import { writeHeader } from '../../src/stream/write.ts';
import { newWorkspace, vocabulary } from '../support/scan.ts';
import { fewResumptions } from './few-resumptions.ts';

export interface LegsOptions {
  readonly stages: readonly StageFactory[];
  readonly resumptions?: Resumptions;
  readonly id?: string;
  readonly phase?: Phase;
  readonly channelBinding?: ChannelBinding;
  readonly limits?: Partial<RelayOptions['delays']>;
  /** What waited and for how many milliseconds, and what became of answers whose time is equalised. */
  readonly reports?: string[];
  /** Monotonic milliseconds; the process's by default. */
  readonly now?: () => number;
  readonly schedule?: Schedule;
  /** What the stages' names are integers of; those of the product by default. */
  readonly names?: Names;
  /** XMPP by default. */
  readonly protocol?: StanzaProtocol;
  /** The header of both streams; by default one of the product, for XMPP. */
  readonly header?: string;
  /** What is recorded. */
  readonly tap?: StanzaTap;
  /** What the session does with a nonza that has been passed on. */
  readonly passed?: (nonza: Stanza, direction: Direction) => void;
}

/** A relay whose legs are arrays of text. */
export class Legs {
  readonly out: Record<Direction, string[]> = { 'to-gatekeeper': [], 'to-client': [] };
  readonly relay: Relay;
  readonly facts: SessionRecord;
  readonly resumed: MockInstance<SessionRecord['resumed']>;
  failure: unknown;
  readonly #writers: Readonly<Record<Direction, StreamWriter>>;
  readonly #scanners: Record<Direction, Scanner>;

  constructor({ stages, resumptions = fewResumptions(), id = 's1', ...options }: LegsOptions) {
    const { names = vocabulary } = options;
    this.#writers = bothDirections((direction) => this.#writer(direction));
    this.facts = new SessionRecord({
      session: id,
      startedAt: 1,
      listener: 'clients',
      domain: 'capulet.example',
      gatekeeper: 'main',
      channelBinding: options.channelBinding ?? 'gatekeeper-without-plus',
    });
    this.facts.phase = options.phase ?? 'established';
    this.facts.account = 'juliet@capulet.example';
    this.resumed = vi.spyOn(this.facts, 'resumed');
    this.relay = new Relay(
      {
        facts: this.facts,
        protocol: options.protocol ?? xmppStanzas,
        writers: this.#writers,
        padded: () => {},
        waited: (what, milliseconds) => options.reports?.push(`${what} waited ${milliseconds} ms`),
        equalised: (outcome) => options.reports?.push(outcome),
        perform: (step) => this.#perform(step),
        performAfter: (wait, step) => void wait.then(() => this.#perform(step)),
        logInInline: () => {},
      },
      {
        stages,
        rendering: new Rendering({ names, limits: defaultLimits, workspace: newWorkspace() }),
        resumptions,
        delays: {
          ...defaultDelayLimits,
          ...defaultAnswerLimits,
          ...defaultUnacknowledgedLimits,
          ...options.limits,
        },
        now: options.now ?? (() => performance.now()),
        schedule: options.schedule ?? systemTimers,
        tap: options.tap,
      },
    );
    const workspace = newWorkspace();
    this.#scanners = bothDirections((direction) => {
      const sink = {
        header: () => {},
        stanza: (stanza: Stanza) => {
          if (this.relay.take(stanza, direction)) options.passed?.(stanza, direction);
        },
        whitespace: () => {},
        end: () => {},
      };
      const scanner = new Scanner({
        names,
        limits: defaultLimits,
        workspace,
        sink,
        protocol: options.protocol ?? xmppStanzas,
      });
      scanner.push(
        options.header === undefined
          ? writeHeader(new Map([['version', '1.0']]))
          : Buffer.from(options.header),
      );
      return scanner;
    });
  }

  #writer(direction: Direction): StreamWriter {
    const socket = {
      writable: true,
      writableNeedDrain: false,
      write: (bytes: Uint8Array) => this.out[direction].push(Buffer.from(bytes).toString()) > 0,
    };
    return new StreamWriter(socket as unknown as Socket, new OutputMemory());
  }

  /** A peer sends this. */
  read(direction: Direction, xml: string | Uint8Array): void {
    this.#scanners[direction].push(Buffer.from(xml));
    this.#flush();
  }

  #perform(step: () => void): void {
    try {
      step();
      this.#flush();
    } catch (error) {
      this.failure = error;
    }
  }

  #flush(): void {
    for (const writer of Object.values(this.#writers)) writer.flush();
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
