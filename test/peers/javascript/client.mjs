/** The line protocol of ../client.ts, spoken by @xmpp/client. */
import { client, jid, xml } from '@xmpp/client';
import { encode, fail, obey, Returns, say } from './line-protocol.mjs';
import { stepsOf } from './steps.mjs';

const { PEER_JID, PEER_PASSWORD, PEER_TOKEN, PEER_HOST, PEER_PORT, PEER_TLS, PEER_RECONNECT } = process.env;
const { local, domain } = jid(PEER_JID);

// Over direct TLS this library checks the certificate against the host it connects to, not against the domain.
const services = {
  direct: `xmpps://${domain}:${PEER_PORT}`,
  starttls: `xmpp://${PEER_HOST}:${PEER_PORT}`,
  websocket: `wss://${domain}:${PEER_PORT}/xmpp-websocket`,
};

const connection = client({
  service: services[PEER_TLS],
  domain,
  ...(PEER_TOKEN === undefined
    ? { username: local, password: PEER_PASSWORD }
    : { credentials: (authenticate) => authenticate({ token: PEER_TOKEN }, 'OAUTHBEARER') }),
  timeout: 60_000,
});

/** RFC 7628, for a library that lets its user add mechanisms. */
class OauthBearer {
  #refused = false;

  response({ token }) {
    return this.#refused ? '\u0001' : `n,,\u0001auth=Bearer ${token}\u0001\u0001`;
  }

  challenge() {
    this.#refused = true;
  }
}
Object.assign(OauthBearer.prototype, { name: 'OAUTHBEARER', clientFirst: true });
connection.saslFactory.use(OauthBearer);
if (PEER_RECONNECT === undefined) connection.reconnect.stop();

// The library tells of each lost connection, and connects again by itself.
connection.on('error', (error) => {
  if (PEER_RECONNECT === undefined) fail(error);
  else console.error(error);
});

const returns = new Returns();
let online = false;
connection.on('online', async (address) => {
  await connection.send(xml('presence'));
  if (online) returns.came('again');
  online = true;
  say('online', address.toString());
});
connection.streamManagement.on('resumed', () => returns.came('resumed'));

connection.on('stanza', (stanza) => {
  const body = stanza.getChildText('body');
  if (stanza.is('message') && stanza.attrs.type !== 'groupchat' && body !== null)
    say('message', stanza.attrs.from, encode(body));
});

obey({
  send: (to, body) =>
    connection.send(xml('message', { type: 'chat', to }, xml('body', {}, body))).catch(fail),
  steps: { ...stepsOf(connection, domain), back: () => returns.next() },
  leave: () => connection.stop().catch(() => {}),
});

connection.start().catch(fail);
