/** The line protocol of ../client.ts and the steps of ../table/program.ts, by stanza. */
import { createRequire } from 'node:module';
import { encode, fail, obey, Returns, say } from './line-protocol.mjs';
import { put } from './steps.mjs';

// Not imported: its types would bring those of Node into the check of every program here.
const require = createRequire(import.meta.url);
const { createClient } = require('stanza');
const { PEER_JID, PEER_PASSWORD, PEER_PORT } = process.env;
const domain = PEER_JID.split('@')[1];

const client = createClient({
  jid: PEER_JID,
  password: PEER_PASSWORD,
  autoReconnect: true,
  transports: { websocket: `wss://${domain}:${PEER_PORT}/xmpp-websocket`, bosh: false },
});
const returns = new Returns();
let online = false;
let leaving = false;

client.on('session:started', () => {
  client.sendPresence();
  if (online) returns.came('again');
  online = true;
  say('online', client.jid);
});
client.on('stream:management:resumed', () => returns.came('resumed'));
client.on('auth:failed', () => fail(new Error('not-authorized')));
client.on('disconnected', () => {
  if (!online && !leaving) fail(new Error('disconnected'));
});
client.on('message', (message) => {
  if (message.type !== 'groupchat' && message.body) say('message', message.from, encode(message.body));
});

const steps = {
  async join(room, nick) {
    await client.joinRoom(room, nick);
    return [];
  },
  async say(room, body) {
    client.sendMessage({ to: room, type: 'groupchat', body });
    return [];
  },
  async upload(name, bytes) {
    const service = await client.getUploadService(domain);
    const kind = 'image/png';
    const slot = await client.getUploadSlot(service.jid, { name, size: bytes.length, mediaType: kind });
    const headers = Object.fromEntries(
      (slot.upload.headers ?? []).map((header) => [header.name, header.value]),
    );
    await put(slot.upload.url, { 'content-type': kind, ...headers }, bytes);
    return [slot.download];
  },
  async archive(contact) {
    const { results } = await client.searchHistory({ with: contact });
    return results.map(({ item }) => item.message.body).filter((body) => body !== undefined);
  },
  back: () => returns.next(),
};

obey({
  send: (to, body) => client.sendMessage({ to, type: 'chat', body }),
  steps,
  async leave() {
    leaving = true;
    client.disconnect();
    await new Promise((resolve) => setTimeout(resolve, 200));
  },
});

client.connect();
