/** The line protocol of ../fleet.ts, spoken by @xmpp/client for many users. */
import { createInterface } from 'node:readline';
import { client, jid, xml } from '@xmpp/client';

const { PEER_JID, PEER_USERS, PEER_PASSWORD, PEER_HOST, PEER_PORT, PEER_TLS } = process.env;
const { domain } = jid(PEER_JID);
const pingMs = 60_000;

// Over TLS this library checks the certificate against the host it connects to, not against the domain.
const services = {
  direct: `xmpps://${domain}:${PEER_PORT}`,
  starttls: `xmpp://${PEER_HOST}:${PEER_PORT}`,
  websocket: `wss://${domain}:${PEER_PORT}/xmpp-websocket`,
};

const connections = new Map();

for (const [index, username] of PEER_USERS.split(',').entries()) {
  const connection = client({
    service: services[PEER_TLS],
    domain,
    // The library computes SCRAM in JavaScript, in a second of processor time: too much for many logins at once.
    credentials: (authenticate) => authenticate({ username, password: PEER_PASSWORD }, 'PLAIN'),
    timeout: 15_000,
  });
  connections.set(username, connection);
  // The library tells of each lost connection, and connects again by itself.
  connection.on('error', (error) => console.error(username, error.message));
  connection.on('online', () => void connection.send(xml('presence')).catch(() => {}));
  connection.on('stanza', (stanza) => {
    const body = stanza.getChildText('body');
    if (stanza.is('message') && body !== null) say('message', username, encode(body));
  });
  const online = new Promise((resolve) => connection.once('online', resolve));
  connection.start().catch(() => {});
  await online;
  say('online', username);
  // One in three asks the server whether it is there (XEP-0199); the library adds <r/> of stream management (XEP-0198).
  if (index % 3 === 0) setInterval(() => ping(connection), pingMs);
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [, user, to, body] = line.split(' ');
    const connection = connections.get(user);
    // The library would send it before it has authenticated. The test asks again.
    if (connection.status !== 'online') return;
    const text = Buffer.from(body, 'base64').toString('utf8');
    void connection.send(xml('message', { type: 'chat', to }, xml('body', {}, text))).catch(() => {});
  })
  .on('close', () => void leave());

async function leave() {
  await Promise.all([...connections.values()].map((connection) => connection.stop().catch(() => {})));
  process.exit(0);
}

function ping(connection) {
  if (connection.status !== 'online') return;
  connection.iqCaller.request(xml('iq', { type: 'get' }, xml('ping', 'urn:xmpp:ping'))).catch(() => {});
}

function say(...words) {
  process.stdout.write(`${words.join(' ')}\n`);
}

function encode(text) {
  return Buffer.from(text, 'utf8').toString('base64');
}
