/** A third party's client of a gatekeeper on the chat channel: XML over TLS to the proxy, with the user's ownership
 *  token, and nodes as elements of `urn:narthex:chat:0` in both directions. It acknowledges as an honest client does.
 *
 *      const gatekeeper = createChatGatekeeper({ … });            // gatekeeper.ts
 *      const juliet = await connectChatClient({ endpoint, token });  // the proxy's port, and its domain
 *      juliet.success;                                            // the gatekeeper's own `success`
 *      juliet.send({ tag: 'message', attrs: { id: '1', to: romeo.address, type: 'text' }, content: [ … ] });
 *      await juliet.receive(({ tag }) => tag === 'ack');
 *      juliet.unanswered();                                       // own messages without an ack
 *      gatekeeper.owed(address);                                  // what it has not acknowledged
 *
 *  `manners` (manners.ts) say what it sends by itself: `mannersOf({ message: 'both' })` as Baileys does,
 *  `mannersOf({ message: 'none', others: false })` for none. `write` sends any text, for tests of refusals. */
import { ns } from '../../stanza/namespaces.ts';
import { openStream, type Endpoint } from '../client-stream.ts';
import { honest, type Manners } from './manners.ts';
import type { ChatNode } from './node.ts';
import { chatPrefixes, elementOf, nodeOf } from './xml.ts';

export interface ChatClientOptions {
  readonly endpoint: Endpoint;
  readonly token: string;
  /** User name in PLAIN, in addition to the token. Default: ''. */
  readonly username?: string;
  /** Default: OAUTHBEARER. */
  readonly mechanism?: 'OAUTHBEARER' | 'PLAIN';
  /** Default: `honest`. */
  readonly manners?: Manners;
  /** Milliseconds to wait for any one answer. Default: 10,000. */
  readonly timeoutMs?: number;
  /** Called with every element and header, as it is on the wire. */
  readonly onXml?: (direction: 'sent' | 'received', xml: string) => void;
}

/** A received node, and its text. */
export interface ReceivedNode {
  readonly xml: string;
  readonly node: ChatNode;
}

export interface ChatClient {
  readonly success: ChatNode;
  /** Everything that was received since the login, `success` first. */
  readonly received: readonly ReceivedNode[];
  /** Everything that was sent after the login, acknowledgements included, in order. */
  readonly sent: readonly ChatNode[];
  /** Sends a node in one write.
   *  @returns its text */
  send(node: ChatNode): string;
  /** Sends a text as it is. */
  write(xml: string): void;
  /** Returns the first node that `accepts` selects, among those not taken yet, or waits for it.
   *  @throws SimulatorError `ERR_SIMULATOR_TIMEOUT`, or `ERR_SIMULATOR_STREAM` when the stream ends first */
  receive(accepts: (node: ChatNode) => boolean, timeoutMs?: number): Promise<ReceivedNode>;
  /** Sends a request, and returns its answer.
   *  @throws SimulatorError as `receive` does */
  request(node: ChatNode): Promise<ReceivedNode>;
  /** Returns the ids of own messages that the gatekeeper has not acknowledged. */
  unanswered(): readonly string[];
  /** Sends `</stream:stream>`, waits for the server's, and closes. Idempotent. */
  close(): Promise<void>;
  /** Closes the connection without a closing tag. */
  destroy(): void;
  /** Resolves when the connection is closed, by whichever side. */
  readonly closed: Promise<void>;
}

/** Connects, and logs in.
 *  @throws SimulatorError `ERR_SIMULATOR_AUTHENTICATION` when the proxy or the gatekeeper refuses, with the condition */
export async function connectChatClient(options: ChatClientOptions): Promise<ChatClient> {
  const { endpoint, token, username = '', mechanism = 'OAUTHBEARER' } = options;
  const { manners = honest, timeoutMs = 10_000, onXml } = options;
  const [received, sent]: [ReceivedNode[], ChatNode[]] = [[], []];
  const stream = await openStream({
    endpoint,
    username,
    token,
    tokenMechanism: mechanism,
    timeoutMs,
    namespace: ns.chat,
    prefixes: chatPrefixes,
    ...(onXml === undefined ? {} : { onXml }),
    onElement({ xml, element }) {
      if (element.namespace !== ns.chat && element.namespace !== ns.chatMarks) return;
      const node = nodeOf(element);
      received.push({ xml, node });
      for (const answer of manners(node)) send(answer);
    },
  });
  const send = (node: ChatNode): string => {
    sent.push(node);
    return stream.send(elementOf(node));
  };
  const receive: ChatClient['receive'] = async (accepts, waitMs = timeoutMs) => {
    const { xml, element } = await stream.receive(
      (one) => isNode(one.namespace) && accepts(nodeOf(one)),
      waitMs,
    );
    return { xml, node: nodeOf(element) };
  };
  try {
    await stream.authenticate();
    const { node: success } = await receive(({ tag }) => tag === 'success');
    return {
      success,
      received,
      sent,
      send,
      receive,
      write: (xml) => stream.write(xml),
      async request(node) {
        send(node);
        return receive(({ tag, attrs }) => tag === 'iq' && attrs['id'] === node.attrs['id']);
      },
      unanswered: () => unanswered(sent, received),
      close: () => stream.close(),
      destroy: () => stream.destroy(),
      closed: stream.closed,
    };
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

function isNode(namespace: string): boolean {
  return namespace === ns.chat || namespace === ns.chatMarks;
}

function unanswered(sent: readonly ChatNode[], received: readonly ReceivedNode[]): string[] {
  const acknowledged = received
    .filter(({ node: { tag, attrs } }) => tag === 'ack' && attrs['class'] === 'message')
    .map(({ node }) => node.attrs['id']);
  const own = sent.filter(({ tag }) => tag === 'message').map(({ attrs }) => attrs['id'] ?? '');
  return own.filter((id) => !acknowledged.includes(id));
}
