/** Sends canaries of the chat channel through sessions of a proxy, with a client on one side and a scripted gatekeeper
 *  on the other. */
import { setTimeout as sleep } from 'node:timers/promises';
import { connectChatClient } from '../simulator/chat/client.ts';
import type { ChatNode } from '../simulator/chat/node.ts';
import { nodeOf } from '../simulator/chat/xml.ts';
import type { Endpoint } from '../simulator/client.ts';
import { SimulatorError } from '../simulator/error.ts';
import { parseElement } from '../simulator/xml/reader.ts';
import type { Direction } from '../stanza/direction.ts';
import type { Canary } from './canary.ts';
import type { Sending } from './script.ts';
import type { ScriptedChatGatekeeper } from './scripted-chat-gatekeeper.ts';

export interface ChatScriptOptions {
  readonly gatekeeper: ScriptedChatGatekeeper;
  /** A listener of the proxy, and the domain of this gatekeeper. */
  readonly endpoint: Endpoint;
  /** Returns an ownership token for one login. */
  readonly token: () => Promise<string>;
  /** Every byte that the client receives is added to it. */
  readonly received: Buffer[];
  /** Bound of one wait, in milliseconds. */
  readonly timeoutMs: number;
  /** Time for which the policy may hold a stanza back, in milliseconds. A session ends later than that. */
  readonly holdingMs: number;
}

/** One party of a session. */
interface Party {
  readonly send: (node: ChatNode) => void;
  /** @throws SimulatorError `ERR_SIMULATOR_TIMEOUT`, or `ERR_SIMULATOR_STREAM` when the session ends first */
  readonly receive: (accepts: (node: ChatNode) => boolean) => Promise<ChatNode>;
}

interface Session {
  readonly parties: Readonly<Record<'client' | 'gatekeeper', Party>>;
  readonly close: () => Promise<void>;
}

/** The address in the catalogue's examples, and the one of messages that show that a canary has passed. */
const contact = '15551@s.whatsapp.net';
const syncContact = '15552@s.whatsapp.net';

export class ChatScript {
  readonly #options: ChatScriptOptions;
  readonly #outcomes = new Map<Canary, Sending>();
  #stanzas = 0;

  constructor(options: ChatScriptOptions) {
    this.#options = options;
  }

  /** Sends every canary, and ends all sessions.
   *  @returns what became of each
   *  @throws SimulatorError when a client cannot log in */
  async play(canaries: readonly Canary[]): Promise<ReadonlyMap<Canary, Sending>> {
    await this.#playLogin(canaries.filter(isOfLogin));
    const sessions: Session[] = [];
    for (const direction of ['to-gatekeeper', 'to-client'] as const) {
      const chosen = canaries.filter((canary) => !isOfLogin(canary) && canary.direction === direction);
      const last = await this.#playEstablished(direction, chosen);
      if (last !== undefined) sessions.push(last);
    }
    await sleep(this.#options.holdingMs);
    for (const session of sessions) await session.close();
    return this.#outcomes;
  }

  /** Has one login answered by a `success` with all the values that such an element can have. */
  async #playLogin(canaries: readonly Canary[]): Promise<void> {
    const success = Object.assign({}, ...canaries.map((canary) => nodeIn(canary).attrs)) as ChatNode['attrs'];
    const session = await this.#open(success);
    for (const canary of canaries) this.#outcomes.set(canary, 'sent');
    await session.close();
  }

  /** Sends canaries of one direction.
   *  @returns the session that is still open; undefined when the last one has ended it */
  async #playEstablished(direction: Direction, canaries: readonly Canary[]): Promise<Session | undefined> {
    let session: Session | undefined;
    for (const canary of canaries) {
      session ??= await this.#open();
      const outcome = await this.#exchange(session, direction, canary);
      this.#outcomes.set(canary, outcome);
      if (outcome === 'sent') continue;
      await session.close();
      session = undefined;
    }
    return session;
  }

  async #exchange({ parties }: Session, direction: Direction, canary: Canary): Promise<Sending> {
    const isOutward = direction === 'to-gatekeeper';
    const [from, to] = isOutward
      ? [parties.client, parties.gatekeeper]
      : [parties.gatekeeper, parties.client];
    try {
      const node = addressed(nodeIn(canary), direction);
      from.send(await this.#answering(node, canary, [from, to]));
      await this.#sendMessage(from, to, direction);
      return 'sent';
    } catch (error) {
      if (!(error instanceof SimulatorError)) throw error;
      return error.code === 'ERR_SIMULATOR_STREAM' ? 'session-ended' : 'stuck';
    }
  }

  /** Returns the node with an id of its own. What answers a stanza gets the id of one that the other party sends first:
   *  the proxy passes no other answers. */
  async #answering(
    node: ChatNode,
    { marker }: Canary,
    [from, to]: readonly [Party, Party],
  ): Promise<ChatNode> {
    const { id, from: source, to: target } = node.attrs;
    const isOwn = id === undefined || id.includes(marker.value);
    const own = isOwn ? node : withAttributes(node, { id: `canary-${++this.#stanzas}` });
    const tag = answeredTag(node);
    if (tag === undefined) return own;
    const attrs = { id: own.attrs['id']!, ...(source === undefined ? { from: target! } : { to: source }) };
    to.send(tag === 'message' ? message(attrs) : { tag, attrs: { ...attrs, ...keyRequest } });
    // Refusals of earlier requests may have come before.
    const arrived = await from.receive((one) => one.tag === tag && one.attrs['type'] !== 'error');
    return withAttributes(own, { id: arrived.attrs['id']! });
  }

  /** Sends a message, and waits until it arrives. */
  async #sendMessage(from: Party, to: Party, direction: Direction): Promise<void> {
    const id = `after-${++this.#stanzas}`;
    from.send(
      message({ id, ...(direction === 'to-gatekeeper' ? { to: syncContact } : { from: syncContact }) }),
    );
    await to.receive(({ tag, attrs }) => tag === 'message' && attrs['id'] === id);
  }

  /** Logs a client in. It sends nothing by itself. */
  async #open(success: ChatNode['attrs'] = {}): Promise<Session> {
    const { gatekeeper: server, endpoint, token, received, timeoutMs } = this.#options;
    const next = server.next(success);
    const client = await connectChatClient({
      endpoint,
      token: await token(),
      manners: () => [],
      timeoutMs,
      onXml(direction, xml) {
        if (direction === 'received') received.push(Buffer.from(xml));
      },
    });
    const gatekeeper = await next;
    return {
      parties: {
        client: {
          send: (node) => void client.send(node),
          receive: async (accepts) => (await client.receive(accepts)).node,
        },
        gatekeeper: {
          send: (node) => gatekeeper.send(node),
          receive: (accepts) => gatekeeper.receive(accepts, timeoutMs),
        },
      },
      async close() {
        await client.close();
        gatekeeper.close();
      },
    };
  }
}

/** Returns the kind of stanza that a node answers; undefined for one that answers none. */
function answeredTag({ tag, attrs }: ChatNode): 'message' | 'iq' | undefined {
  if (tag === 'ack' || tag === 'receipt') return 'message';
  return tag === 'iq' && (attrs['type'] === 'result' || attrs['type'] === 'error') ? 'iq' : undefined;
}

/** Attributes of a request that no policy may hide. */
const keyRequest = { type: 'get', xmlns: 'encrypt' } as const;

function isOfLogin(canary: Canary): boolean {
  return canary.text.startsWith('<success ');
}

function nodeIn({ text }: Canary): ChatNode {
  return nodeOf(parseElement(text)!);
}

/** Returns a node that is addressed as its sender would: a client names the receiver, the gatekeeper the sender. */
function addressed(node: ChatNode, direction: Direction): ChatNode {
  const { from, to } = node.attrs;
  const address = to ?? from ?? (node.tag === 'presence' ? undefined : contact);
  return withAttributes(
    node,
    direction === 'to-gatekeeper'
      ? { from: undefined, to: address }
      : { from: address ?? contact, to: undefined },
  );
}

function message(attrs: ChatNode['attrs']): ChatNode {
  const content = [{ tag: 'enc', attrs: { v: '2', type: 'msg' }, content: Buffer.from('after') }];
  return { tag: 'message', attrs: { type: 'text', ...attrs }, content };
}

function withAttributes(node: ChatNode, attrs: Readonly<Record<string, string | undefined>>): ChatNode {
  const all = Object.entries({ ...node.attrs, ...attrs });
  const set = all.filter((one): one is [string, string] => one[1] !== undefined);
  return { ...node, attrs: Object.fromEntries(set) };
}
