// Logs in with @xmpp/client and exchanges one message with itself through the server.
// Usage: xmpp-client.mjs SERVICE DOMAIN USER PASSWORD RESOURCE PEER BODY — prints each body received as a JSON line.
import { client, xml } from '@xmpp/client';

const [service, domain, username, password, resource, peer, body] = process.argv.slice(2);
const xmpp = client({ service, domain, username, password, resource });
// Its own bound of 2 s is short for a machine that runs other tests beside this one.
xmpp.timeout = 15_000;

xmpp.on('error', (error) => {
  console.error(error);
  process.exit(1);
});
xmpp.on('online', async (jid) => {
  console.log(JSON.stringify({ online: jid.toString() }));
  await xmpp.send(xml('presence'));
  await xmpp.send(xml('message', { type: 'chat', to: peer }, xml('body', {}, body)));
});
xmpp.on('stanza', async (stanza) => {
  if (!stanza.is('message') || stanza.attrs.type === 'error') return;
  console.log(JSON.stringify({ from: stanza.attrs.from, body: stanza.getChildText('body') }));
  await xmpp.stop();
});
await xmpp.start();
