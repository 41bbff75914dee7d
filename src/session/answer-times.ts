/** The times of answers in one session: deliveries to each side, and the time at which an answer to one may leave. */
import { answeredKind } from '../stanza/answering.ts';
import { opposite, type Direction } from '../stanza/direction.ts';
import { editedValue } from '../stanza/edited-value.ts';
import { otherParty } from '../stanza/other-party.ts';
import { owedBy } from '../stanza/protocol.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { AwaitedAnswer, Edit, EqualisedAnswer } from '../stanza/verdict.ts';
import { AwaitedAnswers, type AnswerLimits, type AnswerTime, type Awaited } from './awaited-answers.ts';

export interface AnswerTimesOptions {
  readonly limits: AnswerLimits;
  /** Returns monotonic milliseconds. */
  readonly now: () => number;
  /** Returns the bare JID of the session's account, '' until known. */
  readonly account: () => string;
  /** Returns whether the time of answers in this direction is equalised. */
  readonly equalises: (direction: Direction) => boolean;
}

/** A name by which a stanza will be answered, with the milliseconds after its delivery. */
export interface AwaitedName extends Awaited {
  readonly afterMs: number | undefined;
}

export class AnswerTimes {
  readonly #options: AnswerTimesOptions;
  readonly #delivered: Readonly<Record<Direction, AwaitedAnswers>>;

  constructor(options: AnswerTimesOptions) {
    this.#options = options;
    const delivered = (): AwaitedAnswers => new AwaitedAnswers(options.limits, options.now);
    this.#delivered = { 'to-gatekeeper': delivered(), 'to-client': delivered() };
  }

  /** Returns the names by which a stanza will be answered. Called while the stanza is valid, possibly long before its
   *  delivery.
   *  @param edits with which it is sent */
  namesOf(
    stanza: Stanza,
    direction: Direction,
    awaits: readonly AwaitedAnswer[],
    edits: readonly Edit[],
  ): readonly AwaitedName[] {
    if (!this.#options.equalises(opposite(direction)) || isUnanswered(stanza, direction)) return [];
    const { kind } = stanza;
    const party = this.#partyOf(stanza, direction);
    const own = ownId(stanza, edits);
    const names = awaits.map(({ id, afterMs }) => ({ kind, party, id, afterMs }));
    if (own.is === '' || names.some(({ id }) => id === own.was))
      return names.map((name) => (name.id === own.was ? { ...name, id: own.is } : name));
    return [...names, { kind, party, id: own.is, afterMs: undefined }];
  }

  /** Records the delivery of a stanza with these names. */
  deliver(names: readonly AwaitedName[], direction: Direction): void {
    for (const name of names) this.#delivered[direction].deliver(name, name.afterMs);
  }

  /** Returns when an answer that was just read may leave. */
  timeOf(stanza: Stanza, direction: Direction, { id, field, afterMs }: EqualisedAnswer): AnswerTime {
    const awaited = { kind: answeredKind(stanza), party: this.#partyOf(stanza, direction), id };
    return this.#delivered[opposite(direction)].timeOf(awaited, field, afterMs);
  }

  /** Returns the other party of a stanza; '' for the account itself, with or without its address. */
  #partyOf(stanza: Stanza, direction: Direction): string {
    const party = otherParty(stanza, direction);
    return party === this.#options.account() ? '' : party;
  }
}

/** Returns whether no answer to a stanza is awaited: nothing is owed for it (RFC 6120 §8.2.3, §8.3.1), or it is a
 *  presence, of which a room sends thousands and which clients do not answer. */
function isUnanswered(stanza: Stanza, direction: Direction): boolean {
  const { row } = stanza;
  if (row === undefined || row.kind === 'presence') return true;
  return owedBy(row, direction, stanza.attributeValue(0, 'type') ?? '') === 'nothing';
}

/** Returns the id of a stanza as received, and as its receiver sees it; '' for none. */
function ownId(stanza: Stanza, edits: readonly Edit[]): { readonly was: string; readonly is: string } {
  return { was: stanza.attributeValue(0, 'id') ?? '', is: editedValue(stanza, 'id', edits) ?? '' };
}
