/** The conversation, as data: who sends what, and what is then received by whom. Nothing in it assumes that an
 *  address, a resource or an id arrives as it was sent: each side answers what it was shown, as clients do. */
import { ns } from '../stanza/namespaces.ts';
import { capsElement, type Software } from './caps.ts';
import { decrypt, encrypt, type Device } from './envelope.ts';
import { SimulatorError } from './error.ts';
import { attribute, child, element, elements, is, type Element } from './xml/element.ts';

export type Actor = 'juliet' | 'romeo';

/** What a step can know of its surroundings. */
export interface Stage {
  /** XMPP domain of the server. */
  readonly domain: string;
  /** Bare JID under which an actor logged in. */
  bare(actor: Actor): string;
  device(actor: Actor): Device;
  /** Keeps what one step was shown for a later one. */
  remember(name: string, value: string): void;
  recall(name: string): string;
}

export interface Expectation {
  readonly actor: Actor;
  /** Continues the step's title: "Romeo receives it". */
  readonly title: string;
  /** A policy between the two may withhold it; then nothing is received, and that is no failure. */
  readonly mayBeWithheld?: boolean;
  readonly accepts: (stanza: Element, stage: Stage) => boolean;
  /** Looks closer: remembers, or throws when what came is wrong. Answers with a line for the reader, if any. */
  readonly read?: (stanza: Element, stage: Stage) => string | undefined;
}

export interface Step {
  readonly actor: Actor;
  readonly title: string;
  /** One stanza, or the end of the stream. */
  readonly send: ((stage: Stage) => Element) | 'end-of-stream';
  readonly expect: readonly Expectation[];
}

const namespaces = {
  chatStates: 'http://jabber.org/protocol/chatstates',
  encryption: 'urn:xmpp:eme:0',
  hints: 'urn:xmpp:hints',
  receipts: 'urn:xmpp:receipts',
  reply: 'urn:xmpp:reply:0',
  stanzaIds: 'urn:xmpp:sid:0',
} as const;

/** Two clients that can be told apart by what they advertise. */
export const software: Readonly<Record<Actor, Software>> = {
  juliet: {
    node: 'https://balcony.example/',
    name: 'Balcony 1.4',
    type: 'phone',
    features: [
      ns.caps,
      ns.discoInfo,
      namespaces.chatStates,
      namespaces.receipts,
      namespaces.reply,
      ns.ping,
      'jabber:iq:version',
      'urn:xmpp:jingle:apps:file-transfer:5',
      'urn:xmpp:omemo:2:devices+notify',
    ],
  },
  romeo: {
    node: 'https://orchard.example/#desktop',
    name: 'Orchard 7',
    type: 'pc',
    features: [
      ns.caps,
      ns.discoInfo,
      namespaces.chatStates,
      namespaces.receipts,
      namespaces.reply,
      ns.ping,
      'urn:xmpp:jingle:1',
      'urn:xmpp:omemo:2:devices+notify',
    ],
  },
};

/** What the two write. Only they can read it. */
const written = {
  juliet: 'O Romeo, Romeo! wherefore art thou Romeo? \u{1F339}',
  romeo: 'I take thee at thy word.',
} as const;

const messageIds = {
  composing: 'juliet-composing',
  letter: 'juliet-letter',
  answer: 'romeo-answer',
} as const;

export const script: readonly Step[] = [
  {
    actor: 'juliet',
    title: 'Juliet asks for her contacts',
    send: () => element(ns.client, 'iq', { type: 'get', id: 'roster' }, element(ns.roster, 'query')),
    expect: [
      {
        actor: 'juliet',
        title: 'Juliet receives them',
        accepts: (stanza) => isResult(stanza, 'roster'),
        read(stanza, stage) {
          const items = elements(child(stanza, ns.roster, 'query') ?? stanza);
          const contact = items.map((item) => attribute(item, 'jid')).find((jid) => jid !== undefined);
          if (contact === undefined) throw unexpected('the roster holds no contact');
          stage.remember('romeo for juliet', contact);
          return undefined;
        },
      },
    ],
  },
  {
    actor: 'juliet',
    title: 'Juliet asks what the server can do',
    send: ({ domain }) =>
      element(
        ns.client,
        'iq',
        { type: 'get', id: 'server-info', to: domain },
        element(ns.discoInfo, 'query'),
      ),
    expect: [
      {
        actor: 'juliet',
        title: 'Juliet receives its features',
        accepts: (stanza) => isResult(stanza, 'server-info'),
      },
    ],
  },
  {
    actor: 'romeo',
    title: 'Romeo says that he is here, and what his client can do',
    send: () => element(ns.client, 'presence', {}, capsElement(software.romeo)),
    expect: [
      {
        actor: 'romeo',
        title: 'Romeo hears it back from the server',
        accepts: (stanza) => is(stanza, ns.client, 'presence'),
      },
    ],
  },
  {
    actor: 'juliet',
    title: 'Juliet says that she is here, and what her client can do',
    send: () =>
      element(
        ns.client,
        'presence',
        {},
        element(ns.client, 'show', {}, 'chat'),
        element(ns.client, 'status', {}, 'on the balcony'),
        capsElement(software.juliet),
      ),
    expect: [
      {
        actor: 'romeo',
        title: 'Romeo sees her come',
        accepts: (stanza, stage) => isAvailableOther(stanza, stage.bare('romeo')),
        read(stanza, stage) {
          stage.remember('juliet for romeo', attribute(stanza, 'from')!);
          return undefined;
        },
      },
      {
        actor: 'juliet',
        title: 'Juliet sees that he is there',
        accepts: (stanza, stage) => isAvailableOther(stanza, stage.bare('juliet')),
        read(stanza, stage) {
          const caps = child(stanza, ns.caps, 'c');
          stage.remember("romeo's client", attribute(stanza, 'from')!);
          const node = caps === undefined ? '' : `${attribute(caps, 'node')}#${attribute(caps, 'ver')}`;
          stage.remember("romeo's caps", node);
          return undefined;
        },
      },
    ],
  },
  {
    actor: 'juliet',
    title: "Juliet asks Romeo's client for the features behind its hash",
    send(stage) {
      const node = stage.recall("romeo's caps");
      const query = element(ns.discoInfo, 'query', { node: node === '' ? undefined : node });
      const attributes = { type: 'get', id: 'romeo-info', to: stage.recall("romeo's client") };
      return element(ns.client, 'iq', attributes, query);
    },
    expect: [
      {
        actor: 'juliet',
        title: 'Juliet receives them',
        accepts: (stanza) => isResult(stanza, 'romeo-info'),
      },
    ],
  },
  {
    actor: 'juliet',
    title: 'Juliet starts to write',
    send: (stage) =>
      element(
        ns.client,
        'message',
        { type: 'chat', id: messageIds.composing, to: stage.recall('romeo for juliet') },
        element(namespaces.chatStates, 'composing'),
        element(namespaces.hints, 'no-store'),
      ),
    expect: [
      {
        actor: 'romeo',
        title: 'Romeo sees her write',
        mayBeWithheld: true,
        accepts: (stanza) => hasChild(stanza, namespaces.chatStates, 'composing'),
      },
    ],
  },
  {
    actor: 'juliet',
    title: 'Juliet sends a message that only Romeo can read',
    send: (stage) =>
      element(
        ns.client,
        'message',
        { type: 'chat', id: messageIds.letter, to: stage.recall('romeo for juliet') },
        encrypt(stage.device('juliet'), [stage.device('romeo')], written.juliet),
        ...envelopeMarks(messageIds.letter),
        element(namespaces.receipts, 'request'),
        element(namespaces.chatStates, 'active'),
      ),
    expect: [
      {
        actor: 'romeo',
        title: 'Romeo receives and decrypts it',
        accepts: (stanza) => hasChild(stanza, ns.omemo2, 'encrypted'),
        read(stanza, stage) {
          stage.remember('letter', attribute(stanza, 'id') ?? '');
          stage.remember('juliet for romeo', attribute(stanza, 'from')!);
          return readEncrypted(stanza, stage.device('romeo'), written.juliet);
        },
      },
    ],
  },
  {
    actor: 'romeo',
    title: 'Romeo lets her know that it has arrived',
    send: (stage) =>
      element(
        ns.client,
        'message',
        { type: 'chat', id: 'romeo-receipt', to: stage.recall('juliet for romeo') },
        element(namespaces.receipts, 'received', { id: stage.recall('letter') }),
        element(namespaces.hints, 'store'),
      ),
    expect: [
      {
        actor: 'juliet',
        title: 'Juliet receives the receipt for her message',
        mayBeWithheld: true,
        accepts: (stanza) => hasChild(stanza, namespaces.receipts, 'received'),
        read: (stanza) => refersToLetter(child(stanza, namespaces.receipts, 'received')),
      },
    ],
  },
  {
    actor: 'romeo',
    title: 'Romeo replies, encrypted for Juliet',
    send: (stage) =>
      element(
        ns.client,
        'message',
        { type: 'chat', id: messageIds.answer, to: stage.recall('juliet for romeo') },
        encrypt(stage.device('romeo'), [stage.device('juliet')], written.romeo),
        ...envelopeMarks(messageIds.answer),
        element(namespaces.reply, 'reply', {
          to: stage.recall('juliet for romeo'),
          id: stage.recall('letter'),
        }),
      ),
    expect: [
      {
        actor: 'juliet',
        title: 'Juliet receives and decrypts it',
        accepts: (stanza) => hasChild(stanza, ns.omemo2, 'encrypted'),
        read(stanza, stage) {
          refersToLetter(child(stanza, namespaces.reply, 'reply'));
          return readEncrypted(stanza, stage.device('juliet'), written.romeo);
        },
      },
    ],
  },
  {
    actor: 'juliet',
    title: 'Juliet checks that the server is still there',
    send: ({ domain }) =>
      element(ns.client, 'iq', { type: 'get', id: 'ping', to: domain }, element(ns.ping, 'ping')),
    expect: [
      {
        actor: 'juliet',
        title: 'Juliet receives its answer',
        accepts: (stanza) => isResult(stanza, 'ping'),
      },
    ],
  },
  {
    actor: 'juliet',
    title: 'Juliet logs out',
    send: 'end-of-stream',
    expect: [
      {
        actor: 'romeo',
        title: 'Romeo sees her go',
        accepts: (stanza) => is(stanza, ns.client, 'presence') && attribute(stanza, 'type') === 'unavailable',
      },
    ],
  },
  { actor: 'romeo', title: 'Romeo logs out', send: 'end-of-stream', expect: [] },
];

/** What OMEMO clients put beside the ciphertext: how it is encrypted, that it should be archived, its id. */
function envelopeMarks(id: string): Element[] {
  return [
    element(namespaces.encryption, 'encryption', { namespace: ns.omemo2, name: 'OMEMO' }),
    element(namespaces.hints, 'store'),
    element(namespaces.stanzaIds, 'origin-id', { id }),
  ];
}

function readEncrypted(stanza: Element, device: Device, expected: string): string {
  const plaintext = decrypt(device, child(stanza, ns.omemo2, 'encrypted')!);
  if (plaintext !== expected) throw unexpected('the decrypted text is not what was written');
  return plaintext;
}

/** A reference back to Juliet's message must name it by the id that she gave it. */
function refersToLetter(reference: Element | undefined): undefined {
  if (reference !== undefined && attribute(reference, 'id') !== messageIds.letter)
    throw unexpected("it refers to another message than Juliet's");
}

function isResult(stanza: Element, id: string): boolean {
  return (
    is(stanza, ns.client, 'iq') && attribute(stanza, 'type') === 'result' && attribute(stanza, 'id') === id
  );
}

/** Available presence of somebody else: the server sends one's own back, too (RFC 6121 §4.2.2). */
function isAvailableOther(stanza: Element, own: string): boolean {
  const from = attribute(stanza, 'from');
  const isPresence = is(stanza, ns.client, 'presence') && attribute(stanza, 'type') === undefined;
  return isPresence && from !== undefined && from.split('/', 1)[0] !== own;
}

function hasChild(stanza: Element, namespace: string, local: string): boolean {
  return is(stanza, ns.client, 'message') && child(stanza, namespace, local) !== undefined;
}

function unexpected(message: string): SimulatorError {
  return new SimulatorError('ERR_SIMULATOR_EXPECTATION', message);
}
