/** Real clients perform labelled actions through a proxy that records. juliet is connected through it, romeo to the
 *  server directly. */
import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loginTo } from '../../peers/client.ts';
import type { PeerServer } from '../../peers/server.ts';
import type { StanzaClient, StanzaClientKind } from '../../peers/stanza-client.ts';
import type { Random } from '../../support/random.ts';
import { startRecordingProxy } from '../five-clients.ts';
import { recordsOf, stanzasOf } from '../recordings.ts';
import type { Sample } from './classifier.ts';
import { samplesOf, type Label, type View } from './traces.ts';

/** Milliseconds without an action, before the next one. */
const quietMs = 120;
/** Most milliseconds that an action is awaited: a policy may drop it. */
const actionMs = 6_000;

interface Cast {
  readonly juliet: StanzaClient;
  readonly romeo: StanzaClient;
  readonly domain: string;
  readonly random: Random;
}

/** Performs an action. Resolves when its last stanza has arrived, where it can arrive. */
type Action = (cast: Cast) => Promise<void>;

const bareOf = ({ jid }: StanzaClient): string => jid.split('/')[0]!;
const newId = (): string => randomUUID();

/** A text of the length that short messages have. */
function textOf(random: Random): string {
  const words = 1 + random.below(24);
  return Array.from({ length: words }, () => 'abcdefghij'.slice(0, 2 + random.below(8))).join(' ');
}

/** Characters of base64, in place of a ciphertext. */
function cipher(random: Random, bytes: number): string {
  return Buffer.from(Array.from({ length: bytes }, () => random.below(256))).toString('base64');
}

function message(to: string, payload: string, id = newId()): string {
  return `<message xmlns='jabber:client' type='chat' id='${id}' to='${to}'>${payload}</message>`;
}

/** Sends a stanza of juliet's, and waits until romeo has what holds `mark`, or the proxy has dropped it. */
async function deliver(
  { juliet, romeo }: Cast,
  xml: string,
  mark: string,
  isDropped: boolean,
): Promise<void> {
  juliet.send(xml);
  if (!isDropped) await romeo.until((seen) => seen.includes(mark), actionMs);
}

/** What the policies drop of these actions; romeo does not wait for it. */
export const dropped: Readonly<Record<string, readonly string[]>> = {
  passthrough: [],
  balanced: ['typing'],
  strict: ['typing', 'receipt', 'read marker'],
};

/** @param policy the shipped policy, by which some actions do not arrive */
function actionsOf(policy: string): Readonly<Record<string, Action>> {
  const isDropped = (action: string): boolean => dropped[policy]!.includes(action);
  const answered =
    (action: string, payload: (id: string) => string): Action =>
    async (cast) => {
      const id = newId();
      const { juliet, romeo } = cast;
      romeo.send(message(bareOf(juliet), `<body>?</body><request xmlns='urn:xmpp:receipts'/>`, id));
      await juliet.until((seen) => seen.includes(id));
      const own = newId();
      await deliver(cast, message(bareOf(romeo), payload(id), own), own, isDropped(action));
    };
  return {
    message: async (cast) => {
      const id = newId();
      const body = textOf(cast.random);
      const payload = `<body>${body}</body><active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/><origin-id xmlns='urn:xmpp:sid:0' id='${id}'/>`;
      await deliver(cast, message(bareOf(cast.romeo), payload, id), id, false);
    },
    'encrypted message': async (cast) => {
      const { random, romeo } = cast;
      const id = newId();
      const key = (): string => `<key rid='${1 + random.below(2 ** 31 - 2)}'>${cipher(random, 160)}</key>`;
      const payload = cipher(random, 20 + random.below(150));
      const encrypted = `<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='${1 + random.below(2 ** 31 - 2)}'>${key()}${key()}<iv>${cipher(random, 12)}</iv></header><payload>${payload}</payload></encrypted>`;
      const rest = `<store xmlns='urn:xmpp:hints'/><encryption xmlns='urn:xmpp:eme:0' name='OMEMO' namespace='eu.siacs.conversations.axolotl'/><body>I sent you an OMEMO encrypted message</body><origin-id xmlns='urn:xmpp:sid:0' id='${id}'/>`;
      await deliver(cast, message(bareOf(romeo), encrypted + rest, id), id, false);
    },
    typing: async (cast) => {
      const id = newId();
      const state = `<composing xmlns='http://jabber.org/protocol/chatstates'/>`;
      await deliver(cast, message(bareOf(cast.romeo), state, id), id, isDropped('typing'));
    },
    receipt: answered('receipt', (id) => `<received xmlns='urn:xmpp:receipts' id='${id}'/>`),
    'read marker': answered('read marker', (id) => `<displayed xmlns='urn:xmpp:chat-markers:0' id='${id}'/>`),
    'presence change': async ({ juliet, random }) => {
      const show = random.pick(['away', 'dnd', 'xa', 'chat']);
      const from = juliet.stanzas.length;
      juliet.send(`<presence xmlns='jabber:client'><show>${show}</show><priority>1</priority></presence>`);
      // The server sends it to each device of the account, the sender included.
      await juliet.until((seen, index) => index >= from && seen.startsWith('<presence'), actionMs);
    },
    'joining a room': async ({ juliet, domain, random }) => {
      const room = `${textOf(random).slice(0, 12).trim().replaceAll(' ', '-')}-${newId().slice(0, 4)}@conference.${domain}`;
      juliet.send(
        `<presence xmlns='jabber:client' to='${room}/juliet' id='${newId()}'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='20'/></x></presence>`,
      );
      await juliet.until((seen) => seen.includes(room) && seen.includes('<subject'), actionMs);
    },
    upload: async ({ juliet, domain, random }) => {
      const id = newId();
      const name = `IMG_${random.below(9_999)}.jpg`;
      juliet.send(
        `<iq xmlns='jabber:client' type='get' id='${id}' to='upload.${domain}'><request xmlns='urn:xmpp:http:upload:0' filename='${name}' size='${10_000 + random.below(9_000_000)}' content-type='image/jpeg'/></iq>`,
      );
      await juliet.until((seen) => seen.startsWith('<iq') && seen.includes(id), actionMs);
    },
    'link to a file': async (cast) => {
      const id = newId();
      const url = `https://${cast.domain}/file_share/${newId()}/IMG_${cast.random.below(9_999)}.jpg`;
      const payload = `<body>${url}</body><x xmlns='jabber:x:oob'><url>${url}</url></x><origin-id xmlns='urn:xmpp:sid:0' id='${id}'/>`;
      await deliver(cast, message(bareOf(cast.romeo), payload, id), id, false);
    },
  };
}

export const actionNames = Object.keys(actionsOf('passthrough'));

export interface Observed {
  readonly samples: Readonly<Record<View, readonly Sample[]>>;
}

export interface ObserveOptions {
  readonly server: PeerServer;
  readonly kind: StanzaClientKind;
  readonly policy: string;
  /** For the recording, which is removed. */
  readonly folder: string;
  /** How often each action is performed. */
  readonly count: number;
  readonly random: Random;
}

/** Lets one library perform every action so often, in a random order. */
export async function observeActions(options: ObserveOptions): Promise<Observed> {
  const { server, kind, policy, folder, count, random } = options;
  const file = join(folder, `${policy}-${randomUUID()}.jsonl`);
  const proxy = await startRecordingProxy(server, policy, file);
  // Tokens keep the distance of times; the file was created when the first time was taken.
  const createdAt = statSync(file).birthtimeMs;
  const labels: Label[] = [];
  const romeo = await kind.logIn(loginTo(server, 'romeo', 'direct'));
  const juliet = await kind.logIn({ ...loginTo(server, 'juliet', 'direct'), port: proxy.direct });
  try {
    const actions = actionsOf(policy);
    for (const action of shuffled(random, actionNames, count)) {
      await sleep(quietMs);
      const from = Date.now();
      await actions[action]!({ juliet, romeo, domain: server.domain, random });
      await sleep(quietMs);
      labels.push({ action, from, to: Date.now() });
    }
  } finally {
    await juliet.close();
    await romeo.close();
    await proxy.close();
  }
  const records = await recordsOf(file);
  await rm(file);
  const shiftMs = Math.round((createdAt - atOf(records)) / 1_000) * 1_000;
  const stanzas = stanzasOf(records);
  return {
    samples: {
      before: samplesOf(stanzas, labels, shiftMs, 'before'),
      after: samplesOf(stanzas, labels, shiftMs, 'after'),
    },
  };
}

function atOf([header]: Awaited<ReturnType<typeof recordsOf>>): number {
  if (header?.kind !== 'recording') throw new Error('no recording');
  return header.at;
}

/** Each name `count` times, in a random order. */
function shuffled(random: Random, names: readonly string[], count: number): readonly string[] {
  const all = names.flatMap((name) => Array<string>(count).fill(name));
  for (let last = all.length - 1; last > 0; last -= 1) {
    const other = random.below(last + 1);
    [all[last], all[other]] = [all[other]!, all[last]!];
  }
  return all;
}
