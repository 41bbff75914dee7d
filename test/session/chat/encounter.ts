/** A client and a gatekeeper of the chat channel with the product's relay between them. Each peer is a model with its
 *  own reader; what they find wrong is in `failures`. */
import { setAttribute } from '../../../src/stanza/edits.ts';
import type { Direction } from '../../../src/stanza/direction.ts';
import type { Stanza } from '../../../src/stanza/stanza.ts';
import type { Disposition, HeldStanza } from '../../../src/stanza/verdict.ts';
import { ManualClock } from '../conversation.ts';
import { ChatLegs } from './chat-legs.ts';

/** An element that a peer has read. */
interface Read {
  readonly local: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Ids of the items of its list. */
  readonly items: readonly string[];
}

interface Incoming {
  readonly xml: string;
  readonly kind: string;
  readonly id: string;
  readonly party: string;
  /** Set when the gatekeeper has its acknowledgement, receipt or answer. */
  settled: boolean;
  /** Of this connection: acknowledgements and answers, and what became of it at the client. */
  acks: number;
  sent: boolean;
  delivered: boolean;
  dropped: boolean;
}

interface Own {
  readonly kind: string;
  answers: number;
}

const incomingKinds = [
  'message',
  'message',
  'message',
  'receipt',
  'notification',
  'call',
  'status',
  'iq',
] as const;
const senders = ["from='11:2@s.whatsapp.net'", "from='22@lid'", "from='9@g.us' participant='11:2@s.whatsapp.net'", "from='44:1@s.whatsapp.net' recipient='22@lid'", "from='status@broadcast' participant='33@s.whatsapp.net'", "from='s.whatsapp.net'"] as const; // prettier-ignore
const partyOfSender = ['11', '22', '9', '22', '33', ''] as const;
const receivers = ["to='11@s.whatsapp.net'", "to='22@lid'", "to='9@g.us'"] as const;

export class Encounter {
  readonly failures: string[] = [];
  readonly counts = { dropped: 0, repeated: 0, replaced: 0, surplus: 0 };
  readonly #random: () => number;
  readonly #clock = new ManualClock();
  readonly #incoming: Incoming[] = [];
  readonly #own = new Map<string, Own>();
  /** What the client will still do. */
  #intents: (() => void)[] = [];
  #held: HeldStanza[] = [];
  #policy = 1;
  #legs = this.#connect();
  /** Order of the stanzas of each party, by direction: those sent, and those that have arrived. */
  #order = new Map<string, { sent: string[]; arrived: string[] }>();
  #serial = 0;

  constructor(seed: number) {
    this.#random = mulberry(seed);
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step += 1) this.#step();
  }

  /** Lets both peers and the proxy do what they still have to do. Then nothing is owed any more, without another
   *  connection in which the gatekeeper repeats stanzas. */
  settle(): void {
    this.#finishWaiting();
    for (const each of this.#incoming)
      if (!each.settled) this.failures.push(`${each.kind} ${each.id} is not acknowledged`);
    for (const [id, { kind, answers }] of this.#own)
      if (answers !== 1) this.failures.push(`${kind} ${id} has ${answers} answers`);
    this.#checkOrder();
  }

  #finishWaiting(): void {
    for (;;) {
      while (this.#held.length > 0) this.#finishHeld();
      this.#clock.advance(10_000);
      this.#exchange();
      const intent = this.#intents.shift();
      if (intent === undefined && this.#held.length === 0 && this.#clock.pending === 0) return;
      intent?.();
    }
  }

  #step(): void {
    const roll = this.#random();
    if (roll < 0.35) this.#gatekeeperSends();
    else if (roll < 0.5) this.#clientSends();
    else if (roll < 0.75) this.#clientReacts();
    else if (roll < 0.82) this.#clientGuesses();
    else if (roll < 0.9) this.#clock.advance(Math.floor(this.#random() * 2_000));
    else if (roll < 0.96) this.#finishHeld();
    else if (roll < 0.985) this.#policy += 1;
    else this.#cut();
    this.#exchange();
  }

  // ---- the gatekeeper -----------------------------------------------------------------------------------------------

  #gatekeeperSends(): void {
    const kind = this.#pick(incomingKinds);
    const sender = Math.floor(this.#random() * senders.length);
    const id = `I${(this.#serial += 1)}`;
    const type = kind === 'iq' ? " type='get'" : kind === 'receipt' ? " type='read'" : '';
    const incoming: Incoming = {
      xml: `<${kind} id='${id}' ${senders[sender]}${type}/>`,
      kind,
      id,
      party: partyOfSender[sender]!,
      settled: false,
      acks: 0,
      sent: false,
      delivered: false,
      dropped: false,
    };
    this.#incoming.push(incoming);
    this.#send(incoming);
  }

  #send(incoming: Incoming): void {
    Object.assign(incoming, { sent: true, acks: 0, delivered: false, dropped: false });
    this.#noteSent('to-client', incoming.party, incoming.id);
    this.#legs.legs.read('to-client', incoming.xml);
  }

  #gatekeeperReads(read: Read): void {
    const { local, attributes } = read;
    if (local === 'ack') this.#settled(read, attributes['class'] ?? '', true);
    else if (local === 'receipt') {
      for (const id of [attributes['id']!, ...read.items]) this.#settled(read, 'message', false, id);
    } else if (local === 'iq' && attributes['type'] === 'result') this.#settled(read, 'iq', true);
    else if (local === 'iq' && attributes['type'] === 'error') this.#settled(read, 'iq', true);
    else {
      this.#noteArrived('to-gatekeeper', attributes['id']!);
      this.#answerOwn(local, attributes);
    }
  }

  #settled({ attributes }: Read, kind: string, isAck: boolean, id = attributes['id']): void {
    const incoming = this.#incoming.find((each) => each.id === id);
    if (incoming?.kind !== kind) {
      // A receipt may be about anything.
      if (isAck) this.failures.push(`${kind} ${id} was never sent`);
      return;
    }
    if (isAck) {
      incoming.acks += 1;
      if (incoming.acks > 1) this.failures.push(`${kind} ${id} is acknowledged twice`);
      const written = `from='${attributes['to']}'`;
      if (!incoming.xml.includes(written)) this.failures.push(`${kind} ${id} is acknowledged to another`);
    }
    if (!incoming.delivered && !incoming.dropped) {
      if (isAck) this.failures.push(`${kind} ${id} is acknowledged although the client does not have it`);
      return;
    }
    if (isAck && incoming.dropped) this.counts.replaced += 1;
    incoming.settled = true;
  }

  #answerOwn(local: string, { id, to }: Readonly<Record<string, string>>): void {
    const answer =
      local === 'message'
        ? `<ack class='message' id='${id}' from='${to}' t='1'/>`
        : `<iq id='${id}' from='s.whatsapp.net' type='result'/>`;
    if (local === 'message' || local === 'iq') this.#legs.legs.read('to-client', answer);
  }

  // ---- the client ---------------------------------------------------------------------------------------------------

  #clientReads({ local, attributes }: Read): void {
    const { id = '' } = attributes;
    if (local === 'ack' || (local === 'iq' && attributes['type'] !== 'get')) {
      const own = this.#own.get(id);
      if (own === undefined) this.failures.push(`the answer ${id} is to no request`);
      else own.answers += 1;
      return;
    }
    this.#noteArrived('to-client', id);
    const incoming = this.#incoming.find((each) => each.id === id)!;
    if (incoming.dropped) this.failures.push(`${id} was dropped and arrived`);
    incoming.delivered = true;
    for (const action of this.#actionsFor(incoming)) this.#intents.push(action);
  }

  /** Returns what a client does about a stanza: some send a receipt for a message, some an acknowledgement, some both. */
  #actionsFor({ kind, id, xml }: Incoming): (() => void)[] {
    const back = xml.replace(/^<\w+ id='[^']*' /, '').replace('from=', 'to=').replace(/ type='[^']*'/, '').replace('/>', ''); // prettier-ignore
    const say = (text: string) => () => this.#legs.legs.read('to-gatekeeper', text);
    if (kind === 'iq') return [say(`<iq id='${id}' ${back} type='result'/>`)];
    const ack = say(`<ack class='${kind}' id='${id}' ${back}/>`);
    if (kind !== 'message') return [ack];
    const receipt = say(`<receipt id='${id}' ${back}/>`);
    const read = say(`<receipt id='${id}' ${back} type='read'/>`);
    const habits = [
      [ack],
      [receipt],
      [receipt, ack],
      [ack, receipt],
      [receipt, read],
      [receipt, read, ack],
      [ack, read],
    ];
    return this.#pick(habits);
  }

  #clientReacts(): void {
    const at = Math.floor(this.#random() * this.#intents.length);
    for (const intent of this.#intents.splice(at, 1 + Math.floor(this.#random() * 3))) {
      intent();
      this.#exchange();
    }
  }

  /** Acknowledges a stanza that the client does not have, or has acknowledged. */
  #clientGuesses(): void {
    if (this.#incoming.length === 0) return;
    const { kind, id, xml, delivered, settled } = this.#pick(this.#incoming);
    // What it has, it acknowledges in its own time.
    if (delivered && !settled) return;
    this.counts.surplus += 1;
    const to = /from='([^']*)'/.exec(xml)![1];
    const others = /(?: participant| recipient)='[^']*'/.exec(xml)?.[0] ?? '';
    const answer =
      kind === 'iq'
        ? `<iq id='${id}' to='${to}' type='result'/>`
        : `<ack class='${kind}' id='${id}' to='${to}'${others}/>`;
    this.#legs.legs.read('to-gatekeeper', answer);
  }

  #clientSends(): void {
    const id = `O${(this.#serial += 1)}`;
    const roll = this.#random();
    const receiver = this.#pick(receivers);
    const party = /'(\d+)/.exec(receiver)![1]!;
    if (roll < 0.5) {
      this.#own.set(id, { kind: 'message', answers: 0 });
      this.#noteSent('to-gatekeeper', party, id);
      this.#legs.legs.read('to-gatekeeper', `<message id='${id}' ${receiver}/>`);
    } else if (roll < 0.8) {
      this.#own.set(id, { kind: 'iq', answers: 0 });
      this.#noteSent('to-gatekeeper', '', id);
      this.#legs.legs.read('to-gatekeeper', `<iq id='${id}' to='s.whatsapp.net' type='get'/>`);
    } else {
      this.#noteSent('to-gatekeeper', party, id);
      this.#legs.legs.read('to-gatekeeper', `<chatstate id='${id}' ${receiver}/>`);
    }
  }

  // ---- the proxy ----------------------------------------------------------------------------------------------------

  #connect(): ChatLegs {
    return new ChatLegs((stanza, direction) => this.#judge(stanza, direction), { clock: this.#clock });
  }

  /** Ends the connection, and begins another: the gatekeeper repeats what was not acknowledged, and the client has
   *  forgotten what it was about to do. Requests without an answer ended with the connection. */
  #cut(): void {
    void this.#legs.legs.relay.end();
    this.#exchange();
    this.#held = [];
    this.#intents = [];
    for (const [id, { answers }] of this.#own) if (answers === 0) this.#own.delete(id);
    this.#checkOrder();
    this.#order = new Map();
    this.#legs = this.#connect();
    for (const each of this.#incoming) {
      if (each.settled) continue;
      this.counts.repeated += 1;
      this.#send(each);
      this.#exchange();
    }
  }

  #judge(stanza: Stanza, direction: Direction): Disposition {
    const { kind } = stanza;
    const type = stanza.attributeValue(0, 'type') ?? '';
    // The same under one policy for one kind, as rules are.
    const chance = fraction(`${this.#policy} ${direction} ${kind} ${type}`);
    const isAnswer = kind === 'ack' || type === 'result' || type === 'error';
    if (chance < 0.3 && !isAnswer) {
      this.#noteDropped(stanza, direction);
      return { kind: 'drop' };
    }
    if (chance < 0.45) return { kind: 'forward', delayMs: Math.floor(this.#random() * 3_000) };
    if (chance < 0.6) return { kind: 'hold', keep: (held) => this.#held.push(held) };
    if (chance < 0.75 && kind === 'receipt')
      return { kind: 'forward', edits: [setAttribute(stanza, 0, 'type', 'inactive')] };
    if (chance < 0.75) return { kind: 'forward', normalise: true };
    return { kind: 'forward' };
  }

  #noteDropped(stanza: Stanza, direction: Direction): void {
    const id = stanza.attributeValue(0, 'id')!;
    this.counts.dropped += 1;
    if (direction === 'to-gatekeeper') return;
    const incoming = this.#incoming.find((each) => each.id === id);
    if (incoming !== undefined) incoming.dropped = true;
  }

  #finishHeld(): void {
    const at = Math.floor(this.#random() * this.#held.length);
    const [held] = this.#held.splice(at, 1);
    if (held === undefined) return;
    const { kind } = held.stanza;
    const isAnswer = kind === 'ack' || held.stanza.attributeValue(0, 'type') === 'result';
    if (this.#random() < 0.5 || isAnswer) held.release();
    else {
      const id = held.stanza.attributeValue(0, 'id')!;
      this.#noteDropped(
        held.stanza,
        id.startsWith('I') && !isClients(held.stanza) ? 'to-client' : 'to-gatekeeper',
      );
      held.drop();
    }
  }

  /** Lets both peers read until nothing is left. */
  #exchange(): void {
    for (;;) {
      const { client, gatekeeper } = this.#legs.news();
      if (client === '' && gatekeeper === '') return;
      for (const read of elementsOf(gatekeeper)) this.#gatekeeperReads(read);
      for (const read of elementsOf(client)) this.#clientReads(read);
      if (this.#legs.legs.failure !== undefined) throw this.#legs.legs.failure;
    }
  }

  // ---- order --------------------------------------------------------------------------------------------------------

  #noteSent(direction: Direction, party: string, id: string): void {
    const key = `${direction} ${party}`;
    const order = this.#order.get(key) ?? { sent: [], arrived: [] };
    order.sent.push(id);
    this.#order.set(key, order);
  }

  #noteArrived(direction: Direction, id: string): void {
    for (const [key, { sent, arrived }] of this.#order)
      if (key.startsWith(direction) && sent.includes(id)) arrived.push(id);
  }

  #checkOrder(): void {
    for (const [key, { sent, arrived }] of this.#order) {
      const expected = sent.filter((id) => arrived.includes(id));
      if (expected.join() !== arrived.join()) this.failures.push(`order of ${key}: ${arrived.join()}`);
    }
  }

  #pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)]!;
  }
}

/** Returns whether a held stanza is of the client: it names the other party in `to`. */
function isClients(stanza: Stanza): boolean {
  return stanza.attributeValue(0, 'to') !== undefined;
}

/** Reads elements whose content is at most a list of items. */
function elementsOf(xml: string): Read[] {
  return [...xml.matchAll(/<(\w+)([^>]*?)(?:\/>|>(.*?)<\/\1>)/g)].map(([, local, written, content = '']) => ({
    local: local!,
    attributes: Object.fromEntries(
      [...written!.matchAll(/ ([\w:]+)=(?:'([^']*)'|"([^"]*)")/g)].map(([, name, one, two]) => [
        name!,
        one ?? two!,
      ]),
    ),
    items: [...content.matchAll(/<item id='([^']*)'/g)].map(([, id]) => id!),
  }));
}

/** Returns a number in [0, 1) of a text. */
function fraction(text: string): number {
  let hash = 2_166_136_261;
  for (const character of text) hash = Math.imul(hash ^ character.charCodeAt(0), 16_777_619);
  return mulberry(hash)();
}

/** Returns numbers in [0, 1), the same for the same seed. */
function mulberry(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
