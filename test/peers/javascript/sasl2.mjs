/** @xmpp/client with what it has of SASL 2 (XEP-0388): Bind 2, inline stream management, FAST. Takes the environment of
 *  ../client.ts, and tells of every element of an authentication.
 *
 *    program → test   online FULL-JID  |  sent BASE64-XML  |  received BASE64-XML  |  message FROM BASE64-BODY
 *                     |  failed BASE64-REASON
 *    test → program   send TO BASE64-BODY  |  anew: it logs out and in; the end of input logs it out */
import { createInterface } from 'node:readline';
import { client, jid, xml } from '@xmpp/client';

const { PEER_JID, PEER_PASSWORD, PEER_TOKEN, PEER_HOST, PEER_PORT, PEER_TLS } = process.env;
const { local, domain } = jid(PEER_JID);

const services = {
  direct: `xmpps://${domain}:${PEER_PORT}`,
  starttls: `xmpp://${PEER_HOST}:${PEER_PORT}`,
  websocket: `wss://${domain}:${PEER_PORT}/xmpp-websocket`,
};
const namespaces = ['urn:xmpp:sasl:2', 'urn:ietf:params:xml:ns:xmpp-sasl', 'urn:xmpp:sm:3'];

const userAgent = xml('user-agent', { id: 'd4565fa7-4d72-4749-b3d3-740edbf87770' }, [
  xml('software', {}, 'Chirper 4.2'),
  xml('device', {}, 'Phone of Juliet'),
]);

const connection = client({
  service: services[PEER_TLS],
  domain,
  resource: 'Chirper',
  userAgent,
  ...(PEER_TOKEN === undefined
    ? { username: local, password: PEER_PASSWORD }
    : { credentials: (authenticate) => authenticate({ token: PEER_TOKEN }, 'OAUTHBEARER', userAgent) }),
});
connection.timeout = 60_000;
connection.reconnect.delay = 100;

class OauthBearer {
  response({ token }) {
    return `n,,\u0001auth=Bearer ${token}\u0001\u0001`;
  }

  challenge() {}
}
Object.assign(OauthBearer.prototype, { name: 'OAUTHBEARER', clientFirst: true });
connection.saslFactory.use(OauthBearer);

connection.on('error', (error) => say('failed', encode(`${error.name}: ${error.message}`)));

connection.on('online', async (address) => {
  await connection.send(xml('presence'));
  say('online', address.toString());
});

connection.on('send', (element) => {
  if (negotiates(element)) say('sent', encode(element.toString()));
});

connection.on('element', (element) => {
  if (negotiates(element)) say('received', encode(element.toString()));
});

connection.on('stanza', (stanza) => {
  const body = stanza.getChildText('body');
  if (stanza.is('message') && body !== null) say('message', stanza.attrs.from, encode(body));
});

const commands = {
  send(to, body) {
    const text = Buffer.from(body, 'base64').toString('utf8');
    connection.send(xml('message', { type: 'chat', to }, xml('body', {}, text))).catch(() => {});
  },
  async anew() {
    await connection.stop();
    await connection.start();
  },
};

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const [verb, ...words] = line.split(' ');
  void commands[verb](...words);
});
lines.on('close', () => void leave());

connection.start().catch((error) => say('failed', encode(`${error.name}: ${error.message}`)));

async function leave() {
  connection.reconnect.stop();
  await connection.stop().catch(() => {});
  process.exit(0);
}

/** Acknowledgements are left out. */
function negotiates(element) {
  return namespaces.includes(element.getNS()) && element.name !== 'r' && element.name !== 'a';
}

function say(...words) {
  process.stdout.write(`${words.join(' ')}\n`);
}

function encode(text) {
  return Buffer.from(text, 'utf8').toString('base64');
}
