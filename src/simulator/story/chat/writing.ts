/** Act three: a message that only Romeo can read, with a picture that only he can see, and his answer. */
import { receiptFor } from '../../chat/manners.ts';
import type { ChatNode } from '../../chat/node.ts';
import { nodeXml } from '../../chat/xml.ts';
import { downloadPath } from '../../gatekeeper/download-path.ts';
import { pictureAddress, pictureAddressOf, pictureKeyElement } from '../../picture.ts';
import { element, is, text, type Element } from '../../xml/element.ts';
import { ns } from '../../../stanza/namespaces.ts';
import { known, until } from '../calls.ts';
import { written } from '../cast.ts';
import { fetchPicture, keepPicture, type KeptPicture, type ReceivedPicture } from '../picture.ts';
import type { StepNotes } from '../telling.ts';
import { integrator, romeoAddress } from './cast.ts';
import type { ChatScene } from './scene.ts';
import { opened, sealed, sealedBytes } from './sealed.ts';

const letterId = '3EB0JULIET1';
const answerId = '3EB0ROMEO1';
const isMessage = ({ tag }: ChatNode): boolean => tag === 'message';

export async function playWriting(scene: ChatScene): Promise<void> {
  const { telling } = scene;
  telling.act('Juliet sends Romeo a picture');
  await telling.step('Juliet begins to write', (notes) => beginToWrite(scene, notes));
  const kept = await keepPicture(scene);
  let received: ReceivedPicture | undefined;
  await telling.step('Juliet sends the message: text, key and path of the picture inside', async (notes) => {
    received = await sendLetter(scene, notes, kept);
  });
  await fetchPicture(scene, kept, received);
  await telling.step('Romeo lets her know that he has it, and that he has read it', (notes) =>
    acknowledge(scene, notes),
  );
  await telling.step('Romeo answers, and her app lets him know', (notes) => answerHer(scene, notes));
}

async function beginToWrite(scene: ChatScene, notes: StepNotes): Promise<void> {
  const since = scene.mark;
  const composing = { tag: 'composing', attrs: {} };
  const sent = scene.juliet.send({ tag: 'chatstate', attrs: { to: romeoAddress }, content: [composing] });
  await scene.settle();
  const received = scene.arrived(since, ({ tag }) => tag === 'chatstate');
  notes.shows({ kind: 'stanza', from: "Juliet's app", to: 'the gatekeeper', sent, received });
  notes.finds(received === undefined, 'no party learns that she is typing before she decides to send');
}

async function sendLetter(
  scene: ChatScene,
  notes: StepNotes,
  { secret, reference }: KeptPicture,
): Promise<ReceivedPicture> {
  const { devices, intermediary, stage } = scene;
  const since = scene.mark;
  const path = downloadPath(integrator, known(reference, 'the provider got no reference'));
  const attached = [pictureKeyElement(secret), pictureAddress(path)];
  const enc = sealed(
    devices.juliet,
    devices.romeo,
    written.juliet,
    { type: 'pkmsg', mediatype: 'image' },
    ...attached,
  );
  const letter = { tag: 'message', attrs: { id: letterId, to: romeoAddress, type: 'media' }, content: [enc] };
  const sent = scene.juliet.send(letter);
  const message = await scene.romeo.receive(isMessage);
  await scene.juliet.receive(({ tag, attrs }) => tag === 'ack' && attrs['id'] === letterId);
  const received = known(scene.arrived(since, isMessage), 'the gatekeeper received no message');
  notes.shows({ kind: 'stanza', from: "Juliet's app", to: 'the gatekeeper', sent, received });
  notes.finds(
    known(sealedBytes(message), 'the message has no encrypted part').equals(sealedBytes(letter)!),
    'not a byte of the encrypted part was touched',
  );
  notes.finds(scene.juliet.unanswered().length === 0, 'the gatekeeper acknowledged it to her app');
  const content = opened(devices.romeo, message);
  const body = content.find((one) => is(one, ns.client, 'body'));
  notes.finds(body !== undefined && text(body) === written.juliet, `Romeo reads it: ${written.juliet}`);
  const named = known(pictureAddressOf(envelope(content)), 'the message names no picture');
  notes.finds(
    named === path && !received.includes(stage.provider.url),
    `inside is the path of the picture, /interop/whatsapp/download/${integrator}/…/: a sealed reference, not the provider's address`,
  );
  return {
    address: `${intermediary.url}/media/references/${reference}`,
    query: `path=${encodeURIComponent(named)}`,
    content,
  };
}

/** Returns an element around the content of a message. */
function envelope(content: readonly Element[]): Element {
  return element(ns.client, 'message', {}, ...content);
}

async function acknowledge(scene: ChatScene, notes: StepNotes): Promise<void> {
  const message = { tag: 'message', attrs: { id: letterId, from: scene.julietAddress } };
  scene.romeo.send(receiptFor(message, undefined));
  scene.romeo.send(receiptFor(message, 'read'));
  const delivered = await scene.juliet.receive(
    ({ tag, attrs }) => tag === 'receipt' && attrs['type'] === undefined,
  );
  const read = await scene.juliet.receive(({ tag, attrs }) => tag === 'receipt' && attrs['type'] === 'read');
  notes.shows({
    kind: 'stanza',
    from: 'the gatekeeper',
    to: "Juliet's app",
    sent: scene.sentByGatekeeper(({ tag, attrs }) => tag === 'receipt' && attrs['type'] === 'read'),
    received: read.xml,
  });
  notes.finds(
    [delivered, read].every(({ node }) => node.attrs['id'] === letterId),
    'both name the message as Juliet knows it',
  );
  await findNothingOwed(scene, notes);
}

async function answerHer(scene: ChatScene, notes: StepNotes): Promise<void> {
  const enc = sealed(scene.devices.romeo, scene.devices.juliet, written.romeo, { type: 'msg' });
  scene.romeo.send({
    tag: 'message',
    attrs: { id: answerId, to: scene.julietAddress, type: 'text' },
    content: [enc],
  });
  const since = scene.mark;
  const { node: message, xml } = await scene.juliet.receive(isMessage);
  notes.shows({
    kind: 'stanza',
    from: 'the gatekeeper',
    to: "Juliet's app",
    sent: scene.sentByGatekeeper(isMessage),
    received: xml,
  });
  const body = opened(scene.devices.juliet, message).find((one) => is(one, ns.client, 'body'));
  notes.finds(body !== undefined && text(body) === written.romeo, `Juliet reads it: ${written.romeo}`);
  const isReceipt = ({ tag, attrs }: ChatNode): boolean => tag === 'receipt' && attrs['id'] === answerId;
  const arrived = await until(() => scene.arrived(since, isReceipt), 'no receipt of hers arrived');
  const own = scene.juliet.sent.find(isReceipt);
  notes.shows({
    kind: 'stanza',
    from: "Juliet's app",
    to: 'the gatekeeper',
    sent: nodeXml(known(own, 'her app sent no receipt')),
    received: arrived,
  });
  await findNothingOwed(scene, notes);
}

/** States that the gatekeeper waits for no acknowledgement of hers. */
export async function findNothingOwed(scene: ChatScene, notes: StepNotes): Promise<void> {
  const { server } = scene.stage.gatekeeper;
  await until(() => (server.owed(scene.julietAddress).length === 0 ? true : undefined), 'something is owed');
  notes.finds(
    server.counts.unfounded === 0,
    'everything that the gatekeeper sent to her is acknowledged, once',
  );
}
