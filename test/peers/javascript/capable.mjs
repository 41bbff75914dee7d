/** A client of @xmpp/client that advertises itself (XEP-0115) and answers for itself. The line protocol of
 *  ../client.ts, of which it needs no commands. */
import { createHash } from 'node:crypto';
import { client, jid, xml } from '@xmpp/client';

const { PEER_JID, PEER_PASSWORD, PEER_HOST, PEER_PORT, PEER_TLS } = process.env;
const { local, domain } = jid(PEER_JID);
const disco = 'http://jabber.org/protocol/disco#info';
const node = 'https://xmppjs.example';
const features = [
  'http://jabber.org/protocol/caps',
  disco,
  'urn:xmpp:avatar:metadata+notify',
  'urn:xmpp:ping',
];
const text = `client/web//Example<${features.map((feature) => `${feature}<`).join('')}`;
const ver = createHash('sha1').update(text).digest('base64');

const connection = client({
  service: PEER_TLS === 'direct' ? `xmpps://${domain}:${PEER_PORT}` : `xmpp://${PEER_HOST}:${PEER_PORT}`,
  domain,
  username: local,
  password: PEER_PASSWORD,
  timeout: 60_000,
});
connection.reconnect.stop();
connection.on('error', (error) => say('failed', Buffer.from(String(error)).toString('base64')));

connection.iqCallee.get(disco, 'query', ({ element }) =>
  xml(
    'query',
    { xmlns: disco, ...(element.attrs.node && { node: element.attrs.node }) },
    xml('identity', { category: 'client', type: 'web', name: 'Example' }),
    ...features.map((feature) => xml('feature', { var: feature })),
  ),
);

connection.on('online', async (address) => {
  await connection.send(
    xml('presence', {}, xml('c', { xmlns: 'http://jabber.org/protocol/caps', hash: 'sha-1', node, ver })),
  );
  say('online', address.toString());
});

process.stdin.on('end', () => void leave());
process.stdin.resume();

connection.start().catch((error) => say('failed', Buffer.from(String(error)).toString('base64')));

async function leave() {
  await connection.stop().catch(() => {});
  process.exit(0);
}

function say(...words) {
  process.stdout.write(`${words.join(' ')}\n`);
}
