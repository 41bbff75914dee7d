/** Turns what sessions read and send into records. One record per stanza, once it has left or was dropped. */
import type { Direction } from '../stanza/direction.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Mask } from './mask.ts';
import type { RecordingRecord, SessionRecordLine, StanzaRecord } from './record.ts';
import type { Tokens } from './tokens.ts';

export interface RecorderOptions {
  readonly mask: Mask;
  readonly tokens: Tokens;
  /** Returns milliseconds since 1970, not shifted, that never go back. */
  readonly now: () => number;
  readonly write: (record: RecordingRecord) => void;
}

/** What is recorded of a session. */
export interface RecordedFacts {
  readonly gatekeeper: string;
  readonly listener: string;
  readonly account: string;
  readonly resource: string;
  readonly phase: string;
}

export class Recorder {
  readonly #options: RecorderOptions;
  #sessions = 0;
  #over = false;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** Stops: nothing more is written or masked. */
  stop(): void {
    this.#over = true;
  }

  begin(facts: RecordedFacts): SessionRecorder {
    return new SessionRecorder(facts, this.#options, {
      number: () => (this.#sessions += 1),
      isOver: () => this.#over,
    });
  }
}

interface Recording {
  /** Returns the number of the next session. */
  readonly number: () => number;
  readonly isOver: () => boolean;
}

interface ReadStanza extends Pick<StanzaRecord, 'session' | 'direction' | 'received'> {
  readonly xml?: string | undefined;
}

export class SessionRecorder {
  readonly #facts: RecordedFacts;
  readonly #options: RecorderOptions;
  readonly #recording: Recording;
  /** What is recorded of the session so far. */
  #known: SessionRecordLine | undefined;
  /** The facts of `#known`, as they are. */
  #account = '';
  #resource = '';
  /** Stanzas that have not left. */
  readonly #waiting = new Set<RecordedStanza>();

  constructor(facts: RecordedFacts, options: RecorderOptions, recording: Recording) {
    this.#facts = facts;
    this.#options = options;
    this.#recording = recording;
  }

  read(stanza: Stanza, direction: Direction): RecordedStanza | undefined {
    if (this.#recording.isOver()) return undefined;
    const session = this.#announce();
    const xml = this.#options.mask.apply(stanza);
    return this.#await({ session, direction, received: stanza.byteLength, xml });
  }

  made(direction: Direction): RecordedStanza | undefined {
    if (this.#recording.isOver()) return undefined;
    return this.#await({ session: this.#announce(), direction, received: 0 });
  }

  /** Records what has not left as dropped. */
  end(): void {
    for (const stanza of this.#waiting) stanza.left(0);
  }

  #await({ session, direction, received, xml }: ReadStanza): RecordedStanza {
    const { now, tokens, write } = this.#options;
    const at = now();
    const stanza = new RecordedStanza((forwarded) => {
      this.#waiting.delete(stanza);
      if (this.#recording.isOver()) return;
      const waited = Math.round(now() - at);
      const record = {
        kind: 'stanza',
        session,
        direction,
        at: tokens.time(at),
        received,
        forwarded,
        waited,
      } as const;
      write(xml === undefined ? record : { ...record, xml });
    });
    this.#waiting.add(stanza);
    return stanza;
  }

  /** Records what is new of the session.
   *  @returns its number */
  #announce(): number {
    const { gatekeeper, listener, account, resource, phase } = this.#facts;
    const established = phase === 'established';
    const known = this.#known;
    if (
      known !== undefined &&
      known.established === established &&
      this.#account === account &&
      this.#resource === resource
    )
      return known.session;
    const { tokens, write } = this.#options;
    this.#account = account;
    this.#resource = resource;
    this.#known = {
      kind: 'session',
      session: known?.session ?? this.#recording.number(),
      gatekeeper,
      listener,
      account: account === '' ? '' : tokens.jid(account),
      resource: tokens.word(resource),
      established,
    };
    write(this.#known);
    return this.#known.session;
  }
}

/** A stanza whose outcome is awaited. */
export class RecordedStanza {
  #record: ((forwarded: number) => void) | undefined;

  constructor(record: (forwarded: number) => void) {
    this.#record = record;
  }

  /** Records the stanza: it was sent on with this many bytes, or dropped (0). */
  left(bytes: number): void {
    const record = this.#record;
    this.#record = undefined;
    record?.(bytes);
  }
}
