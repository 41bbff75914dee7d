/** Conversations over the chat channel on real sockets: clients, a proxy under policies that change, and the simulated
 *  gatekeeper, which repeats what is not acknowledged. Connections are cut, clients acknowledge in different ways, and
 *  some acknowledge what they do not have. What each side has read and when is recorded, and nothing may be lost,
 *  doubled or unacknowledged. */
import { setTimeout as wait } from 'node:timers/promises';
import { connectChatClient, type ChatClient } from '../../src/simulator/chat/client.ts';
import { mannersOf } from '../../src/simulator/chat/manners.ts';
import type { ChatUser } from '../../src/simulator/chat/users.ts';
import type { ChatNodeRecord } from '../../src/simulator/chat/options.ts';
import type { ChatNode } from '../../src/simulator/chat/node.ts';
import { startChatParties, type ChatParties } from './chat-parties.ts';
import { Random } from './random.ts';
import { temporaryFolder, type TemporaryFolder } from './temporary.ts';

export interface ConversationsOptions {
  readonly count: number;
  readonly seed: number;
  /** Policies that take turns. */
  readonly policies: readonly TimedPolicy[];
  readonly progress: (done: number) => void;
}

export interface TimedPolicy {
  readonly text: string;
  /** Whether it equalises the time of acknowledgements. What answers a stanza that was delivered before the policy came
   *  waits for up to a minute then. */
  readonly equalises: boolean;
}

export interface ConversationsResult {
  readonly figures: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
}

/** Conversations at the same time, each of two accounts. */
const tables = 6;
const actionsPerConversation = 24;
/** Between two policies. */
const policyMs = 700;
const settleMs = 20_000;
/** After which the accounts connect again where answers may wait for long. */
const patienceMs = 1_500;
/** A policy is in force no later than this after its file was written. */
const reloadMs = 2_000;

/** Stanzas that the gatekeeper repeats until they are acknowledged. */
const repeated: ReadonlySet<string> = new Set(['message', 'receipt', 'notification', 'call']);

/** A stanza that the gatekeeper has for one account. */
interface Expected {
  readonly kind: string;
  readonly from: string;
}

/** What one connection of an account has seen. Moments are numbers of one order over all sides. */
interface Visit {
  /** Undefined while it logs in. */
  client: ChatClient | undefined;
  /** When each stanza was read, by kind and id. */
  readonly read: Map<string, number>;
  /** When the gatekeeper had each acknowledgement, by class and id. */
  readonly acknowledged: Map<string, number>;
  /** The same for receipts. */
  readonly receipted: Map<string, number>;
  /** Answers by id of the own message or request. */
  readonly answers: Map<string, number>;
  /** Ids of own messages and requests. */
  readonly asked: string[];
  /** Ids of the gatekeeper's pings that were answered. */
  readonly pings: Set<string>;
  /** Stanzas that it has acknowledged without having them. */
  readonly guessed: Set<string>;
  /** Own messages by receiver, as sent, and as the gatekeeper has read them. */
  readonly sent: { readonly to: string; readonly id: string }[];
  readonly arrived: { readonly to: string; readonly id: string }[];
  isCut: boolean;
  /** Number of acknowledgements that were checked. */
  checked: number;
}

interface Account {
  readonly subject: string;
  readonly user: ChatUser;
  readonly address: string;
  readonly visits: Visit[];
  /** Everything that the gatekeeper has had for the account, by kind and id. */
  readonly expected: Map<string, Expected>;
}

export async function runChatConversations(options: ConversationsOptions): Promise<ConversationsResult> {
  const folder = await temporaryFolder();
  const policy = await folder.write('policy.yaml', options.policies[0]!.text);
  const run = new Run(options, folder, policy);
  try {
    return await run.run();
  } finally {
    await run.close();
    await folder[Symbol.asyncDispose]();
  }
}

class Run {
  readonly #options: ConversationsOptions;
  readonly #folder: TemporaryFolder;
  readonly #policy: string;
  readonly #failures: string[] = [];
  readonly #byAddress = new Map<string, Account>();
  /** By connection of the gatekeeper. */
  readonly #visits = new Map<number, Visit>();
  readonly #counts = {
    stanzas: 0,
    cuts: 0,
    logins: 0,
    guesses: 0,
    'connected again': 0,
    policies: 0,
    'answered pings': 0,
    'acknowledgements of the proxy': 0,
  };
  #parties!: ChatParties;
  #moment = 0;
  #serial = 0;
  #next = 0;
  #done = 0;
  #isOver = false;
  /** Whether the last policy equalises, and when one last did. */
  #equalises = false;
  #equalisedAt = -Infinity;

  constructor(options: ConversationsOptions, folder: TemporaryFolder, policy: string) {
    this.#options = options;
    this.#folder = folder;
    this.#policy = policy;
  }

  async run(): Promise<ConversationsResult> {
    this.#parties = await startChatParties({
      proxy: { policy: this.#policy, limits: { stanzasPerSecondMax: 0 } },
      gatekeeper: {
        pingEveryMs: 250,
        onLogin: ({ connectionId, address }) => this.#loggedIn(connectionId, address),
        onNode: (record) => this.#gatekeeperHas(record),
      },
    });
    const stop = new AbortController();
    const changing = this.#changePolicies(stop.signal);
    try {
      await Promise.all(Array.from({ length: tables }, (_, table) => this.#table(table)));
    } finally {
      stop.abort();
      await changing;
    }
    const { accepted, sentAgain, settled, settledAgain, unfounded, refused } =
      this.#parties.gatekeeper.counts;
    if (unfounded > 0) this.#failures.push(`${unfounded} acknowledgements of what was never sent`);
    if (refused > 0) this.#failures.push(`${refused} stanzas had no room`);
    if (this.#failures.length > 0)
      this.#failures.push(`sessions ended: ${[...new Set(this.#parties.proxy.closed)].join(', ')}`);
    const figures = { conversations: this.#done, ...this.#counts, accepted, 'sent again': sentAgain, settled, 'receipt and acknowledgement': settledAgain }; // prettier-ignore
    return { figures, failures: this.#failures };
  }

  async close(): Promise<void> {
    this.#isOver = true;
    for (const { visits } of this.#byAddress.values()) for (const { client } of visits) client?.destroy();
    await this.#parties?.[Symbol.asyncDispose]();
  }

  async #changePolicies(signal: AbortSignal): Promise<void> {
    const { policies } = this.#options;
    while (!signal.aborted && policies.length > 1) {
      await wait(policyMs, undefined, { signal }).catch(() => {});
      this.#counts.policies += 1;
      const next = policies[this.#counts.policies % policies.length]!;
      if (next.equalises || this.#equalises) this.#equalisedAt = performance.now();
      this.#equalises = next.equalises;
      await this.#folder.write('policy.yaml', next.text);
    }
  }

  /** Holds conversations of two accounts, one after the other, until all are held. */
  async #table(table: number): Promise<void> {
    const pair = [this.#account(`one-${table}`), this.#account(`other-${table}`)] as const;
    const group = this.#parties.users.addGroup(...pair.map(({ user }) => user));
    while (this.#next < this.#options.count && this.#failures.length < 20) {
      const number = (this.#next += 1);
      const random = new Random(this.#options.seed * 100_003 + number);
      try {
        await this.#converse(pair, group, random);
      } catch (error) {
        this.#failures.push(`conversation ${number}: ${String(error)}`);
      }
      for (const account of pair) this.#check(account, `conversation ${number}`);
      this.#done += 1;
      this.#options.progress(this.#done);
    }
  }

  #account(name: string): Account {
    const subject = `${name}@provider.example`;
    const user = this.#parties.enlist(subject);
    const account = { subject, user, address: user.address, visits: [], expected: new Map() };
    this.#byAddress.set(user.address, account);
    return account;
  }

  // ---- what happens -------------------------------------------------------------------------------------------------

  async #converse(pair: readonly [Account, Account], group: string, random: Random): Promise<void> {
    const begun = performance.now();
    for (const account of pair) await this.#arrive(account, random);
    for (let action = 0; action < actionsPerConversation; action += 1) {
      const [one, other] = random.once(2) ? pair : ([pair[1], pair[0]] as const);
      await this.#act(one, random.once(3) ? group : other.address, random);
      if (random.once(4)) await wait(random.below(8));
    }
    for (const account of pair) await this.#arrive(account, random);
    await this.#settled(pair, begun, random);
  }

  /** Connects an account that is not connected. */
  async #arrive(account: Account, random: Random): Promise<void> {
    const last = account.visits.at(-1);
    if (last !== undefined && !last.isCut) return;
    const token = await this.#parties.token(account.subject);
    const visit = newVisit();
    account.visits.push(visit);
    const message = random.pick(['receipt', 'ack', 'both'] as const);
    const manners = mannersOf({
      message,
      ...random.pick([{}, { receiptType: 'inactive' }, { receiptType: 'read' }]),
    });
    const { proxy, ca } = this.#parties;
    visit.client = await connectChatClient({
      endpoint: { host: '127.0.0.1', port: proxy.direct, tls: 'direct', ca, domain: 'localhost' },
      token,
      manners: (node) => {
        this.#clientReads(node, visit);
        return manners(node);
      },
    });
    this.#counts.logins += 1;
    void this.#awaitEnd(account, visit, visit.client);
  }

  /** Notes the end of a connection, which only the client's side may cause. */
  async #awaitEnd({ subject }: Account, visit: Visit, { closed }: ChatClient): Promise<void> {
    await closed;
    if (!visit.isCut && !this.#isOver) this.#failures.push(`${subject} was disconnected`);
    visit.isCut = true;
  }

  async #act(account: Account, to: string, random: Random): Promise<void> {
    const visit = account.visits.at(-1)!;
    if (visit.isCut) {
      if (random.once(3)) await this.#arrive(account, random);
      return;
    }
    const client = visit.client!;
    const id = `${(this.#serial += 1)}`;
    const roll = random.below(100);
    if (roll < 30) {
      visit.sent.push({ to, id });
      visit.asked.push(id);
      client.send({ tag: 'message', attrs: { id, to, type: 'text' }, content: [encrypted(random)] });
    } else if (roll < 40) this.#readMessage(visit, random);
    else if (roll < 50) {
      visit.asked.push(`q${id}`);
      client.send({ tag: 'iq', attrs: { id: `q${id}`, to: 's.whatsapp.net', type: 'get', xmlns: 'w:p' }, content: [{ tag: 'ping', attrs: {} }] }); // prettier-ignore
    } else if (roll < 58)
      client.send({ tag: 'chatstate', attrs: { to }, content: [{ tag: 'composing', attrs: {} }] }); // prettier-ignore
    else if (roll < 62)
      client.send({ tag: 'presence', attrs: { type: random.pick(['available', 'unavailable']) } }); // prettier-ignore
    else if (roll < 80) this.#gatekeeperSays(account, id, random);
    else if (roll < 88) this.#guess(account, visit, random);
    else if (roll < 92) {
      this.#counts.cuts += 1;
      visit.isCut = true;
      client.destroy();
    }
    this.#counts.stanzas += 1;
  }

  /** Sends a read receipt for a message, or for two. */
  #readMessage({ client, read }: Visit, random: Random): void {
    const messages = client!.received.filter(({ node: { tag } }) => tag === 'message').slice(-4);
    if (messages.length === 0) return;
    const { node } = random.pick(messages);
    const { id = '', from = '', participant } = node.attrs;
    const second = messages.find(({ node: { attrs } }) => attrs['id'] !== id && attrs['from'] === from && attrs['participant'] === participant); // prettier-ignore
    const list = {
      tag: 'list',
      attrs: {},
      content: [{ tag: 'item', attrs: { id: second?.node.attrs['id'] ?? '' } }],
    };
    if (!read.has(`message ${id}`)) return;
    client!.send({
      tag: 'receipt',
      attrs: { id, to: from, type: 'read', ...(participant === undefined ? {} : { participant }) },
      ...(second === undefined ? {} : { content: [list] }),
    });
  }

  /** Acknowledges what the client does not have. Messages are left out: one that is on its way would count as read. */
  #guess(account: Account, { client, read, guessed }: Visit, random: Random): void {
    const unread = [...account.expected].filter(([name, { kind }]) => kind !== 'message' && !read.has(name));
    const [name, expected] = unread.length === 0 ? ['message 0', undefined] : random.pick(unread);
    const [kind = '', id = ''] = name.split(' ');
    this.#counts.guesses += 1;
    guessed.add(name);
    client!.send({ tag: 'ack', attrs: { class: kind, id, to: expected?.from ?? account.address } });
  }

  #gatekeeperSays({ address }: Account, id: string, random: Random): void {
    const from = '39001@s.whatsapp.net';
    const stanzas: readonly ChatNode[] = [
      { tag: 'notification', attrs: { id, from, type: 'contacts' }, content: [{ tag: 'update', attrs: { jid: from } }] },
      { tag: 'notification', attrs: { id, from, type: 'devices' }, content: [{ tag: 'update', attrs: { hash: 'x' } }] },
      { tag: 'receipt', attrs: { id, from } },
      { tag: 'receipt', attrs: { id, from, type: 'read' } },
      { tag: 'call', attrs: { id, from, t: '1' }, content: [{ tag: 'terminate', attrs: { 'call-id': id } }] },
      { tag: 'message', attrs: { id, from, type: 'text', t: '1' }, content: [encrypted(random)] },
      { tag: 'message', attrs: { id, from: address, recipient: from, type: 'text', t: '1' }, content: [encrypted(random)] },
    ]; // prettier-ignore
    this.#parties.gatekeeper.deliver(address, random.pick(stanzas));
  }

  // ---- what is recorded ---------------------------------------------------------------------------------------------

  #clientReads({ tag, attrs }: ChatNode, { read, answers }: Visit): void {
    const { id = '' } = attrs;
    const name = `${tag} ${id}`;
    if (tag === 'ack' || (tag === 'iq' && attrs['type'] !== 'get')) {
      answers.set(id, (answers.get(id) ?? 0) + 1);
      return;
    }
    if (!repeated.has(tag)) return;
    // Receipts of one message have its id.
    if (read.has(name) && tag !== 'receipt') this.#failures.push(`${name} was read twice on one connection`);
    if (!read.has(name)) read.set(name, (this.#moment += 1));
  }

  #loggedIn(connectionId: number, address: string | undefined): void {
    const visit = address === undefined ? undefined : this.#byAddress.get(address)?.visits.at(-1);
    if (visit !== undefined) this.#visits.set(connectionId, visit);
  }

  #gatekeeperHas({ connectionId, address, direction, node }: ChatNodeRecord): void {
    const account = address === undefined ? undefined : this.#byAddress.get(address);
    const visit = this.#visits.get(connectionId);
    if (account === undefined || visit === undefined) return;
    const { tag, attrs } = node;
    if (direction === 'sent') {
      if (repeated.has(tag))
        account.expected.set(`${tag} ${attrs['id']}`, { kind: tag, from: attrs['from'] ?? '' });
      return;
    }
    const moment = (this.#moment += 1);
    if (tag === 'iq' && attrs['type'] !== 'get' && attrs['type'] !== 'set')
      this.#answered(visit, attrs['id']!);
    if (tag === 'message') visit.arrived.push({ to: attrs['to']!, id: attrs['id']! });
    if (tag === 'receipt' && attrs['type'] !== 'retry') visit.receipted.set(`message ${attrs['id']}`, moment);
    if (tag !== 'ack') return;
    const name = `${attrs['class']} ${attrs['id']}`;
    if (visit.acknowledged.has(name) && attrs['class'] !== 'receipt')
      this.#failures.push(`${name} was acknowledged twice on one connection`);
    visit.acknowledged.set(name, moment);
  }

  /** Notes that a ping of the gatekeeper was answered, by the client or in its place. */
  #answered({ pings }: Visit, id: string): void {
    this.#counts['answered pings'] += 1;
    if (pings.has(id)) this.#failures.push(`${id} was answered twice`);
    pings.add(id);
  }

  // ---- what must hold -----------------------------------------------------------------------------------------------

  /** Waits until nothing is owed. Where answers may wait for a minute, the accounts connect again, and the gatekeeper
   *  repeats what it has no acknowledgement of.
   *  @param begun when the conversation began */
  async #settled(pair: readonly Account[], begun: number, random: Random): Promise<void> {
    const deadline = performance.now() + settleMs;
    for (let again = performance.now() + patienceMs; ;) {
      const left = pair.flatMap((account) => this.#leftOf(account));
      if (left.length === 0) return;
      const now = performance.now();
      if (now > deadline) throw new Error(`still to come: ${left.slice(0, 5).join('; ')}`);
      const mayWait = this.#equalises || this.#equalisedAt + reloadMs > begun;
      if (now > again && mayWait) {
        again = now + patienceMs;
        this.#counts['connected again'] += 1;
        for (const account of pair) await this.#arriveAgain(account, random);
      }
      await wait(5);
    }
  }

  async #arriveAgain(account: Account, random: Random): Promise<void> {
    const last = account.visits.at(-1)!;
    last.isCut = true;
    last.client!.destroy();
    await this.#arrive(account, random);
  }

  #leftOf({ address, visits }: Account): string[] {
    const owed = this.#parties.gatekeeper
      .owed(address)
      .map(({ tag, attrs }) => `${tag} ${attrs['id']} is owed`);
    const { asked, answers } = visits.at(-1)!;
    const unanswered = asked.filter((id) => !answers.has(id)).map((id) => `${id} has no answer`);
    return [...owed, ...unanswered];
  }

  #check(account: Account, when: string): void {
    const fail = (text: string): void => void this.#failures.push(`${when}, ${account.subject}: ${text}`);
    for (const [name, { kind }] of account.expected) {
      // What a client has acknowledged unread may be lost.
      const isRead = account.visits.some(({ read, guessed }) => read.has(name) || guessed.has(name));
      // Messages and calls are never dropped.
      if (!isRead && (kind === 'message' || kind === 'call')) fail(`${name} was lost`);
    }
    for (const visit of account.visits) {
      for (const [id, answers] of visit.answers) if (answers > 1) fail(`${id} has ${answers} answers`);
      for (const [name, moment] of [...visit.acknowledged].slice(visit.checked)) {
        const read = visit.read.get(name);
        if (read === undefined) this.#counts['acknowledgements of the proxy'] += 1;
        if (name.startsWith('message') && (read === undefined || read > moment))
          fail(`${name} was acknowledged unread`);
        // Several receipts have one name: the first may be dropped and acknowledged, the next one read.
        const isOne = !name.startsWith('receipt') && !visit.guessed.has(name);
        if (isOne && read !== undefined && read > moment) fail(`${name} was acknowledged before it was read`);
      }
      visit.checked = visit.acknowledged.size;
      if (!keepsOrder(visit.sent, visit.arrived)) fail('messages arrived in another order');
    }
    // What arrives late belongs to the connection, not to the next conversation.
    account.visits.splice(0, account.visits.length - 1);
    account.expected.clear();
  }
}

function newVisit(): Visit {
  return {
    client: undefined,
    read: new Map(),
    answers: new Map(),
    acknowledged: new Map(),
    receipted: new Map(),
    asked: [],
    pings: new Set(),
    guessed: new Set(),
    sent: [],
    arrived: [],
    isCut: false,
    checked: 0,
  };
}

/** Returns whether what has arrived for each receiver is in the order in which it was sent, once. */
function keepsOrder(sent: Visit['sent'], arrived: Visit['arrived']): boolean {
  const receivers = new Set(arrived.map(({ to }) => to));
  return [...receivers].every((to) => {
    const got = arrived.filter((each) => each.to === to).map(({ id }) => id);
    const expected = sent.filter((each) => each.to === to && got.includes(each.id)).map(({ id }) => id);
    return expected.join() === got.join();
  });
}

function encrypted(random: Random): ChatNode {
  const content = Buffer.alloc(1 + random.below(random.once(20) ? 4_000 : 200), random.below(256));
  return { tag: 'enc', attrs: { v: '2', type: 'msg' }, content };
}

const policyOf = (spec: string): string =>
  `apiVersion: narthex/v1\nkind: MetadataPolicy\nmetadata: { name: ours, owner: security@third.example }\nspec: ${spec}\n`;

const policy = (extended: string, gatekeeper: string, client = '{}'): string =>
  policyOf(
    `{ extends: ${extended}, unlisted: drop, audiences: { gatekeeper: ${gatekeeper}, client: ${client} } }`,
  );

const soon =
  '{ receipt.delivered: { equalise: { after: 40ms } }, receipt.read: { equalise: { after: 60ms } } }';
const late =
  '{ receipt.delivered: { delay: { up-to: 60ms } }, receipt.read: { delay: { up-to: 90ms } }, ' +
  'chat-state: { delay: { up-to: 50ms } }, presence.available: { delay: { up-to: 50ms } } }';

/** Policies that take turns. */
export const chatPolicies: readonly TimedPolicy[] = [
  { equalises: false, text: policyOf('{ extends: passthrough }') },
  { equalises: false, text: policy('passthrough', '{ receipt.read: drop, chat-state: drop }', '{ receipt.read: drop, contacts.notification: drop }') },
  { equalises: false, text: policy('passthrough', late, late) },
  { equalises: false, text: policy('passthrough', '{ receipt.delivered: lower, receipt.read: lower, id.iq: { pseudonymise: { scope: session } } }', '{ receipt.delivered: drop }') },
  { equalises: false, text: 'broken: [' },
  { equalises: false, text: policy('balanced', '{ receipt.read: drop, receipt.delivered: { delay: { up-to: 80ms } } }', late) },
  { equalises: true, text: policy('balanced', soon) },
  { equalises: true, text: policy('strict', '{ answer.acknowledgement: { equalise: { after: 30ms } } }', '{ contacts.notification: drop }') },
]; // prettier-ignore
