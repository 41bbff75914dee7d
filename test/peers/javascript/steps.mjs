/** What ../table/program.ts asks of @xmpp/client: each verb takes the words of its question and resolves with those of its
 *  answer. The library sends iqs and receives stanzas; rooms, uploads and archives are written here as its users do. */
import { once } from 'node:events';
import { request } from 'node:https';
import { xml } from '@xmpp/client';

const muc = 'http://jabber.org/protocol/muc';
const mam = 'urn:xmpp:mam:2';
const upload = 'urn:xmpp:http:upload:0';
const items = 'http://jabber.org/protocol/disco#items';

export function stepsOf(connection, domain) {
  const { iqCaller } = connection;
  return {
    /** XEP-0045 §7.2: the presence with status 110 is the last one. */
    async join(room, nick) {
      const joined = stanzaOf(
        connection,
        (stanza) =>
          stanza.is('presence') &&
          stanza.attrs.from === `${room}/${nick}` &&
          (stanza.attrs.type === 'error' || statuses(stanza).includes('110')),
      );
      await connection.send(xml('presence', { to: `${room}/${nick}` }, xml('x', muc)));
      if ((await joined).attrs.type === 'error') throw new Error(String(await joined));
      return [];
    },
    async say(room, body) {
      await connection.send(xml('message', { type: 'groupchat', to: room }, xml('body', {}, body)));
      return [];
    },
    async upload(name, bytes) {
      const service = await uploadService(iqCaller, domain);
      const attrs = { xmlns: upload, filename: name, size: String(bytes.length) };
      const iq = xml('iq', { type: 'get', to: service }, xml('request', attrs));
      const slot = (await iqCaller.request(iq)).getChild('slot', upload);
      const headers = slot.getChild('put').getChildren('header');
      await put(
        slot.getChild('put').attrs.url,
        Object.fromEntries(headers.map((header) => [header.attrs.name, header.text()])),
        bytes,
      );
      return [slot.getChild('get').attrs.url];
    },
    async archive(contact) {
      const bodies = [];
      const queryid = `archive-${Date.now()}`;
      const collect = (stanza) => {
        const result = stanza.getChild('result', mam);
        if (result?.attrs.queryid !== queryid) return;
        const body = result
          .getChild('forwarded', 'urn:xmpp:forward:0')
          .getChild('message')
          .getChildText('body');
        if (body !== null) bodies.push(body);
      };
      connection.on('stanza', collect);
      const form = xml(
        'x',
        { xmlns: 'jabber:x:data', type: 'submit' },
        field('FORM_TYPE', mam),
        field('with', contact),
      );
      await iqCaller.set(xml('query', { xmlns: mam, queryid }, form));
      connection.off('stanza', collect);
      return bodies;
    },
  };
}

function field(name, value) {
  return xml('field', { var: name }, xml('value', {}, value));
}

function statuses(presence) {
  const user = presence.getChild('x', `${muc}#user`);
  return user?.getChildren('status').map(({ attrs }) => attrs.code) ?? [];
}

function stanzaOf(connection, fits) {
  return new Promise((resolve) => {
    const look = (stanza) => {
      if (!fits(stanza)) return;
      connection.off('stanza', look);
      resolve(stanza);
    };
    connection.on('stanza', look);
  });
}

/** XEP-0363 §3: the server itself, or one of its services. */
async function uploadService(iqCaller, domain) {
  const found = await iqCaller.get(xml('query', items), domain);
  for (const jid of [domain, ...found.getChildren('item').map(({ attrs }) => attrs.jid)]) {
    const info = await iqCaller.get(xml('query', 'http://jabber.org/protocol/disco#info'), jid);
    if (info.getChildren('feature').some(({ attrs }) => attrs.var === upload)) return jid;
  }
  throw new Error('no upload service');
}

/** The HTTP of an upload (XEP-0363 §4), which libraries leave to their users. */
export async function put(url, headers, bytes) {
  const sending = request(url, {
    method: 'PUT',
    headers: { ...headers, 'content-length': bytes.length },
  });
  sending.end(bytes);
  const [response] = await once(sending, 'response');
  response.resume();
  if (response.statusCode !== 201) throw new Error(`PUT was answered with ${response.statusCode}`);
}
