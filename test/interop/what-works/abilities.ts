/** What people do with a messenger, one by one, and what the other side gets of it. */
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { attribute, text } from '../../../src/simulator/xml/element.ts';
import {
  ask,
  bare,
  chat,
  find,
  fresh,
  got,
  granted,
  read,
  same,
  say,
  type Sight,
  type Stage,
} from './stage.ts';

export interface Ability {
  readonly title: string;
  /** Fields that may be the reason why it is not seen as it was said. */
  readonly fields: readonly string[];
  /** One-to-one messaging is not what it was without it. */
  readonly essential?: true;
  /** Undefined where the client by itself cannot. */
  run(stage: Stage): Promise<Sight | undefined>;
}

const carbons = 'urn:xmpp:carbons:2';
const mam = 'urn:xmpp:mam:2';
const omemo = 'eu.siacs.conversations.axolotl';
const pubsub = 'http://jabber.org/protocol/pubsub';
const rsm = 'http://jabber.org/protocol/rsm';
const muc = 'http://jabber.org/protocol/muc';
const chatStates = 'http://jabber.org/protocol/chatstates';
const composing = `<composing xmlns='${chatStates}'/>`;

function encrypted(mark: string): string {
  const key = Buffer.from(`key of ${mark} 🗝`).toString('base64');
  const payload = Buffer.from(`${mark} `.repeat(40)).toString('base64');
  return (
    `<encrypted xmlns='${omemo}'><header sid='27183'><key prekey='true' rid='31415'>${key}</key>` +
    `<key rid='12321'>${key}</key><iv>BASE64ENCODED==</iv></header><payload>${payload}</payload></encrypted>` +
    `<encryption xmlns='urn:xmpp:eme:0' namespace='${omemo}' name='OMEMO'/>` +
    `<body>I sent you an OMEMO encrypted message</body><store xmlns='urn:xmpp:hints'/>`
  );
}

function encryptedOf(xml: string): ReturnType<typeof read> | undefined {
  return find(read(xml), omemo, 'encrypted');
}

/** Sends it encrypted; whether what arrives is what was sent, and the message is one that a client would decrypt. */
async function sendEncrypted(from: Stage['juliet'], to: Stage['juliet']): Promise<Sight> {
  const id = fresh();
  const message = chat(bare(to), encrypted(id), id);
  await say(from, to, message);
  const received = to.stanzas.find((xml) => xml.startsWith('<message') && xml.includes(`"${id}"`));
  if (received === undefined) return 'withheld';
  return same(encryptedOf(received), encryptedOf(message)) ? 'seen' : 'changed';
}

/** A payload of a message, recognised at the other side by a text of its own. */
function payload(
  title: string,
  fields: readonly string[],
  build: (mark: string) => string,
  { essential }: { essential?: true } = {},
): Ability {
  return {
    title,
    fields,
    ...(essential && { essential }),
    async run({ juliet, romeo }) {
      const mark = fresh();
      await say(juliet, romeo, chat(bare(romeo), build(mark)));
      return got(romeo, mark) === undefined ? 'withheld' : 'seen';
    },
  };
}

/** Longer than a policy makes an answer wait, in milliseconds. */
const answerMs = 8_000;

/** An answer that a client gives by itself to a message of the other side. Its time may be equalised, so nothing that is
 *  sent after it says that it will not come. */
function answer(title: string, fields: readonly string[], build: (id: string) => string): Ability {
  return {
    title,
    fields,
    async run({ juliet, romeo }) {
      const id = fresh();
      romeo.send(chat(bare(juliet), '<body>hi</body>', id));
      await juliet.until((xml) => xml.includes(id));
      juliet.send(chat(bare(romeo), build(id)));
      const answered = (xml: string): boolean => xml.includes(id) && !xml.includes('<body');
      return romeo.until(answered, answerMs).then(
        () => 'seen' as const,
        () => 'withheld' as const,
      );
    },
  };
}

/** A presence that the other side sees with this in it, or without. */
function presence(
  title: string,
  field: string,
  build: (mark: string) => string,
  shown: (mark: string) => string,
): Ability {
  return {
    title,
    fields: [field],
    async run({ juliet, romeo }) {
      const mark = fresh();
      const before = romeo.stanzas.length;
      const from = (xml: string, index: number): boolean =>
        index >= before &&
        xml.startsWith('<presence') &&
        attribute(read(xml), 'from')!.startsWith(`${bare(juliet)}/`);
      await say(juliet, romeo, `<presence xmlns='jabber:client'>${build(mark)}</presence>`);
      // The tablet sends none.
      await romeo.until(from);
      const seen = romeo.stanzas.filter(from).some((xml) => xml.includes(shown(mark)));
      juliet.send("<presence xmlns='jabber:client'/>");
      return seen ? 'seen' : 'withheld';
    },
  };
}

/** Publishes an item of one's own (XEP-0163) and lets the other side fetch it. */
async function publish(
  { juliet, romeo }: Pick<Stage, 'juliet' | 'romeo'>,
  node: string,
  item: (mark: string) => string,
): Promise<Sight> {
  // A number too, for identifiers of devices.
  const mark = String(randomInt(2 ** 31));
  const form =
    `<publish-options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'>` +
    `<value>${pubsub}#publish-options</value></field><field var='pubsub#access_model'><value>open</value></field></x>` +
    `</publish-options>`;
  const put = await ask(
    juliet,
    'set',
    `<pubsub xmlns='${pubsub}'><publish node='${node}'><item id='current'>${item(mark)}</item></publish>${form}</pubsub>`,
  );
  if (granted(put) === 'refused') return 'refused';
  const fetched = await ask(
    romeo,
    'get',
    `<pubsub xmlns='${pubsub}'><items node='${node}'/></pubsub>`,
    bare(juliet),
  );
  if (granted(fetched) === 'refused') return 'withheld';
  return JSON.stringify(fetched).includes(mark) ? 'seen' : 'withheld';
}

const publication = (
  title: string,
  fields: readonly string[],
  node: string,
  item: (mark: string) => string,
  more: { essential?: true } = {},
): Ability => ({ title, fields, ...more, run: (stage) => publish(stage, node, item) });

/** Romeo asks juliet's device; who answers? */
const question = (title: string, field: string, query: string, own: string, proxys: string): Ability => ({
  title,
  fields: [field],
  async run({ juliet, romeo }) {
    const device = await deviceOf({ juliet, romeo });
    const answer = await ask(romeo, 'get', query, device);
    if (granted(answer) === 'refused') return 'refused';
    const said = JSON.stringify(answer);
    if (said.includes(own)) return 'seen';
    return proxys !== '' && said.includes(proxys) ? 'answered' : 'changed';
  },
});

/** Juliet's full JID as romeo knows it. */
async function deviceOf({ juliet, romeo }: Pick<Stage, 'juliet' | 'romeo'>): Promise<string> {
  const mark = fresh();
  juliet.send(chat(bare(romeo), `<body>${mark}</body>`));
  return attribute(read(await romeo.until((xml) => xml.includes(mark))), 'from')!;
}

/** The last twenty messages with a contact (XEP-0313 §4.3, XEP-0059 §2.5). */
async function lastPage(who: Stage['juliet'], contact: string): Promise<readonly string[]> {
  const query = fresh();
  const result = await ask(
    who,
    'set',
    `<query xmlns='${mam}' queryid='${query}'><x xmlns='jabber:x:data' type='submit'>` +
      `<field var='FORM_TYPE' type='hidden'><value>${mam}</value></field>` +
      `<field var='with'><value>${contact}</value></field></x>` +
      `<set xmlns='${rsm}'><max>20</max><before/></set></query>`,
  );
  const fin = find(result, mam, 'fin');
  if (fin === undefined || find(fin, rsm, 'last') === undefined) throw new Error('no page ends here');
  return who.stanzas.filter((xml) => xml.includes(query));
}

/** Bodies received that begin with the mark, in order. */
function bodiesOf({ stanzas }: Stage['juliet'], mark: string): string[] {
  return stanzas
    .filter((xml) => xml.startsWith('<message'))
    .map((xml) => /<body[^>]*>([^<]*)<\/body>/.exec(xml)?.[1] ?? '')
    .filter((body) => body.startsWith(mark));
}

const numbers = (mark: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${mark} ${index}`);

export const abilities: readonly Ability[] = [
  {
    title: 'ask the server what it can do (XEP-0030)',
    fields: [],
    essential: true,
    async run({ juliet, domain }) {
      const answer = await ask(
        juliet,
        'get',
        "<query xmlns='http://jabber.org/protocol/disco#info'/>",
        domain,
      );
      return JSON.stringify(answer).includes('urn:xmpp:ping') ? 'seen' : 'changed';
    },
  },
  {
    title: 'fetch the contact list (RFC 6121 §2)',
    fields: ['roster.items'],
    essential: true,
    run: async ({ juliet }) => granted(await ask(juliet, 'get', "<query xmlns='jabber:iq:roster'/>")),
  },
  {
    title: 'become contacts (RFC 6121 §3)',
    fields: ['presence.subscription'],
    essential: true,
    async run({ juliet, romeo }) {
      const roster = "<query xmlns='jabber:iq:roster'/>";
      // Only a client that has asked for the list receives changes (RFC 6121 §2.1.6).
      for (const who of [juliet, romeo]) await ask(who, 'get', roster);
      for (const [one, other] of [
        [juliet, romeo],
        [romeo, juliet],
      ] as const) {
        one.send(`<presence xmlns='jabber:client' type='subscribe' to='${bare(other)}'/>`);
        await other.until(
          (xml) => xml.startsWith('<presence') && attribute(read(xml), 'type') === 'subscribe',
        );
        other.send(`<presence xmlns='jabber:client' type='subscribed' to='${bare(one)}'/>`);
      }
      for (const who of [juliet, romeo])
        await who.until((xml) => {
          if (!xml.startsWith('<iq') || !xml.includes('jabber:iq:roster')) return false;
          const item = find(read(xml), 'jabber:iq:roster', 'item');
          return item !== undefined && attribute(item, 'subscription') === 'both';
        });
      return 'seen';
    },
  },
  {
    title: 'see each other online',
    fields: ['presence.available'],
    essential: true,
    async run({ juliet, romeo }) {
      for (const [one, other] of [
        [juliet, romeo],
        [romeo, juliet],
      ] as const) {
        one.send("<presence xmlns='jabber:client'/>");
        await other.until((xml) => {
          if (!xml.startsWith('<presence')) return false;
          const stanza = read(xml);
          return (
            attribute(stanza, 'type') === undefined && attribute(stanza, 'from')!.startsWith(`${bare(one)}/`)
          );
        });
      }
      return 'seen';
    },
  },
  presence(
    'be away',
    'presence.show',
    () => '<show>away</show>',
    () => '>away<',
  ),
  presence(
    'a status text',
    'presence.status',
    (mark) => `<status>${mark}</status>`,
    (mark) => mark,
  ),
  presence(
    'since when one is idle (XEP-0319)',
    'time.idle',
    () => "<show>away</show><idle xmlns='urn:xmpp:idle:1' since='1969-07-21T02:56:15Z'/>",
    () => '1969-07-21T02:56:15Z',
  ),
  presence(
    'a nickname in presence (XEP-0172)',
    'presence.nick',
    (mark) => `<nick xmlns='http://jabber.org/protocol/nick'>${mark}</nick>`,
    (mark) => mark,
  ),
  {
    title: 'write and answer in plain text',
    fields: [],
    essential: true,
    async run({ juliet, romeo }) {
      const mark = fresh();
      const body = `${mark} “Rose 🌹” &lt;by any other name&gt; &amp; ]]&gt;`;
      for (const [one, other] of [
        [juliet, romeo],
        [romeo, juliet],
      ] as const) {
        await say(one, other, chat(bare(other), `<body>${body}</body>`));
        const stanza = read(got(other, mark)!);
        if (text(find(stanza, 'jabber:client', 'body')!) !== text(read(`<body>${body}</body>`)))
          return 'changed';
      }
      return 'seen';
    },
  },
  {
    title: 'send encrypted messages (OMEMO, XEP-0384)',
    fields: ['omemo.header', 'content.encrypted'],
    essential: true,
    run: ({ juliet, romeo }) => sendEncrypted(juliet, romeo),
  },
  {
    title: 'receive encrypted messages',
    fields: ['omemo.header', 'content.encrypted'],
    essential: true,
    run: ({ juliet, romeo }) => sendEncrypted(romeo, juliet),
  },
  publication(
    'publish devices for encryption',
    ['pep.omemo'],
    `${omemo}.devicelist`,
    (mark) => `<list xmlns='${omemo}'><device id='27183'/><device id='${mark}'/></list>`,
    { essential: true },
  ),
  publication(
    'publish keys for encryption',
    ['pep.omemo'],
    `${omemo}.bundles:27183`,
    (mark) =>
      `<bundle xmlns='${omemo}'><signedPreKeyPublic signedPreKeyId='1'>${Buffer.from(mark).toString('base64')}</signedPreKeyPublic><identityKey>${mark}</identityKey></bundle>`,
    { essential: true },
  ),
  {
    title: "fetch a contact's devices and keys",
    fields: ['pep.omemo'],
    essential: true,
    async run({ juliet, romeo }) {
      return publish(
        { juliet: romeo, romeo: juliet },
        `${omemo}.devicelist`,
        (mark) => `<list xmlns='${omemo}'><device id='${mark}'/></list>`,
      );
    },
  },
  {
    title: 'copies to one’s other devices (XEP-0280)',
    fields: ['carbons.enable'],
    essential: true,
    async run({ juliet, tablet, romeo }) {
      for (const device of [juliet, tablet])
        if (granted(await ask(device, 'set', `<enable xmlns='${carbons}'/>`)) === 'refused') return 'refused';
      const sent = fresh();
      const outgoing = chat(bare(romeo), encrypted(sent), sent);
      juliet.send(outgoing);
      const received = fresh();
      const incoming = chat(juliet.jid, encrypted(received), received);
      romeo.send(chat(await deviceOf({ juliet, romeo }), encrypted(received), received));
      const copy = (mark: string): Promise<string> =>
        tablet.until((xml) => xml.includes(carbons) && xml.includes(`"${mark}"`));
      const whole =
        same(encryptedOf(await copy(sent)), encryptedOf(outgoing)) &&
        same(encryptedOf(await copy(received)), encryptedOf(incoming));
      return whole ? 'seen' : 'changed';
    },
  },
  {
    title: 'the archive: switch it on, query it page by page (XEP-0313, XEP-0441)',
    fields: ['mam.query'],
    essential: true,
    async run({ juliet, romeo }) {
      if (granted(await ask(juliet, 'set', `<prefs xmlns='${mam}' default='always'/>`)) === 'refused')
        return 'refused';
      const mark = fresh();
      const message = chat(bare(romeo), encrypted(mark), mark);
      await say(juliet, romeo, message);
      await say(romeo, juliet, chat(bare(juliet), `<body>${mark} back</body>`));
      let page = await lastPage(juliet, bare(romeo));
      // ejabberd delivers some messages before it archives them.
      for (let asked = 1; asked < 20 && !page.some((xml) => xml.includes(`${mark} back`)); asked += 1) {
        await sleep(100);
        page = await lastPage(juliet, bare(romeo));
      }
      const archived = page.find((xml) => xml.includes(`"${mark}"`));
      if (archived === undefined || !page.some((xml) => xml.includes(`${mark} back`))) return 'withheld';
      return same(encryptedOf(archived), encryptedOf(message)) ? 'seen' : 'changed';
    },
  },
  {
    title: 'lose the connection and go on: what came in the meantime is there, once (XEP-0198)',
    fields: [],
    essential: true,
    async run({ juliet, romeo, network }) {
      const mark = fresh();
      const bodies = numbers(mark, 40);
      // Under a policy that drops them, the counts at both ends differ from here on.
      for (let i = 0; i < 5; i += 1) juliet.send(chat(bare(romeo), composing));
      for (const body of bodies.slice(0, 20)) romeo.send(chat(bare(juliet), `<body>${body}</body>`));
      network.cut();
      for (const body of bodies.slice(20)) romeo.send(chat(bare(juliet), `<body>${body}</body>`));
      await juliet.resume();
      await juliet.until((xml) => xml.includes(bodies.at(-1)!));
      await say(romeo, juliet, chat(bare(juliet), '<body>after</body>'));
      // ejabberd may deliver what it routes during resumption before what the former session still held.
      return isDeepStrictEqual(bodiesOf(juliet, mark).toSorted(), bodies.toSorted()) ? 'seen' : 'changed';
    },
  },
  {
    title: 'lose the connection while sending: everything arrives, once and in order',
    fields: [],
    essential: true,
    async run({ juliet, romeo, network, repeats }) {
      if (!repeats) return undefined;
      const mark = fresh();
      const bodies = numbers(mark, 40);
      for (const [index, body] of bodies.entries()) {
        if (index === 20) {
          await romeo.until((xml) => xml.includes(bodies[5]!));
          network.swallow();
        }
        juliet.send(chat(bare(romeo), `<body>${body}</body><active xmlns='${chatStates}'/>`));
        if (index % 3 === 0) juliet.send(chat(bare(romeo), composing));
      }
      // So that the library takes it all for sent.
      await sleep(100);
      network.cut();
      await juliet.resume();
      await romeo.until((xml) => xml.includes(bodies.at(-1)!));
      await say(juliet, romeo, chat(bare(romeo), '<body>after</body>'));
      return isDeepStrictEqual(bodiesOf(romeo, mark), bodies) ? 'seen' : 'changed';
    },
  },
  {
    title: 'a room: open it, meet, talk both ways, leave (XEP-0045)',
    fields: ['presence.muc', 'muc.membership'],
    essential: true,
    async run({ juliet, romeo, domain }) {
      const room = `${fresh()}@conference.${domain}`;
      const enter = async (who: Stage['juliet'], nick: string): Promise<void> => {
        who.send(`<presence xmlns='jabber:client' to='${room}/${nick}'><x xmlns='${muc}'/></presence>`);
        await who.until(
          (xml) => xml.startsWith('<presence') && xml.includes(`${room}/${nick}`) && xml.includes('110'),
        );
      };
      await enter(juliet, 'J');
      const form = `<query xmlns='${muc}#owner'><x xmlns='jabber:x:data' type='submit'/></query>`;
      if (granted(await ask(juliet, 'set', form, room)) === 'refused') return 'refused';
      await enter(romeo, 'R');
      await juliet.until((xml) => xml.startsWith('<presence') && xml.includes(`${room}/R`));
      for (const [one, other] of [
        [juliet, romeo],
        [romeo, juliet],
      ] as const) {
        const mark = fresh();
        one.send(
          `<message xmlns='jabber:client' type='groupchat' id='${mark}' to='${room}'>${encrypted(mark)}</message>`,
        );
        const received = await other.until((xml) => xml.startsWith('<message') && xml.includes(`"${mark}"`));
        if (!same(encryptedOf(received), encryptedOf(chat(room, encrypted(mark))))) return 'changed';
      }
      juliet.send(`<presence xmlns='jabber:client' type='unavailable' to='${room}/J'/>`);
      await romeo.until(
        (xml) => xml.startsWith('<presence') && xml.includes(`${room}/J`) && xml.includes('unavailable'),
      );
      romeo.send(`<presence xmlns='jabber:client' type='unavailable' to='${room}/R'/>`);
      return 'seen';
    },
  },
  payload(
    'invite into a room (XEP-0249)',
    ['muc.invitation'],
    (mark) => `<x xmlns='jabber:x:conference' jid='${mark}@conference.localhost' reason='love'/>`,
  ),
  payload(
    'typing notices (XEP-0085)',
    ['chat-state'],
    (mark) => `<composing xmlns='http://jabber.org/protocol/chatstates'/><thread>${mark}</thread>`,
  ),
  answer(
    'receipts for delivery (XEP-0184)',
    ['receipt.delivered'],
    (id) => `<received xmlns='urn:xmpp:receipts' id='${id}'/>`,
  ),
  {
    title: 'ask for a receipt',
    fields: ['receipt.request'],
    async run({ juliet, romeo }) {
      const mark = fresh();
      await say(juliet, romeo, chat(bare(romeo), `<body>${mark}</body><request xmlns='urn:xmpp:receipts'/>`));
      return got(romeo, mark)!.includes('urn:xmpp:receipts') ? 'seen' : 'withheld';
    },
  },
  answer(
    'markers for what was read (XEP-0333)',
    ['receipt.read'],
    (id) => `<displayed xmlns='urn:xmpp:chat-markers:0' id='${id}'/>`,
  ),
  payload(
    'correct a message (XEP-0308)',
    [],
    (mark) => `<body>hi</body><replace xmlns='urn:xmpp:message-correct:0' id='${mark}'/>`,
    { essential: true },
  ),
  payload(
    'react (XEP-0444)',
    [],
    (mark) =>
      `<reactions xmlns='urn:xmpp:reactions:0' id='${mark}'><reaction>👋</reaction></reactions><store xmlns='urn:xmpp:hints'/>`,
    { essential: true },
  ),
  payload(
    'take a message back (XEP-0424)',
    [],
    (mark) => `<retract xmlns='urn:xmpp:message-retract:1' id='${mark}'/><store xmlns='urn:xmpp:hints'/>`,
    { essential: true },
  ),
  payload(
    'reply to a message (XEP-0461)',
    [],
    (mark) => `<body>yes</body><reply xmlns='urn:xmpp:reply:0' to='romeo@localhost' id='${mark}'/>`,
    { essential: true },
  ),
  payload('a thread (RFC 6121 §5.2.5)', ['id.thread'], (mark) => `<body>hi</body><thread>${mark}</thread>`),
  payload(
    'get a contact’s attention (XEP-0224)',
    ['attention'],
    (mark) => `<attention xmlns='urn:xmpp:attention:0'/><thread>${mark}</thread>`,
  ),
  payload(
    'a file by its address (XEP-0066)',
    ['content.oob-url'],
    (mark) =>
      `<body>https://f.example/${mark}</body><x xmlns='jabber:x:oob'><url>https://f.example/${mark}</url></x>`,
    { essential: true },
  ),
  {
    title: 'the name of a file (XEP-0447)',
    fields: ['content.file-name'],
    async run({ juliet, romeo }) {
      const mark = fresh();
      const file = `<file-sharing xmlns='urn:xmpp:sfs:0' disposition='inline'><file xmlns='urn:xmpp:file:metadata:0'><media-type>image/jpeg</media-type><name>${mark}-name</name><size>3032449</size></file><sources><url-data xmlns='http://jabber.org/protocol/url-data' target='https://f.example/${mark}'/></sources></file-sharing>`;
      await say(juliet, romeo, chat(bare(romeo), `<body>${mark}</body>${file}`));
      const received = romeo.stanzas.find((xml) => xml.includes(`f.example/${mark}`));
      if (received === undefined) return 'withheld';
      return received.includes(`${mark}-name`) ? 'seen' : 'changed';
    },
  },
  payload(
    'a preview of a link',
    ['content.link-preview'],
    (mark) =>
      `<body>https://a.example</body><Description xmlns='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' rdf:about='https://a.example'><title xmlns='https://ogp.me/ns#'>${mark}</title></Description>`,
  ),
  payload(
    'ring (XEP-0353)',
    ['call.session'],
    (mark) =>
      `<propose xmlns='urn:xmpp:jingle-message:0' id='${mark}'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose><store xmlns='urn:xmpp:hints'/>`,
    { essential: true },
  ),
  {
    title: 'offer one’s own address in a call (XEP-0176)',
    fields: ['call.host-candidate'],
    async run({ juliet, romeo }) {
      const mark = fresh();
      const candidate = (type: string, ip: string): string =>
        `<candidate component='1' foundation='1' generation='0' id='${mark}${type}' ip='${ip}' network='0' port='8998' priority='2130706431' protocol='udp' type='${type}'/>`;
      const offer =
        `<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' initiator='${juliet.jid}' sid='${mark}'><content creator='initiator' name='a'>` +
        `<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'><payload-type id='111' name='opus'/></description>` +
        `<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' pwd='asd88fgpdd777uzjYhagZg' ufrag='8hhy'>` +
        `${candidate('host', '10.0.1.1')}${candidate('relay', '192.0.2.3')}</transport></content></jingle>`;
      // The answer of a client without calls does not matter.
      await ask(juliet, 'set', offer, romeo.jid);
      const received = got(romeo, `${mark}relay`);
      if (received === undefined) return 'withheld';
      return received.includes('10.0.1.1') ? 'seen' : 'changed';
    },
  },
  publication(
    'an avatar (XEP-0084)',
    ['pep.avatar'],
    'urn:xmpp:avatar:metadata',
    (mark) =>
      `<metadata xmlns='urn:xmpp:avatar:metadata'><info bytes='12345' id='${mark}' height='64' width='64' type='image/png'/></metadata>`,
  ),
  publication(
    'a nickname (XEP-0172)',
    ['pep.nick'],
    'http://jabber.org/protocol/nick',
    (mark) => `<nick xmlns='http://jabber.org/protocol/nick'>${mark}</nick>`,
  ),
  publication(
    'a profile (XEP-0292)',
    ['pep.vcard'],
    'urn:xmpp:vcard4',
    (mark) => `<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><fn><text>${mark}</text></fn></vcard>`,
  ),
  publication(
    'a mood (XEP-0107)',
    ['pep.mood'],
    'http://jabber.org/protocol/mood',
    (mark) => `<mood xmlns='http://jabber.org/protocol/mood'><happy/><text>${mark}</text></mood>`,
  ),
  publication(
    'what one listens to (XEP-0118)',
    ['pep.tune'],
    'http://jabber.org/protocol/tune',
    (mark) => `<tune xmlns='http://jabber.org/protocol/tune'><title>${mark}</title></tune>`,
  ),
  publication(
    'where one is (XEP-0080)',
    ['pep.geoloc'],
    'http://jabber.org/protocol/geoloc',
    (mark) => `<geoloc xmlns='http://jabber.org/protocol/geoloc'><locality>${mark}</locality></geoloc>`,
  ),
  question(
    'ask for the software version (XEP-0092)',
    'version.iq',
    "<query xmlns='jabber:iq:version'/>",
    'Scripted',
    'Narthex',
  ),
  question('ask for the time zone (XEP-0202)', 'time.entity', "<time xmlns='urn:xmpp:time'/>", '', ''),
  question(
    'ask when a contact was last active (XEP-0012)',
    'time.last-iq',
    "<query xmlns='jabber:iq:last'/>",
    '903',
    '',
  ),
  {
    title: 'be pinged, and ping (XEP-0199)',
    fields: [],
    essential: true,
    async run({ juliet, romeo, domain }) {
      const ping = "<ping xmlns='urn:xmpp:ping'/>";
      const answers = [
        await ask(juliet, 'get', ping, domain),
        await ask(romeo, 'get', ping, await deviceOf({ juliet, romeo })),
      ];
      return answers.some((answer) => granted(answer) === 'refused') ? 'refused' : 'seen';
    },
  },
  {
    title: 'block a contact (XEP-0191)',
    fields: ['graph.blocklist'],
    essential: true,
    async run({ juliet }) {
      const item = `<item jid='tybalt@localhost'/>`;
      const block = await ask(juliet, 'set', `<block xmlns='urn:xmpp:blocking'>${item}</block>`);
      if (granted(block) === 'refused') return 'refused';
      const list = await ask(juliet, 'get', "<blocklist xmlns='urn:xmpp:blocking'/>");
      await ask(juliet, 'set', `<unblock xmlns='urn:xmpp:blocking'>${item}</unblock>`);
      return JSON.stringify(list).includes('tybalt') ? 'seen' : 'withheld';
    },
  },
  {
    title: 'bookmarks of rooms (XEP-0402)',
    fields: ['pep.bookmarks'],
    async run({ juliet }) {
      const mark = fresh();
      const node = 'urn:xmpp:bookmarks:1';
      const put = await ask(
        juliet,
        'set',
        `<pubsub xmlns='${pubsub}'><publish node='${node}'><item id='${mark}@conference.localhost'><conference xmlns='${node}' name='${mark}' autojoin='true'><nick>J</nick></conference></item></publish></pubsub>`,
      );
      if (granted(put) === 'refused') return 'refused';
      const fetched = await ask(juliet, 'get', `<pubsub xmlns='${pubsub}'><items node='${node}'/></pubsub>`);
      return JSON.stringify(fetched).includes(mark) ? 'seen' : 'withheld';
    },
  },
  {
    title: 'tell the server that the app is in the background (XEP-0352), and go on',
    fields: ['csi.state'],
    async run({ juliet, romeo }) {
      const mark = fresh();
      juliet.send("<inactive xmlns='urn:xmpp:csi:0'/>");
      romeo.send(chat(bare(juliet), `<body>${mark}</body>`));
      juliet.send("<active xmlns='urn:xmpp:csi:0'/>");
      await say(romeo, juliet, chat(bare(juliet), '<body>after</body>'));
      return got(juliet, mark) === undefined ? 'withheld' : 'seen';
    },
  },
];
