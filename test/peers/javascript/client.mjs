/** The line protocol of ../client.ts, spoken by @xmpp/client. */
import { createInterface } from 'node:readline';
import { client, jid, xml } from '@xmpp/client';
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
  timeout: 15_000,
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
  if (PEER_RECONNECT === undefined) say('failed', encode(`${error.name}: ${error.message}`));
  else console.error(error);
});

/** How it has come back from each lost connection; a question waits for the next. */
const returns = [];
let cameBack = Promise.withResolvers();
let online = false;
connection.on('online', async (address) => {
  await connection.send(xml('presence'));
  if (online) returned('again');
  online = true;
  say('online', address.toString());
});
connection.streamManagement.on('resumed', () => returned('resumed'));

function returned(how) {
  returns.push(how);
  cameBack.resolve();
}

const steps = {
  ...stepsOf(connection, domain),
  async back() {
    while (returns.length === 0) {
      await cameBack.promise;
      cameBack = Promise.withResolvers();
    }
    return [returns.shift()];
  },
};

connection.on('stanza', (stanza) => {
  const body = stanza.getChildText('body');
  if (stanza.is('message') && body !== null) say('message', stanza.attrs.from, encode(body));
});

const commands = createInterface({ input: process.stdin });

commands.on('line', (line) => {
  const [verb, to, body, ...more] = line.split(' ');
  if (verb === 'ask') answer(to, body, more);
  if (verb !== 'send') return;
  const text = Buffer.from(body, 'base64').toString('utf8');
  connection.send(xml('message', { type: 'chat', to }, xml('body', {}, text))).catch((error) => {
    say('failed', encode(`${error.name}: ${error.message}`));
  });
});

commands.on('close', async () => {
  await connection.stop().catch(() => {});
  process.exit(0);
});

async function answer(number, verb, words) {
  try {
    // The second word of an upload is its bytes.
    const decoded = words.map((word, at) => {
      const bytes = Buffer.from(word, 'base64');
      return verb === 'upload' && at === 1 ? bytes : bytes.toString('utf8');
    });
    say('done', number, ...(await steps[verb](...decoded)).map(encode));
  } catch (error) {
    say('refused', number, encode(`${error.name}: ${error.message}`));
  }
}

connection.start().catch((error) => say('failed', encode(`${error.name}: ${error.message}`)));

function say(...words) {
  process.stdout.write(`${words.join(' ')}\n`);
}

function encode(text) {
  return Buffer.from(text, 'utf8').toString('base64');
}
