/** Answers to the requests of clients (`iq`). A request of an unknown kind gets an error. */
import { ownServer, parseAddress, userAddress } from './address.ts';
import type { ChatNode } from './node.ts';
import type { ChatSession } from './session.ts';
import type { ChatUser, ChatUsers } from './users.ts';

export interface RequestContext {
  readonly users: ChatUsers;
  /** Ends the account: the user asked for it. */
  readonly remove: (user: ChatUser) => void;
}

interface Request {
  readonly node: ChatNode;
  readonly session: ChatSession;
  readonly users: ChatUsers;
  readonly remove: RequestContext['remove'];
  /** Its child with this tag; undefined without one. */
  readonly child: (tag: string) => ChatNode | undefined;
}

/** An answer's content; `unknown` where the service lacks what was asked. */
type Answer = readonly ChatNode[] | 'unknown';

const services = new Map<string, (request: Request) => Answer>([
  ['w:p', () => []],
  ['urn:xmpp:ping', () => []],
  ['passive', () => []],
  ['w:stats', () => []],
  ['abt', () => [{ tag: 'props', attrs: { protocol: '1', hash: '' } }]],
  ['w', () => [{ tag: 'props', attrs: { version: '1' } }]],
  ['usync', usync],
  ['encrypt', encryptionKeys],
  ['privacy', privacy],
  ['blocklist', blocklist],
  ['urn:xmpp:whatsapp:push', pushConfiguration],
  ['md', removeDevice],
]);

/** Returns the answer to a request. */
export function answerRequest(node: ChatNode, session: ChatSession, context: RequestContext): ChatNode {
  const { id = '', xmlns = '', to = ownServer } = node.attrs;
  const child = (tag: string): ChatNode | undefined => childrenOf(node).find((one) => one.tag === tag);
  const answer = services.get(xmlns)?.({ node, session, child, ...context }) ?? 'unknown';
  const attrs = { id, type: answer === 'unknown' ? 'error' : 'result', from: to };
  if (answer !== 'unknown')
    return answer.length === 0 ? { tag: 'iq', attrs } : { tag: 'iq', attrs, content: answer };
  const error = { tag: 'error', attrs: { code: '501', text: 'feature-not-implemented' } };
  return { tag: 'iq', attrs, content: [error] };
}

export function childrenOf({ content }: ChatNode): readonly ChatNode[] {
  return Array.isArray(content) ? (content as readonly ChatNode[]) : [];
}

/** Returns the first child with this tag; undefined without one. */
export function childOf(node: ChatNode | undefined, tag: string): ChatNode | undefined {
  return node && childrenOf(node).find((one) => one.tag === tag);
}

/** Lists the devices of users, or says who of them is a user (`contact`). */
function usync({ child, users }: Request): Answer {
  const request = child('usync');
  const asked = childrenOf(childOf(request, 'list') ?? { tag: 'list', attrs: {} });
  const query = childOf(request, 'query');
  const wants = (tag: string): boolean => childOf(query, tag) !== undefined;
  const list = asked.map(({ attrs: { jid = '' } }): ChatNode => {
    const user = users.find(jid);
    const contact = { tag: 'contact', attrs: { type: user === undefined ? 'out' : 'in' } };
    const devices = user !== undefined && wants('devices') ? [deviceList(user)] : [];
    const alias = user !== undefined && wants('lid') ? [{ tag: 'lid', attrs: { val: user.alias } }] : [];
    return { tag: 'user', attrs: { jid }, content: [contact, ...devices, ...alias] };
  });
  return [
    {
      tag: 'usync',
      attrs: { ...request?.attrs },
      content: [
        { tag: 'result', attrs: {} },
        { tag: 'list', attrs: {}, content: list },
      ],
    },
  ];
}

function deviceList({ keys }: ChatUser): ChatNode {
  const devices = [...keys.keys()].map((id) => ({
    tag: 'device',
    attrs: { id: String(id), ...(id === 0 ? {} : { 'key-index': '1' }) },
  }));
  return {
    tag: 'devices',
    attrs: {},
    content: [{ tag: 'device-list', attrs: {}, content: devices }],
  };
}

/** Stores the user's encryption keys, counts them, and hands out those of others. */
function encryptionKeys({ node, child, session: { user }, users }: Request): Answer {
  if (node.attrs['type'] === 'set') {
    if (childOf(node, 'identity') !== undefined) user.keyBundle = childrenOf(node);
    return [];
  }
  if (child('count') !== undefined)
    return [{ tag: 'count', attrs: { value: String(preKeysOf(user).length) } }];
  const asked = child('key');
  if (asked === undefined) return child('digest') === undefined ? 'unknown' : [];
  const list = childrenOf(asked).map(({ attrs: { jid = '' } }): ChatNode => {
    const named = parseAddress(jid);
    const owner = named && users.find(userAddress(named));
    if (owner?.keyBundle !== undefined)
      return { tag: 'user', attrs: { jid }, content: takeBundle(owner, owner.keyBundle) };
    return {
      tag: 'user',
      attrs: { jid },
      content: [{ tag: 'error', attrs: { code: '404', text: 'item-not-found' } }],
    };
  });
  return [{ tag: 'list', attrs: {}, content: list }];
}

function preKeysOf({ keyBundle = [] }: ChatUser): readonly ChatNode[] {
  return childrenOf(keyBundle.find(({ tag }) => tag === 'list') ?? { tag: 'list', attrs: {} });
}

/** Returns identity, signed key and one key that is handed out once. */
function takeBundle(owner: ChatUser, bundle: readonly ChatNode[]): ChatNode[] {
  const [first, ...rest] = preKeysOf(owner);
  const lasting = bundle.filter(({ tag }) => tag !== 'list');
  owner.keyBundle = [...lasting, { tag: 'list', attrs: {}, content: rest }];
  return first === undefined ? lasting : [...lasting, first];
}

function privacy({ node, child, session: { user } }: Request): Answer {
  if (node.attrs['type'] === 'set')
    for (const { attrs } of childrenOf(child('privacy') ?? node))
      if (attrs['name'] !== undefined) user.privacy.set(attrs['name'], attrs['value'] ?? 'all');
  const content = [...user.privacy].map(([name, value]) => ({ tag: 'category', attrs: { name, value } }));
  return [{ tag: 'privacy', attrs: {}, content }];
}

function blocklist({ node, child, session: { user } }: Request): Answer {
  const { action, jid } = child('item')?.attrs ?? {};
  if (node.attrs['type'] === 'set' && jid !== undefined) {
    if (action === 'block') user.blocked.add(jid);
    else user.blocked.delete(jid);
  }
  const content = [...user.blocked].map((blocked) => ({ tag: 'item', attrs: { jid: blocked } }));
  return [{ tag: 'list', attrs: {}, content }];
}

function pushConfiguration({ node, child, session: { user } }: Request): Answer {
  const config = child('config');
  if (node.attrs['type'] !== 'set' || config === undefined) return 'unknown';
  user.push = config.attrs;
  return [];
}

/** Ends the account of a third party's user. The published framework says that deletion is a request over the chat
 *  channel; its form is open. */
function removeDevice({ node, child, session: { user }, remove }: Request): Answer {
  if (node.attrs['type'] !== 'set' || child('remove-companion-device') === undefined) return 'unknown';
  remove(user);
  return [];
}
