/** What becomes of a stanza between two legs: it is judged by the stages, and the verdict is carried out. Both
 *  directions are the same code. Everything that changes the number of stanzas on a stream happens here, so here they
 *  are counted for stream management (XEP-0198). */
import { opposite, type Direction } from '../stanza/direction.ts';
import type { OwnershipClaims } from '../stanza/ownership-claims.ts';
import { ns } from '../stanza/namespaces.ts';
import type { Stanza } from '../stanza/stanza.ts';
import { forward, type Edit, type HeldStanza, type Manner, type Verdict } from '../stanza/verdict.ts';
import type { StreamWriter } from './stream-writer.ts';
import type { Rendering } from './rendering.ts';
import type { Stage, StageContext, StageFactory, StagePort } from './stage.ts';
import { StreamManagement, type ResumableSession } from './stream-management/stream-management.ts';
import type { Resumptions } from './stream-management/resumptions.ts';
import { DelayQueue, type QueuedStanza, type DelayLimits } from './delay-queue.ts';

/** What every relay of a process shares. */
export interface RelayOptions {
  readonly stages: readonly StageFactory[];
  readonly rendering: Rendering;
  readonly resumptions: Resumptions;
  readonly waiting: DelayLimits;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** The session as its relay sees it. */
export interface RelayHost extends StageContext, ResumableSession {
  readonly gatekeeper: string;
  /** Where stanzas of this direction leave. */
  writer(direction: Direction): StreamWriter;
  /** Writes what was put out while nothing was being read. */
  flush(): void;
  /** A nonza has been passed on: it may change the phase. */
  passed(nonza: Stanza, direction: Direction): void;
  /** See `StagePort.settleClaims`. */
  settleClaims(claims: OwnershipClaims): void;
  /** See `StagePort.identify`. */
  identify(account: string): void;
  /** Runs a step that was not caused by reading; what it throws ends the session. */
  guarded(step: () => void): void;
}

/** A stanza on its way through the stages. */
interface Passage {
  readonly stanza: Stanza;
  readonly direction: Direction;
  readonly edits: Edit[];
  readonly manner: { normalise: boolean; padTo: readonly number[] | undefined; delayMs: number };
  /** Its number for stream management while it waits; 0 when it is not counted or is the proxy's own. */
  number: number;
  /** Sent by the proxy: the sender has not counted it. */
  readonly own: boolean;
  /** Its place among those that wait, when it has one. */
  place?: QueuedStanza;
}

export class Relay {
  readonly #options: RelayOptions;
  readonly #host: RelayHost;
  readonly #stages: readonly Stage[];
  readonly #management: StreamManagement;
  readonly #queues: Readonly<Record<Direction, DelayQueue>>;
  readonly #timers = new Set<NodeJS.Timeout>();
  #ended = false;

  constructor(host: RelayHost, options: RelayOptions) {
    this.#options = options;
    this.#host = host;
    this.#management = new StreamManagement(host, options.resumptions);
    this.#stages = options.stages.map((factory, index) => factory.begin(this.#port(index)));
    const queue = (): DelayQueue =>
      new DelayQueue({
        limits: options.waiting,
        now: options.now,
        schedule: (milliseconds, task) => this.#schedule(milliseconds, task),
      });
    this.#queues = { 'to-gatekeeper': queue(), 'to-client': queue() };
  }

  /** A stanza has been read. It is valid during the call only.
   *  @throws StreamError of the stage that closes the stream. */
  take(stanza: Stanza, direction: Direction): void {
    if (stanza.kind === 'nonza') {
      this.#takeNonza(stanza, direction);
      return;
    }
    const window = this.#management.window(direction);
    if (window?.repeats === true) {
      // Sent again after a resumption, although it had arrived before.
      window.drop();
      return;
    }
    const verdict = this.#judge(stanza, direction, 0);
    if (verdict === undefined && stanza.verbatim) {
      this.#passUntouched(stanza, direction);
      return;
    }
    this.#carryOut(verdict ?? untouched, newPassage(stanza, direction, false));
  }

  end(): void {
    this.#ended = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const queue of Object.values(this.#queues)) queue.close();
    for (const stage of this.#stages) stage.end?.();
    this.#management.end();
  }

  // ---- stages -----------------------------------------------------------------------------------------------------

  /** Asks the stages from `first` on. @returns undefined when all of them forward the stanza untouched. */
  #judge(stanza: Stanza, direction: Direction, first: number): Judgement | undefined {
    let edits: readonly Edit[] | undefined;
    let manner: Manner | undefined;
    for (let index = first; index < this.#stages.length; index += 1) {
      const verdict = this.#stages[index]!.judge(stanza, direction);
      if (verdict.kind === 'close') throw verdict.error;
      if (verdict.kind !== 'forward')
        return { kind: 'final', verdict, edits: edits ?? [], manner, stage: index };
      if (verdict.edits !== undefined && verdict.edits.length > 0)
        edits = edits === undefined ? verdict.edits : [...edits, ...verdict.edits];
      if (verdict.normalise === true || verdict.padTo !== undefined || (verdict.delayMs ?? 0) > 0)
        manner = joined(manner, verdict);
    }
    return edits === undefined && manner === undefined
      ? undefined
      : { kind: 'forward', edits: edits ?? [], manner };
  }

  #carryOut(judgement: Judgement, passage: Passage): void {
    passage.edits.push(...judgement.edits);
    if (judgement.manner !== undefined) addManner(passage, judgement.manner);
    if (judgement.kind === 'forward') this.#leave(passage);
    else if (judgement.verdict.kind === 'drop') this.#drop(passage, judgement.verdict.reply);
    else this.#hold(passage, judgement.verdict.keep, judgement.stage);
  }

  #hold(passage: Passage, keep: (held: HeldStanza) => void, stage: number): void {
    const { direction } = passage;
    const kept: Passage = {
      ...passage,
      stanza: passage.place === undefined ? passage.stanza.retain() : passage.stanza,
    };
    this.#wait(kept, Infinity);
    let over = false;
    const once = (step: () => void): void => {
      if (over || this.#ended) return;
      over = true;
      this.#outside(step);
    };
    keep({
      stanza: kept.stanza,
      release: (edits = []) =>
        once(() => {
          kept.edits.push(...edits);
          const judgement = this.#judge(kept.stanza, direction, stage + 1);
          this.#carryOut(judgement ?? untouched, kept);
        }),
      drop: (reply) => once(() => this.#drop(kept, reply)),
    });
  }

  #port(index: number): StagePort {
    return {
      context: this.#host,
      now: this.#options.now,
      schedule: (milliseconds, task) => this.#schedule(milliseconds, task),
      inject: (direction, stanza) => {
        if (this.#ended) return;
        this.#outside(() => this.#inject(direction, stanza));
      },
      repeat: (direction, stanza, edits = []) => {
        if (this.#ended) return;
        this.#outside(() => {
          const passage = newPassage(stanza, direction, true);
          passage.edits.push(...edits, ...this.#managed(stanza, direction));
          this.#carryOut(this.#judge(stanza, direction, index + 1) ?? untouched, passage);
        });
      },
      settleClaims: (claims) => this.#host.settleClaims(claims),
      identify: (account) => this.#host.identify(account),
    };
  }

  /** A stage acts while a stanza is judged, or when time has passed; in either case what it sends must leave. */
  #outside(step: () => void): void {
    this.#host.guarded(() => {
      step();
      this.#host.flush();
    });
  }

  #schedule(milliseconds: number, task: () => void): () => void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#outside(task);
    }, milliseconds);
    this.#timers.add(timer);
    return () => {
      clearTimeout(timer);
      this.#timers.delete(timer);
    };
  }

  // ---- leaving ----------------------------------------------------------------------------------------------------

  /** The overwhelming case: the bytes as they came, without a copy. */
  #passUntouched(stanza: Stanza, direction: Direction): void {
    const queue = this.#queues[direction];
    if (!queue.empty && queue.has(keyOf(stanza, direction))) {
      this.#leave(newPassage(stanza, direction, false));
      return;
    }
    this.#management.window(direction)?.pass();
    this.#host.writer(direction).write(stanza.bytes, stanza.start, stanza.end);
  }

  /** It goes out now, or when those before it have gone. */
  #leave(passage: Passage): void {
    const { stanza, direction, edits, manner } = passage;
    const queue = this.#queues[direction];
    const bytes = this.#options.rendering.write(stanza, edits, manner);
    const { place } = passage;
    if (place !== undefined) {
      place.send = () => this.#send(passage, bytes);
      place.dueAt = this.#options.now() + manner.delayMs;
      queue.releaseDue();
      return;
    }
    if (manner.delayMs === 0 && (queue.empty || !queue.has(keyOf(stanza, direction)))) {
      if (passage.own) this.#management.window(direction)?.inject();
      else this.#management.window(direction)?.pass();
      this.#host.writer(direction).write(bytes);
      return;
    }
    this.#wait(passage, this.#options.now() + manner.delayMs, bytes);
  }

  #wait(passage: Passage, dueAt: number, bytes?: Uint8Array): void {
    const { stanza, direction } = passage;
    if (passage.place !== undefined) {
      passage.place.dueAt = dueAt;
      return;
    }
    if (!passage.own) passage.number = this.#management.window(direction)?.wait() ?? 0;
    passage.place = {
      key: keyOf(stanza, direction),
      bytes: bytes?.length ?? stanza.byteLength,
      dueAt,
      send: bytes === undefined ? () => {} : () => this.#send(passage, bytes),
    };
    this.#queues[direction].enqueue(passage.place);
  }

  /** One that has waited. */
  #send({ direction, number, own }: Passage, bytes: Uint8Array): void {
    const window = this.#management.window(direction);
    if (own) window?.inject();
    else if (number > 0) window?.settle(number, 'delivered');
    this.#host.writer(direction).write(bytes);
    this.#host.flush();
  }

  #drop(passage: Passage, reply: Uint8Array | undefined): void {
    const { direction, place, number } = passage;
    const window = this.#management.window(direction);
    if (place === undefined) {
      if (!passage.own) window?.drop();
    } else {
      if (number > 0) window?.settle(number, 'dropped');
      this.#queues[direction].remove(place);
    }
    if (reply !== undefined && !passage.own) this.#inject(opposite(direction), reply);
  }

  #inject(direction: Direction, stanza: Uint8Array): void {
    this.#management.window(direction)?.inject();
    this.#host.writer(direction).write(stanza);
  }

  // ---- nonzas -----------------------------------------------------------------------------------------------------

  /** What stream management changes in a nonza that is sent later than it came: an inline resumption. */
  #managed(stanza: Stanza, direction: Direction): readonly Edit[] {
    if (stanza.kind !== 'nonza') return [];
    const managed = this.#management.judge(stanza, direction);
    return managed.kind === 'forward' ? (managed.edits ?? []) : [];
  }

  /** By itself on an established stream, or as part of an authentication; anywhere else nobody understands it. */
  #mayManage(stanza: Stanza): boolean {
    const namespace = stanza.namespaceName(0);
    return namespace === ns.sasl2 || (namespace === ns.sm && this.#host.phase === 'established');
  }

  /** Nonzas are never counted and never wait. */
  #takeNonza(stanza: Stanza, direction: Direction): void {
    const managed = this.#mayManage(stanza) ? this.#management.judge(stanza, direction) : forward;
    if (managed.kind === 'drop') {
      this.#host.writer(opposite(direction)).write(managed.reply!);
      return;
    }
    const judgement = this.#judge(stanza, direction, 0);
    const own = managed.kind === 'forward' ? (managed.edits ?? []) : [];
    if (judgement?.kind === 'final') {
      const { verdict } = judgement;
      if (verdict.kind === 'hold') throw new RangeError('a nonza cannot be held');
      if (verdict.reply !== undefined) this.#host.writer(opposite(direction)).write(verdict.reply);
      return;
    }
    const edits = [...own, ...(judgement?.edits ?? [])];
    const writer = this.#host.writer(direction);
    const normalise = judgement?.manner?.normalise === true;
    if (edits.length === 0 && !normalise && stanza.verbatim)
      writer.write(stanza.bytes, stanza.start, stanza.end);
    else writer.write(this.#options.rendering.write(stanza, edits, { normalise }));
    this.#host.passed(stanza, direction);
  }
}

/** What the stages have said together. */
type Judgement =
  | { readonly kind: 'forward'; readonly edits: readonly Edit[]; readonly manner: Manner | undefined }
  | {
      readonly kind: 'final';
      readonly verdict: Extract<Verdict, { kind: 'drop' | 'hold' }>;
      readonly edits: readonly Edit[];
      readonly manner: Manner | undefined;
      readonly stage: number;
    };

const untouched: Judgement = { kind: 'forward', edits: [], manner: undefined };

function newPassage(stanza: Stanza, direction: Direction, own: boolean): Passage {
  const manner = { normalise: false, padTo: undefined, delayMs: 0 };
  return { stanza, direction, edits: [], manner, number: 0, own };
}

function joined(one: Manner | undefined, other: Manner): Manner {
  const padTo = other.padTo ?? one?.padTo;
  return {
    normalise: one?.normalise === true || other.normalise === true,
    ...(padTo === undefined ? {} : { padTo }),
    delayMs: Math.max(one?.delayMs ?? 0, other.delayMs ?? 0),
  };
}

function addManner({ manner }: Passage, added: Manner): void {
  manner.normalise ||= added.normalise === true;
  manner.padTo = added.padTo ?? manner.padTo;
  manner.delayMs = Math.max(manner.delayMs, added.delayMs ?? 0);
}

/** The other party: bare JID, '' for the account itself and its server. */
function keyOf(stanza: Stanza, direction: Direction): string {
  const jid = stanza.attributeValue(0, direction === 'to-gatekeeper' ? 'to' : 'from') ?? '';
  return jid.split('/', 1)[0]!.toLowerCase();
}
