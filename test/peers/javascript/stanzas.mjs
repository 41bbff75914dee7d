/** The line protocol of ../stanza-client.ts, spoken by @xmpp/client. */
import { createInterface } from 'node:readline';
import { client, jid, xml } from '@xmpp/client';
import parse from '@xmpp/xml/lib/parse.js';

const { PEER_JID, PEER_PASSWORD, PEER_HOST, PEER_PORT, PEER_TLS, PEER_MECHANISM } = process.env;
const { local, domain } = jid(PEER_JID);

const connection = client({
  // Over direct TLS this library checks the certificate against the host it connects to, not against the domain.
  service: PEER_TLS === 'direct' ? `xmpps://${domain}:${PEER_PORT}` : `xmpp://${PEER_HOST}:${PEER_PORT}`,
  domain,
  ...(PEER_MECHANISM === undefined
    ? { username: local, password: PEER_PASSWORD }
    : {
        credentials: (authenticate) =>
          authenticate({ username: local, password: PEER_PASSWORD }, PEER_MECHANISM),
      }),
  timeout: 60_000,
});
connection.reconnect.stop();
// What slixmpp's plugins answer, in the words of this program.
const { iqCallee, streamManagement } = connection;
iqCallee.get('jabber:iq:version', 'query', () =>
  xml('query', 'jabber:iq:version', xml('name', {}, 'Scripted'), xml('version', {}, '4.2')),
);
iqCallee.get('urn:xmpp:time', 'time', () =>
  xml('time', 'urn:xmpp:time', xml('tzo', {}, '+05:45'), xml('utc', {}, '2026-11-23T12:00:00Z')),
);
iqCallee.get('jabber:iq:last', 'query', () => xml('query', { xmlns: 'jabber:iq:last', seconds: '903' }));

connection.on('error', (error) => say('failed', encode(`${error.name}: ${error.message}`)));
connection.on('stanza', (stanza) => say('stanza', encode(stanza.toString())));
connection.on('disconnect', () => say('lost'));
streamManagement.on('resumed', () => say('resumed'));
let online = false;
connection.on('online', async (address) => {
  if (online) return;
  online = true;
  await connection.send(xml('presence'));
  say('online', address.toString());
});

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [verb, text = ''] = line.split(' ');
    if (verb === 'raw') connection.send(parse(Buffer.from(text, 'base64').toString('utf8'))).catch(fail);
    else if (verb === 'resume') connection.reconnect.reconnect().catch(fail);
  })
  .on('close', () => void leave());

connection.start().catch(fail);

async function leave() {
  await connection.stop().catch(() => {});
  process.exit(0);
}

function fail(error) {
  say('failed', encode(`${error.name}: ${error.message}`));
}

function say(...words) {
  process.stdout.write(`${words.join(' ')}\n`);
}

function encode(text) {
  return Buffer.from(text, 'utf8').toString('base64');
}
