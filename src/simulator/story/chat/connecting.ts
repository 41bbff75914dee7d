/** Act two: Juliet connects with her token; frames of the chat channel from here on. */
import type { ChatNode } from '../../chat/node.ts';
import { childOf } from '../../chat/requests.ts';
import { nodeXml } from '../../chat/xml.ts';
import { known } from '../calls.ts';
import { juliet } from '../cast.ts';
import { findSignals } from '../enlisting.ts';
import type { StepNotes } from '../telling.ts';
import { romeoAddress } from './cast.ts';
import type { ChatScene } from './scene.ts';

/** Fields of ClientPayload that a login needs: userAgent, product, interopData and its token. */
const neededFields = ['5', '20', '38', '38.2'];

export async function playConnecting(scene: ChatScene): Promise<void> {
  const { telling } = scene;
  telling.act('Juliet connects, over TLS to Narthex and over Noise from there');
  await telling.step('Juliet logs in with the proof', (notes) => logJulietIn(scene, notes));
  await telling.step("Romeo logs in to the gatekeeper with the gatekeeper's own app", (notes) =>
    logRomeoIn(scene, notes),
  );
  await telling.step('Juliet says that she is here, and asks to see when Romeo is', (notes) =>
    announce(scene, notes),
  );
  await telling.step("Juliet's app asks for the keys of Romeo's device", (notes) => askForKeys(scene, notes));
}

async function logJulietIn(scene: ChatScene, notes: StepNotes): Promise<void> {
  const { gatekeeper } = scene.stage.records;
  const { token } = await scene.ownershipToken();
  const { success, received } = await scene.connectJuliet(token);
  const login = known(gatekeeper.logins.at(-1), 'the gatekeeper saw no login');
  notes.shows({
    kind: 'stanza',
    from: 'the gatekeeper',
    to: "Juliet's app",
    sent: scene.sentByGatekeeper(({ tag }) => tag === 'success'),
    received: received[0]?.xml ?? nodeXml(success),
  });
  notes.finds(
    login.token?.kind === 'valid' && login.address === scene.julietAddress,
    'the gatekeeper checked her token and found her enlisted; only then her app heard of success',
  );
  const form = new Map(gatekeeper.forms.at(-1)?.fields);
  notes.finds(
    form.get('authkey') === login.staticKey.toString('base64url'),
    'the handshake showed the key that she was enlisted with, and her phone has never held it',
  );
  notes.finds(
    login.request.fields.every((field) => neededFields.includes(field)),
    'of her device it said nothing: no model, no language, no network; platform and version are those of Narthex',
  );
  const source = gatekeeper.proxyHeaders.at(-1)?.header.source?.address;
  notes.finds(source === '127.0.0.1', `before the handshake came her address, ${source ?? 'missing'}`);
  const { verification } = known(gatekeeper.attestations.at(-1), 'no attestation came with the connection');
  notes.finds(
    verification.kind === 'accepted' && verification.bindingChecked,
    `and an attestation, bound to the very key with which the handshake then began${verification.kind === 'refused' ? `: ${verification.explanation}` : ''}`,
  );
  if (verification.kind === 'accepted') findSignals(notes, verification.claims);
}

async function logRomeoIn(scene: ChatScene, notes: StepNotes): Promise<void> {
  const { gatekeeper } = scene.stage.records;
  const before = gatekeeper.attestations.length;
  const app = await scene.connectRomeo();
  await app.request({
    tag: 'iq',
    attrs: { id: 'keys', to: 's.whatsapp.net', type: 'set', xmlns: 'encrypt' },
    content: publicKeys(),
  });
  app.send({ tag: 'presence', attrs: { type: 'available' } });
  notes.finds(
    app.answer.tag === 'success' && gatekeeper.attestations.length === before,
    'straight to the gatekeeper, which sees his connection itself',
  );
}

/** Public keys of Romeo's device, as his app uploads them. The simulated encryption has no use for them. */
function publicKeys(): ChatNode[] {
  return [
    bytes('registration', 4, 1),
    bytes('type', 1, 5),
    bytes('identity', 32, 2),
    key('skey', 3),
    { tag: 'list', attrs: {}, content: [key('key', 4), key('key', 5)] },
  ];
}

function bytes(tag: string, length: number, value: number): ChatNode {
  return { tag, attrs: {}, content: Buffer.alloc(length, value) };
}

function key(tag: string, value: number): ChatNode {
  return { tag, attrs: {}, content: [bytes('id', 3, value), bytes('value', 32, value)] };
}

async function announce(scene: ChatScene, notes: StepNotes): Promise<void> {
  const since = scene.mark;
  const available = { tag: 'presence', attrs: { type: 'available', name: 'Juliet C.' } };
  const sent = scene.juliet.send(available);
  scene.juliet.send({ tag: 'presence', attrs: { type: 'subscribe', to: romeoAddress } });
  const seen = await scene.juliet.receive(({ tag }) => tag === 'presence');
  const received = scene.arrived(
    since,
    ({ tag, attrs }) => tag === 'presence' && attrs['type'] === 'available',
  );
  notes.shows({ kind: 'stanza', from: "Juliet's app", to: 'the gatekeeper', sent, received });
  notes.finds(
    received !== undefined,
    'the gatekeeper knows that she is here: without that it would show her no one, and deliver no sign of typing',
  );
  notes.finds(
    seen.node.attrs['from'] === romeoAddress && seen.node.attrs['type'] !== 'unavailable',
    'and she sees that Romeo is here',
  );
}

async function askForKeys(scene: ChatScene, notes: StepNotes): Promise<void> {
  const since = scene.mark;
  const id = `${juliet.resource}-1`;
  const user = { tag: 'user', attrs: { jid: romeoAddress } };
  const request: ChatNode = {
    tag: 'iq',
    attrs: { id, to: 's.whatsapp.net', type: 'get', xmlns: 'encrypt' },
    content: [{ tag: 'key', attrs: {}, content: [user] }],
  };
  const { node: answer, xml } = await scene.juliet.request(request);
  const received = scene.arrived(since, ({ tag }) => tag === 'iq');
  notes.shows({
    kind: 'stanza',
    from: "Juliet's app",
    to: 'the gatekeeper',
    sent: nodeXml(request),
    received,
  });
  notes.shows({
    kind: 'stanza',
    from: 'the gatekeeper',
    to: "Juliet's app",
    sent: scene.sentByGatekeeper(({ tag, attrs }) => tag === 'iq' && attrs['type'] === 'result'),
    received: xml,
  });
  notes.finds(
    received !== undefined && !received.includes(juliet.resource),
    'the id that her library gave to the request has another value there, and its own in the answer',
  );
  const [list] = [childOf(answer, 'list')];
  const keys = childOf(list, 'user');
  notes.finds(
    childOf(keys, 'identity') !== undefined && childOf(keys, 'key') !== undefined,
    "not a key of Romeo's was touched: encryption is between the two",
  );
}
