/** The times of answers in one session: deliveries to each side, and the time at which an answer to one may leave. */
import { hash } from 'node:crypto';
import { answeredKind } from '../stanza/answering.ts';
import { opposite, type Direction } from '../stanza/direction.ts';
import { editedValue } from '../stanza/edited-value.ts';
import { otherParty } from '../stanza/other-party.ts';
import { owedBy } from '../stanza/protocol.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { AwaitedAnswer, Edit, EqualisedAnswer } from '../stanza/verdict.ts';
import { AwaitedAnswers, type AnswerLimits, type AnswerTime } from './awaited-answers.ts';

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
export interface AwaitedName {
  readonly name: string;
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
    if (!this.#options.equalises(opposite(direction)) || isUnanswered(stanza, direction)) return noNames;
    const { kind } = stanza;
    const party = this.#partyOf(stanza, direction);
    const own = ownId(stanza, edits);
    const named = (id: string, afterMs: number | undefined): AwaitedName => ({
      name: hashedName(kind, party, id),
      afterMs,
    });
    const names = awaits.map(({ id, afterMs }) => named(id === own.was ? own.is : id, afterMs));
    if (own.is !== '' && !awaits.some(({ id }) => id === own.was)) names.push(named(own.is, undefined));
    return names;
  }

  /** Records the delivery of a stanza with these names. */
  deliver(names: readonly AwaitedName[], direction: Direction): void {
    for (const { name, afterMs } of names) this.#delivered[direction].deliver(name, afterMs);
  }

  /** Returns when an answer that was just read may leave. */
  timeOf(stanza: Stanza, direction: Direction, { id, field, afterMs }: EqualisedAnswer): AnswerTime {
    const kind = answeredKind(stanza);
    const name = hashedName(kind, this.#partyOf(stanza, direction), id);
    return this.#delivered[opposite(direction)].timeOf(name, field, afterMs, kind === 'iq');
  }

  /** Returns the other party of a stanza; '' for the account itself, with or without its address. */
  #partyOf(stanza: Stanza, direction: Direction): string {
    const party = otherParty(stanza, direction);
    return party === this.#options.account() ? '' : party;
  }
}

const noNames: readonly AwaitedName[] = [];

/** Returns the hash of the name by which a stanza is answered, so that no name is kept.
 *  @param party bare JID of its sender; '' for the account itself */
function hashedName(kind: string, party: string, id: string): string {
  // XML has no character 0.
  return hash('sha256', `${kind}\0${party}\0${id}`, 'base64');
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
  const was = stanza.attributeValue(0, 'id') ?? '';
  return { was, is: edits.length === 0 ? was : (editedValue(stanza, 'id', edits) ?? '') };
}
