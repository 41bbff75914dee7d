/** Stanzas that the client was sent and has not acknowledged or answered yet, where its protocol acknowledges single
 *  stanzas (`StanzaProtocol.acks`). What is kept of each is what the gatekeeper is sent in place of a receipt or an
 *  answer that is dropped, never the stanza.
 *
 *  An acknowledgement or answer of the client passes only for a stanza that it was sent, and once. So what waits in
 *  the proxy is not acknowledged before the client has it, and what the proxy has acknowledged is not acknowledged
 *  again. A receipt always passes: it may be about a message of an earlier session. */
import { refusalForm, writeRefusal, type RefusalForm } from '../minimisation/refuse.ts';
import { answersWith } from '../stanza/answering.ts';
import { ns } from '../stanza/namespaces.ts';
import { markedValue } from '../stanza/marked-attributes.ts';
import type { Answering, StanzaProtocol } from '../stanza/protocol.ts';
import { RootAttributes } from '../stanza/root-attributes.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Edit } from '../stanza/verdict.ts';

export interface UnacknowledgedLimits {
  /** Stanzas of one session that the client has not acknowledged. Above it the oldest is forgotten: its
   *  acknowledgement does not pass, and the gatekeeper sends the stanza again in the next session. */
  readonly unacknowledgedMax: number;
}

export const defaultUnacknowledgedLimits: UnacknowledgedLimits = { unacknowledgedMax: 1_024 };

/** Messages whose receipt was sent, and whose acknowledgement may follow: some clients send both. */
const receiptedMax = 64;

/** Attributes that are read of stanzas, and of what answers them. */
const attributesRead = ['id', 'type', 'from', 'to', 'participant', 'recipient', 'class'] as const;
type AttributeRead = (typeof attributesRead)[number];
/** Those with the addresses of a stanza to the client, and of what answers it. */
const addressesOfStanza = ['from', 'participant', 'recipient'] as const;
const addressesOfAnswer = ['to', 'participant', 'recipient'] as const;

const noMark = (): undefined => undefined;

/** A stanza that the client must acknowledge or answer. */
export interface Unacknowledged {
  /** Its kind and id. */
  readonly key: string;
  /** The users that it names, as the client was shown them. */
  readonly parties: readonly string[];
  /** How what the gatekeeper is sent in place of a dropped receipt or answer is written, and its values. */
  readonly form: RefusalForm;
  readonly values: Readonly<Record<string, string | undefined>>;
  /** Returns the base64 of an attribute that XML cannot have. */
  readonly marked: (name: string) => string | undefined;
  /** `receipted`: a receipt was sent or waits. `settled`: by an acknowledgement or an answer. */
  state: 'delivered' | 'receipted' | 'settled';
}

/** The stanzas that an element of the client acknowledges or answers. */
export interface Taken {
  readonly by: 'receipt' | 'answer';
  readonly stanzas: readonly Unacknowledged[];
}

export class UnacknowledgedStanzas {
  readonly #protocol: StanzaProtocol;
  readonly #limits: UnacknowledgedLimits;
  readonly #attributes = new RootAttributes<AttributeRead>(attributesRead);
  /** By key, oldest first, no empty lists. Stanzas of different senders may have the same id. */
  readonly #waiting = new Map<string, Unacknowledged[]>();
  #count = 0;
  /** Oldest first. */
  readonly #receipted: Unacknowledged[] = [];

  constructor(protocol: StanzaProtocol, limits: UnacknowledgedLimits) {
    this.#protocol = protocol;
    this.#limits = limits;
  }

  /** Number of stanzas in memory. */
  get size(): number {
    return this.#count + this.#receipted.length;
  }

  /** Returns the entry of a stanza to the client for `deliver`; undefined when nothing is owed for it. Called while the
   *  stanza is valid, possibly long before its delivery.
   *  @param edits with which it is sent */
  entryOf(stanza: Stanza, edits: readonly Edit[]): Unacknowledged | undefined {
    const { row } = stanza;
    if (row === undefined || row.owes['to-client'].otherwise === 'nothing') return undefined;
    const attributes = this.#attributes;
    attributes.read(stanza);
    const type = attributes.value('type');
    const form = refusalForm(stanza, 'to-client', type ?? '');
    if (form === undefined) return undefined;
    const isMarked = hasMarks(stanza);
    const shown = (name: AttributeRead): string =>
      attributes.shown(name, edits) ?? (isMarked ? marked(stanza, name) : '');
    return {
      key: keyOf(row.kind, shown('id')),
      parties: this.#parties(addressesOfStanza, shown),
      form,
      values: {
        id: attributes.value('id'),
        type,
        from: attributes.value('from'),
        to: attributes.value('to'),
        participant: attributes.value('participant'),
        recipient: attributes.value('recipient'),
      },
      marked: isMarked ? marksOf(stanza) : noMark,
      state: 'delivered',
    };
  }

  /** Records that the client was sent a stanza: one entry for each time, since receipts of one message have its id. */
  deliver(entry: Unacknowledged): void {
    const same = this.#waiting.get(entry.key);
    if (same === undefined) this.#waiting.set(entry.key, [entry]);
    else same.push(entry);
    this.#count += 1;
    if (this.#count > this.#limits.unacknowledgedMax) this.#remove(this.#oldest());
  }

  /** Takes the stanzas that an element of the client acknowledges or answers.
   *  @returns undefined for an element that does neither; `surplus` for an acknowledgement or answer of a stanza that
   *  the client was not sent, or that is settled: it must not pass */
  take(stanza: Stanza): Taken | 'surplus' | undefined {
    const answers = stanza.row?.answers;
    if (answers === undefined) return undefined;
    const attributes = this.#attributes;
    attributes.read(stanza);
    if (!answersWith(answers, attributes.value('type') ?? '')) return undefined;
    const isMarked = hasMarks(stanza);
    const value = (name: AttributeRead): string =>
      attributes.value(name) ?? (isMarked ? marked(stanza, name) : '');
    const kind = typeof answers.of === 'string' ? answers.of : value('class');
    const parties = this.#parties(addressesOfAnswer, value);
    if (answers.withheld === 'owed')
      return { by: 'receipt', stanzas: this.#receipt(idsOf(stanza, value('id'), answers), kind, parties) };
    const key = keyOf(kind, value('id'));
    const found = closest(this.#waiting.get(key) ?? [], parties) ?? this.#findReceipted(key, parties);
    if (found === undefined) return 'surplus';
    this.#remove(found);
    found.state = 'settled';
    return { by: 'answer', stanzas: [found] };
  }

  /** Records that the gatekeeper was sent what had taken these stanzas. */
  sent({ by, stanzas }: Taken): void {
    if (by === 'answer') return;
    for (const entry of stanzas) {
      if (entry.state !== 'receipted') continue;
      this.#remove(entry);
      this.#receipted.push(entry);
      if (this.#receipted.length > receiptedMax) this.#receipted.shift();
    }
  }

  /** Returns what the gatekeeper must be sent in place of what had taken these stanzas and was dropped. A message whose
   *  receipt was dropped may have been acknowledged meanwhile. */
  dropped({ by, stanzas }: Taken): readonly Uint8Array[] {
    const unsettled = stanzas.filter(({ state }) => by === 'answer' || state === 'receipted');
    for (const entry of unsettled) {
      this.#remove(entry);
      entry.state = 'settled';
    }
    return unsettled.map(({ form, values, marked: base64Of }) =>
      writeRefusal(this.#protocol, form, 'service-unavailable', {
        value: (name) => values[name],
        marked: base64Of,
      }),
    );
  }

  /** Marks the stanzas of a receipt, without those that have one.
   *  @returns them */
  #receipt(ids: Iterable<string>, kind: string, parties: readonly string[]): readonly Unacknowledged[] {
    const stanzas: Unacknowledged[] = [];
    for (const id of ids) {
      const delivered = this.#waiting.get(keyOf(kind, id))?.filter(({ state }) => state === 'delivered');
      const found = closest(delivered ?? [], parties);
      if (found === undefined) continue;
      found.state = 'receipted';
      stanzas.push(found);
    }
    return stanzas;
  }

  /** Returns the users that attributes name, without repetitions. */
  #parties<Name>(names: readonly Name[], value: (name: Name) => string): readonly string[] {
    const parties: string[] = [];
    for (const name of names) {
      const address = value(name);
      const party = address === '' ? '' : this.#protocol.partyOf(address);
      if (party !== '' && !parties.includes(party)) parties.push(party);
    }
    return parties;
  }

  #findReceipted(key: string, parties: readonly string[]): Unacknowledged | undefined {
    return closest(
      this.#receipted.filter((each) => each.key === key),
      parties,
    );
  }

  #oldest(): Unacknowledged {
    for (const [first] of this.#waiting.values()) return first!;
    throw new RangeError('nothing is waiting');
  }

  #remove(entry: Unacknowledged): void {
    const same = this.#waiting.get(entry.key);
    const index = same?.indexOf(entry) ?? -1;
    if (same !== undefined && index !== -1) {
      same.splice(index, 1);
      if (same.length === 0) this.#waiting.delete(entry.key);
      this.#count -= 1;
      return;
    }
    const place = this.#receipted.indexOf(entry);
    if (place !== -1) this.#receipted.splice(place, 1);
  }
}

/** Returns the stanza that names most of the parties of an answer, the older of two; undefined when none has a party in
 *  common with it, unless neither names one. */
function closest(
  candidates: readonly Unacknowledged[],
  parties: readonly string[],
): Unacknowledged | undefined {
  let best: Unacknowledged | undefined;
  let most = 0;
  for (const candidate of candidates) {
    const isOfServer = parties.length === 0 && candidate.parties.length === 0;
    const common = isOfServer ? 1 : candidate.parties.filter((each) => parties.includes(each)).length;
    if (common > most) [best, most] = [candidate, common];
  }
  return best;
}

/** Returns the ids of all stanzas that an element answers, each once: the search for one may take as long as there are
 *  stanzas with the same id. */
function idsOf(stanza: Stanza, id: string, { more }: Answering): Iterable<string> {
  const ids = new Set([id]);
  if (more === undefined) return ids;
  const { namespace } = stanza.protocol;
  for (const list of stanza.children()) {
    if (!stanza.is(list, namespace, more[0])) continue;
    for (const item of stanza.children(list))
      if (stanza.is(item, namespace, more[1])) ids.add(stanza.attributeValue(item, 'id') ?? '');
  }
  return ids;
}

/** Returns whether a stanza has attributes that are written as children. */
function hasMarks(stanza: Stanza): boolean {
  const first = stanza.firstChild();
  return first !== -1 && stanza.namespaceOf(first) === stanza.names.namespace(ns.chatMarks);
}

/** Returns a function that finds them after the stanza is gone. */
function marksOf(stanza: Stanza): (name: string) => string | undefined {
  const found = new Map(attributesRead.map((name) => [name as string, markedValue(stanza, name)]));
  return (name) => found.get(name);
}

/** Returns a value that XML cannot have, as its base64 after a character that XML lacks; '' without one. */
function marked(stanza: Stanza, name: string): string {
  const base64 = markedValue(stanza, name);
  return base64 === undefined ? '' : `\0${base64}`;
}

/** Returns the key of a kind and an id. XML has no character 0. */
function keyOf(kind: string, id: string): string {
  return `${kind}\0${id}`;
}
