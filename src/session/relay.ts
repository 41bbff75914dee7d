/** Relays stanzas between two legs: the pipeline decides, dispatch applies. Both directions are the same code.
 *  Nonzas pass the same stages, and are never counted, queued or held. */
import { opposite, type Direction } from '../stanza/direction.ts';
import { ns } from '../stanza/namespaces.ts';
import type { StanzaProtocol } from '../stanza/protocol.ts';
import type { Stanza } from '../stanza/stanza.ts';
import { forward, type Disposition, type Edit, type SendOptions } from '../stanza/verdict.ts';
import type { DelayLimits } from './delay-queue.ts';
import { Dispatch, type DispatchOptions, type StanzaWriter } from './dispatch.ts';
import type { AnswerLimits } from './awaited-answers.ts';
import type { SessionRecord } from './facts.ts';
import { decide } from './pipeline.ts';
import type { Rendering } from './rendering.ts';
import type { Stage, StageFactory, StagePort } from './stage.ts';
import { EqualisedAcks } from './stream-management/equalised-acks.ts';
import { noStreamManagement, type StreamCounts } from './stream-management/no-stream-management.ts';
import { StreamManagement } from './stream-management/stream-management.ts';
import type { Resumptions } from './stream-management/resumptions.ts';
import type { SessionTap, StanzaTap, TappedStanza } from './tap.ts';
import type { Schedule } from './timers.ts';
import { UnacknowledgedStanzas, type UnacknowledgedLimits } from './unacknowledged.ts';

/** Options shared by every relay of a process. */
export interface RelayOptions {
  /** In the order in which they are asked; see `stageOrder`. */
  readonly stages: readonly StageFactory[];
  readonly rendering: Rendering;
  readonly resumptions: Resumptions;
  readonly delays: DelayLimits & AnswerLimits & UnacknowledgedLimits;
  /** Returns monotonic milliseconds. */
  readonly now: () => number;
  readonly schedule: Schedule;
  /** Set while stanzas are recorded. */
  readonly tap?: StanzaTap | undefined;
}

/** The parts of the session that its relay uses. */
export interface RelayLinks extends Pick<DispatchOptions, 'padded' | 'waited' | 'equalised'> {
  readonly facts: SessionRecord;
  /** The gatekeeper's. */
  readonly protocol: StanzaProtocol;
  readonly writers: Readonly<Record<Direction, StanzaWriter>>;
  /** Runs a step that does not come from reading, and flushes both legs. An error that it throws ends the session. */
  readonly perform: (step: () => void) => void;
  /** Ends a login by SASL 2 before a gatekeeper of SASL 1, once the current element has been taken. */
  readonly logInInline: (request: Stanza) => void;
  /** Runs a step as `perform` does, after a wait during which nothing of the client is read. */
  readonly performAfter: (wait: Promise<void>, step: () => void) => void;
}

export class Relay {
  readonly #links: RelayLinks;
  readonly #options: RelayOptions;
  readonly #stages: readonly Stage[];
  /** Those that may equalise times: each stanza asks for them. */
  readonly #equalising: readonly Stage[];
  readonly #management: StreamCounts;
  /** Set where the protocol acknowledges single stanzas. */
  readonly #unacknowledged: UnacknowledgedStanzas | undefined;
  readonly #dispatch: Dispatch;
  readonly #acks: EqualisedAcks;
  readonly #tap: SessionTap | undefined;
  /** Cancels the timers that are set. */
  readonly #timers = new Set<() => void>();
  #ended = false;
  /** The result of `end`. */
  #kept: Promise<boolean> | undefined;

  constructor(links: RelayLinks, options: RelayOptions) {
    this.#links = links;
    this.#options = options;
    this.#tap = options.tap?.begin(links.facts);
    const countsStanzas = links.protocol.acks === undefined;
    this.#management = countsStanzas
      ? new StreamManagement(links.facts, options.resumptions)
      : noStreamManagement;
    this.#unacknowledged = countsStanzas
      ? undefined
      : new UnacknowledgedStanzas(links.protocol, options.delays);
    const timing = {
      limits: options.delays,
      now: options.now,
      schedule: (milliseconds: number, task: () => void) => this.#schedule(milliseconds, task),
      equalises: (direction: Direction) => this.#equalising.some((stage) => stage.equalises!(direction)),
    };
    this.#acks = new EqualisedAcks(timing);
    this.#dispatch = new Dispatch({
      ...timing,
      writers: links.writers,
      management: this.#management,
      unacknowledged: this.#unacknowledged,
      rendering: options.rendering,
      decide: (stanza, direction, first) => decide(this.#stages, stanza, direction, first),
      account: () => links.facts.account,
      padded: links.padded,
      waited: links.waited,
      equalised: links.equalised,
      perform: links.perform,
      requestAcknowledgement: () => {
        this.#writeReply(requestOfAcknowledgement, 'to-gatekeeper');
        this.#acks.requested('to-gatekeeper');
      },
      tap: this.#tap,
    });
    this.#stages = options.stages.map((factory, index) => factory.begin(this.#port(index)));
    this.#equalising = this.#stages.filter((stage) => stage.equalises !== undefined);
  }

  /** Relays a stanza or nonza, which is valid during the call only.
   *  @returns whether it is a nonza that was sent on
   *  @throws StreamError of the stage that closes the stream, or of a limit */
  take(stanza: Stanza, direction: Direction): boolean {
    const tapped = this.#tap?.read(stanza, direction);
    if (stanza.kind === 'nonza') return this.#takeNonza(stanza, direction, tapped);
    const window = this.#management.window(direction);
    if (window?.repeats === true) {
      // Repeated after a resumption, although it had arrived before.
      window.drop();
      tapped?.left(0);
      return false;
    }
    const taken = direction === 'to-gatekeeper' ? this.#unacknowledged?.take(stanza) : undefined;
    if (taken === 'surplus') {
      tapped?.left(0);
      return false;
    }
    const arrival = tapped === undefined && taken === undefined ? undefined : { tapped, taken };
    const disposition = decide(this.#stages, stanza, direction);
    if (disposition === forward && stanza.verbatim) this.#dispatch.passUntouched(stanza, direction, arrival);
    else this.#dispatch.apply(disposition, stanza, direction, arrival);
    return false;
  }

  /** Whether another connection may resume the stream, or has done so (XEP-0198 §5). */
  get resumable(): boolean {
    return this.#management.resumable;
  }

  /** Forgets the counts: the client has closed its stream. */
  forget(): void {
    this.#management.forget();
  }

  /** Ends stages, timers and queues. Counts are kept for a resumption.
   *  @returns whether they are kept where another connection finds them */
  end(): Promise<boolean> {
    this.#kept ??= this.#end();
    return this.#kept;
  }

  #end(): Promise<boolean> {
    this.#ended = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#dispatch.end();
    for (const stage of this.#stages) stage.end?.();
    this.#tap?.end();
    return this.#management.end();
  }

  // ---- nonzas -------------------------------------------------------------------------------------------------------

  #takeNonza(nonza: Stanza, direction: Direction, tapped: TappedStanza | undefined): boolean {
    const looking =
      direction === 'to-gatekeeper' && this.#mayManage(nonza) ? this.#management.lookUp(nonza) : undefined;
    if (looking === undefined) return this.#sendNonza(nonza, direction, tapped);
    const kept = nonza.retain();
    this.#links.performAfter(looking, () => this.#sendNonza(kept, direction, tapped));
    return false;
  }

  #sendNonza(nonza: Stanza, direction: Direction, tapped: TappedStanza | undefined): boolean {
    const managed = this.#mayManage(nonza) ? this.#management.judge(nonza, direction) : forward;
    const disposition = managed.kind === 'forward' ? decide(this.#stages, nonza, direction) : managed;
    switch (disposition.kind) {
      case 'forward':
        this.#writeNonza(
          { nonza, direction, tapped },
          [...editsOf(managed), ...editsOf(disposition)],
          disposition,
        );
        return true;
      case 'drop':
        tapped?.left(0);
        if (disposition.reply !== undefined) this.#writeReply(disposition.reply, opposite(direction));
        return false;
      case 'close':
        throw disposition.error;
      default:
        throw new RangeError('a nonza cannot be held');
    }
  }

  #writeNonza(
    { nonza, direction, tapped }: TakenNonza,
    edits: readonly Edit[],
    { normalise = false, answers }: SendOptions,
  ): void {
    const writer = this.#links.writers[direction];
    if (answers !== undefined) {
      const bytes = this.#options.rendering.write(nonza, edits, { normalise });
      this.#acks.take(direction, answers, () => {
        tapped?.left(bytes.length);
        writer.write(bytes);
      });
      return;
    }
    if (edits.length === 0 && !normalise && nonza.verbatim) {
      tapped?.left(nonza.byteLength);
      writer.write(nonza.bytes, nonza.start, nonza.end);
    } else {
      const bytes = this.#options.rendering.write(nonza, edits, { normalise });
      tapped?.left(bytes.length);
      writer.write(bytes);
    }
    this.#acks.passed(nonza, direction);
  }

  #writeReply(reply: Uint8Array, direction: Direction): void {
    this.#tap?.made(direction)?.left(reply.length);
    this.#links.writers[direction].write(reply);
  }

  /** Returns whether a nonza may manage the stream: on its own when established, or inside an authentication. */
  #mayManage(nonza: Stanza): boolean {
    const namespace = nonza.namespaceName(0);
    return namespace === ns.sasl2 || (namespace === ns.sm && this.#links.facts.phase === 'established');
  }

  // ---- stages -------------------------------------------------------------------------------------------------------

  #port(index: number): StagePort {
    const { facts, perform } = this.#links;
    return {
      context: facts,
      now: this.#options.now,
      schedule: (milliseconds, task) => this.#schedule(milliseconds, task),
      inject: (direction, stanza) => {
        if (!this.#ended) perform(() => this.#dispatch.inject(stanza, direction));
      },
      repeat: (direction, stanza, edits = []) => {
        if (!this.#ended) perform(() => this.#repeat(stanza, direction, edits, index + 1));
      },
      settleClaims: (claims) => {
        facts.claims = claims;
      },
      identify: (account) => facts.identify(account),
      logInInline: (request) => {
        // They are made again, outside of the authentication.
        this.#management.forgetRequests();
        this.#links.logInInline(request);
      },
    };
  }

  #repeat(stanza: Stanza, direction: Direction, edits: readonly Edit[], first: number): void {
    // An inline resumption in a nonza that is sent later than it was read.
    const managed = stanza.kind === 'nonza' ? editsOf(this.#management.judge(stanza, direction)) : [];
    const disposition = decide(this.#stages, stanza, direction, first);
    this.#dispatch.apply(disposition, stanza, direction, {
      origin: 'proxy',
      edits: [...edits, ...managed],
      tapped: this.#tap?.made(direction),
    });
  }

  #schedule(milliseconds: number, task: () => void): () => void {
    const cancel = this.#options.schedule(milliseconds, () => {
      this.#timers.delete(cancel);
      this.#links.perform(task);
    });
    this.#timers.add(cancel);
    return () => {
      cancel();
      this.#timers.delete(cancel);
    };
  }
}

const requestOfAcknowledgement = Buffer.from(`<r xmlns='${ns.sm}'/>`);

/** A nonza that is sent on. */
interface TakenNonza {
  readonly nonza: Stanza;
  readonly direction: Direction;
  readonly tapped: TappedStanza | undefined;
}

function editsOf(disposition: Disposition): readonly Edit[] {
  return disposition.kind === 'forward' ? (disposition.edits ?? []) : [];
}
