import { ns } from '../../stanza/namespaces.ts';
import { parseJid } from '../jid.ts';
import { namespaces } from '../namespaces.ts';
import type { StanzaCondition } from '../stanza-error.ts';
import { attribute, element, elements, is, text, type Element } from '../xml/element.ts';
import type { Account, Accounts, RosterNote } from './accounts.ts';
import type { Session, Sessions } from './session.ts';

/** A request that the gatekeeper answers itself (RFC 6120 §8.2.3, RFC 6121 §8.5.1). */
export interface Request {
  readonly type: 'get' | 'set';
  readonly session: Session;
  /** The request's one child. */
  readonly payload: Element;
  /** The account in whose place it is answered: the sender's own (no `to`, or the own bare JID), the domain, or
   *  another user's. */
  readonly at: 'self' | 'domain' | 'other';
  /** The account that is asked, for `self` and `other`. */
  readonly account: Account | undefined;
}

type Answer =
  | { readonly kind: 'result'; readonly payload?: Element }
  | { readonly kind: 'error'; readonly condition: StanzaCondition };

/** One kind of request, by namespace and local name of its payload. */
export interface Service {
  readonly namespace: string;
  readonly local: string;
  readonly at: readonly Request['at'][];
  /** Features that disco#info lists where it is answered. */
  readonly features: readonly string[];
  answer(request: Request): Answer;
}

/** Returns every service of the gatekeeper. */
export function createServices(
  accounts: Accounts,
  sessions: Sessions,
  { push }: { readonly push: boolean },
): readonly Service[] {
  const services: Service[] = [
    {
      namespace: ns.ping,
      local: 'ping',
      at: ['self', 'domain'],
      features: [ns.ping],
      answer: ({ type }) => (type === 'get' ? { kind: 'result' } : error('bad-request')),
    },
    {
      // Answered for clients of RFC 3921, without effect (RFC 6121 Appendix E).
      namespace: ns.session,
      local: 'session',
      at: ['self', 'domain'],
      features: [],
      answer: ({ type }) => (type === 'set' ? { kind: 'result' } : error('bad-request')),
    },
    {
      namespace: ns.roster,
      local: 'query',
      at: ['self'],
      features: [],
      answer: (request) =>
        request.type === 'get' ? getRoster(request, accounts) : setRoster(request, accounts, sessions),
    },
    {
      namespace: ns.discoInfo,
      local: 'query',
      at: ['self', 'domain', 'other'],
      features: [ns.discoInfo],
      answer: (request) => discoInfo(request, services),
    },
    {
      namespace: ns.discoItems,
      local: 'query',
      at: ['self', 'domain', 'other'],
      features: [ns.discoItems],
      answer: ({ type, payload }) => {
        if (type !== 'get') return error('bad-request');
        if (attribute(payload, 'node') !== undefined) return error('item-not-found');
        return { kind: 'result', payload: element(ns.discoItems, 'query') };
      },
    },
    ...(push ? pushServices : []),
  ];
  return services;
}

/** Registers push nodes (XEP-0357 §5). */
const pushServices: readonly Service[] = [
  {
    namespace: namespaces.push,
    local: 'enable',
    at: ['self'],
    features: [namespaces.push],
    answer({ type, payload, session }) {
      const node = attribute(payload, 'node');
      const { pushNodes } = session.account;
      if (type !== 'set' || node === undefined) return error('bad-request');
      if (pushNodes.size >= pushNodesMax) return error('resource-constraint');
      pushNodes.add(node);
      return { kind: 'result' };
    },
  },
  {
    namespace: namespaces.push,
    local: 'disable',
    at: ['self'],
    features: [],
    answer({ type, payload, session }) {
      const { pushNodes } = session.account;
      const node = attribute(payload, 'node');
      if (type !== 'set') return error('bad-request');
      // Without a node: every device (§5.2).
      if (node === undefined) pushNodes.clear();
      else pushNodes.delete(node);
      return { kind: 'result' };
    },
  },
];

/** Most devices of one user. */
const pushNodesMax = 10;

function error(condition: StanzaCondition): Answer {
  return { kind: 'error', condition };
}

/** Answers disco#info for an account registered here, or for the server (XEP-0030 §3). */
function discoInfo({ type, payload, at, account }: Request, services: readonly Service[]): Answer {
  if (type !== 'get') return error('bad-request');
  if (attribute(payload, 'node') !== undefined) return error('item-not-found');
  const identity =
    account === undefined
      ? { category: 'server', type: 'im', name: 'Narthex simulator' }
      : { category: 'account', type: 'registered' };
  const features = services.filter((one) => one.at.includes(at)).flatMap((one) => one.features);
  const query = element(
    ns.discoInfo,
    'query',
    {},
    element(ns.discoInfo, 'identity', identity),
    ...features.map((name) => element(ns.discoInfo, 'feature', { var: name })),
  );
  return { kind: 'result', payload: query };
}

/** Returns the roster (RFC 6121 §2.1.3). */
function getRoster({ session }: Request, accounts: Accounts): Answer {
  session.wantsRosterPushes = true;
  const items = accounts.all
    .filter((contact) => contact !== session.account)
    .map((contact) => rosterItem(session.account, contact));
  return { kind: 'result', payload: element(ns.roster, 'query', {}, ...items) };
}

function rosterItem(owner: Account, contact: Account): Element {
  const note = owner.rosterNotes.get(contact.jid);
  return element(
    ns.roster,
    'item',
    { jid: contact.jid, name: note === undefined ? contact.username : note.name, subscription: 'both' },
    ...(note?.groups ?? []).map((name) => element(ns.roster, 'group', {}, name)),
  );
}

/** Sets name and groups of a contact (RFC 6121 §2.1.5). The contacts themselves are fixed. */
function setRoster({ session, payload }: Request, accounts: Accounts, sessions: Sessions): Answer {
  const [item, ...more] = elements(payload);
  if (item === undefined || more.length > 0 || !is(item, ns.roster, 'item')) return error('bad-request');
  const jid = parseJid(attribute(item, 'jid') ?? '');
  if (jid === undefined) return error('bad-request');
  const contact = accounts.all.find((one) => one.jid === attribute(item, 'jid')?.toLowerCase());
  if (contact === undefined || contact === session.account) return error('item-not-found');
  if (attribute(item, 'subscription') === 'remove') return error('not-allowed');
  session.account.rosterNotes.set(contact.jid, noteOf(item));
  for (const receiver of sessions.of(session.account).filter((one) => one.wantsRosterPushes)) {
    const query = element(ns.roster, 'query', {}, rosterItem(session.account, contact));
    const id = `push-${session.account.rosterNotes.size}-${receiver.resource}`;
    receiver.connection.send(element(ns.client, 'iq', { type: 'set', id, to: receiver.jid }, query));
  }
  return { kind: 'result' };
}

function noteOf(item: Element): RosterNote {
  const groups = elements(item).filter((one) => is(one, ns.roster, 'group'));
  return { name: attribute(item, 'name'), groups: [...new Set(groups.map(text))] };
}

/** Returns the service for a payload at one of the three places; undefined without one. */
export function findService(
  services: readonly Service[],
  payload: Element,
  at: Request['at'],
): Service | undefined {
  return services.find((one) => is(payload, one.namespace, one.local) && one.at.includes(at));
}
