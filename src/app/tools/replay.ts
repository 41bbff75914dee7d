/** Replays recorded stanzas through the stages of the data plane: the policy, the normal form, the padding. */
import { createSecretKey, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { SeenStanza } from '../../audit/field-values.ts';
import { paddingOf } from '../../minimisation/pad.ts';
import { Pseudonyms } from '../../minimisation/pseudonymise.ts';
import type { Catalogue } from '../../policy/catalogue.ts';
import { CompiledPolicy } from '../../policy/compile.ts';
import { Enforcement } from '../../policy/enforcement.ts';
import type { Policy } from '../../policy/policy.ts';
import { SessionRecord } from '../../session/facts.ts';
import { policyStage } from '../../session/policy/policy-stage.ts';
import { Rendering } from '../../session/rendering.ts';
import type { Stage, StageFactory } from '../../session/stage.ts';
import type { Direction } from '../../stanza/direction.ts';
import { StreamError } from '../../stanza/error.ts';
import type { Names } from '../../stanza/names.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { forward, type Disposition } from '../../stanza/verdict.ts';
import { defaultLimits } from '../../stream/limits.ts';
import { SimdStructure } from '../../stream/structure/simd.ts';
import { Workspace } from '../../stream/workspace.ts';
import { StanzaScanner } from './stanza-scanner.ts';

/** What a recording knows of a session. */
export interface RecordedSession {
  /** Number in the recording, from 0. */
  readonly number: number;
  readonly gatekeeper: string;
  readonly listener: string;
  /** Bare JID, or its token; '' until it is known. */
  readonly account: string;
  readonly resource: string;
  readonly established: boolean;
}

export interface ReplayOptions {
  readonly catalogue: Catalogue;
  /** The vocabulary of the stanzas that are replayed. */
  readonly names: Names;
  /** Returns milliseconds since 1970, for exceptions. */
  readonly clock: () => number;
  /** Whether the sizes include the padding of the policy; they do by default. */
  readonly pads?: boolean;
}

/** Sessions whose stages are kept at one time. Another one's are made anew, with the same pseudonyms. */
const sessionsKeptMax = 128;

/** The stage of a session, with the facts that it reads. */
interface Replayed {
  readonly stage: Stage;
  readonly facts: SessionRecord;
}

/** One policy, applied to the stanzas of a recording. A policy in shadow is applied as if it were enforced. */
export class Replay {
  readonly #factory: StageFactory;
  readonly #rendering: Rendering;
  readonly #scanner: StanzaScanner;
  readonly #sessions = new LRUCache<number, Replayed>({ max: sessionsKeptMax });
  readonly #startedAt: number;
  readonly #pads: boolean;

  constructor(policy: Policy, { catalogue, names, clock, pads = true }: ReplayOptions) {
    this.#pads = pads;
    const pseudonyms = new Pseudonyms([createSecretKey(randomBytes(32))]);
    const enforced = new CompiledPolicy({ ...policy, mode: 'enforce' }, { catalogue, names, pseudonyms });
    const inForce = { enforced, shadow: undefined };
    const enforcement = new Enforcement({ policies: () => inForce, decided: () => {} });
    this.#factory = policyStage({ enforcement, clock, random: () => 0 });
    const workspace = new Workspace(new SimdStructure(), defaultLimits);
    this.#rendering = new Rendering({ names, limits: defaultLimits, workspace });
    this.#scanner = new StanzaScanner(names);
    this.#startedAt = clock();
  }

  /** Passes the stanza as it is sent on; undefined when it is not. It is valid during the call.
   *  @param seen as received */
  forward(
    session: RecordedSession,
    direction: Direction,
    seen: SeenStanza,
    use: (forwarded: SeenStanza | undefined) => void,
  ): void {
    const { stanza } = seen;
    const disposition = this.#stageOf(session).judge(stanza, direction);
    if (disposition === forward && stanza.verbatim) use(seen);
    else if (disposition.kind === 'forward') this.#render(disposition, seen, use);
    else use(undefined);
  }

  #render(
    disposition: Extract<Disposition, { kind: 'forward' }>,
    { stanza, size }: SeenStanza,
    use: (forwarded: SeenStanza | undefined) => void,
  ): void {
    const written = this.#write(stanza, disposition);
    if (written === undefined) {
      use(undefined);
      return;
    }
    // The tokens of a recording may be shorter or longer than what they stand for.
    const length = written.length + size - stanza.byteLength;
    const { padTo } = disposition;
    const padded = padTo === undefined || !this.#pads ? length : length + paddingOf(length, padTo);
    this.#scanner.read(written, (rewritten) => use({ stanza: rewritten, wire: written, size: padded }));
  }

  /** @returns undefined above a limit of the data plane, which would close the stream */
  #write(
    stanza: Stanza,
    { edits = [], normalise = false }: Extract<Disposition, { kind: 'forward' }>,
  ): Uint8Array | undefined {
    try {
      return this.#rendering.write(stanza, edits, { normalise });
    } catch (error) {
      if (error instanceof StreamError) return undefined;
      throw error;
    }
  }

  #stageOf(session: RecordedSession): Stage {
    const { number, account, resource, established } = session;
    let replayed = this.#sessions.get(number);
    if (replayed === undefined) {
      replayed = this.#begin(session);
      this.#sessions.set(number, replayed);
    }
    const { facts, stage } = replayed;
    facts.account = account;
    facts.resource = resource;
    facts.phase = established ? 'established' : 'authenticating';
    return stage;
  }

  #begin({ number, gatekeeper, listener }: RecordedSession): Replayed {
    const facts = new SessionRecord({
      session: String(number),
      startedAt: this.#startedAt,
      listener,
      domain: '',
      gatekeeper,
      channelBinding: 'same-certificate',
    });
    const stage = this.#factory.begin({
      context: facts,
      now: () => 0,
      schedule: () => () => {},
      inject: () => {},
      repeat: () => {},
      settleClaims: () => {},
      identify: () => {},
      logInInline: () => {},
    });
    return { stage, facts };
  }
}
