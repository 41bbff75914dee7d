/** Devices of as many accounts, PEER_JID with a number added to its name: each is an @xmpp/client that answers a request
 *  for a receipt (XEP-0184) by itself, as late as its test says. Takes the environment of ../client.ts, DEVICES for how
 *  many, and SIGMA for the spread of their log-normal times.
 *
 *    program → test   online DEVICE, once for each  |  failed BASE64-REASON
 *    test → program   median DEVICE MILLISECONDS, of its answers from now on; the end of input logs all out */
import { createInterface } from 'node:readline';
import { client, jid, xml } from '@xmpp/client';

const { PEER_JID, PEER_PASSWORD, PEER_HOST, PEER_PORT, DEVICES, SIGMA } = process.env;
const { local, domain } = jid(PEER_JID);
const medians = Array.from({ length: Number(DEVICES) }, () => 0);
const connections = [];

for (let device = 0; device < medians.length; device += 1) {
  const connection = client({
    service: `xmpp://${PEER_HOST}:${PEER_PORT}`,
    domain,
    username: `${local}${device}`,
    password: PEER_PASSWORD,
  });
  connection.timeout = 60_000;
  connection.reconnect.stop();
  connection.on('error', fail);
  connection.on('stanza', (stanza) => {
    if (!stanza.is('message') || stanza.getChild('request', 'urn:xmpp:receipts') === undefined) return;
    const { from, id } = stanza.attrs;
    const receipt = xml(
      'message',
      { to: from, type: 'chat' },
      xml('received', { xmlns: 'urn:xmpp:receipts', id }),
    );
    setTimeout(() => connection.send(receipt).catch(fail), latency(medians[device]));
  });
  const online = new Promise((resolve) => connection.on('online', resolve));
  connection.start().catch(fail);
  await online;
  await connection.send(xml('presence'));
  connections.push(connection);
  say('online', String(device));
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [, device, milliseconds] = line.split(' ');
    medians[Number(device)] = Number(milliseconds);
  })
  .on('close', () => void leave());

async function leave() {
  await Promise.all(connections.map((connection) => connection.stop().catch(() => {})));
  process.exit(0);
}

/** Log-normal, by Box and Muller. */
function latency(median) {
  const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
  return median * Math.exp(Number(SIGMA) * radius * Math.cos(2 * Math.PI * Math.random()));
}

function fail(error) {
  say('failed', Buffer.from(`${error.name}: ${error.message}`).toString('base64'));
}

function say(...words) {
  process.stdout.write(`${words.join(' ')}\n`);
}
