/** Act three: a message that only Romeo can read, with a picture that only he can see. */
import { ns } from '../../stanza/namespaces.ts';
import { decryptContent, encrypt } from '../envelope.ts';
import { namespaces } from '../namespaces.ts';
import { pictureAddress, pictureAddressOf, pictureKeyElement } from '../picture.ts';
import { attribute, child, element, is, text, type Element } from '../xml/element.ts';
import { parseElement } from '../xml/reader.ts';
import { juliet, written } from './cast.ts';
import { fetchPicture, keepPicture, type KeptPicture, type ReceivedPicture } from './picture.ts';
import { playReturning } from './returning.ts';
import { known } from './calls.ts';
import { type Scene } from './scene.ts';

const isMessage = (one: Element): boolean => is(one, ns.client, 'message');
const letterId = 'juliet-letter';
const receiptId = 'romeo-receipt';

export async function playWriting(scene: Scene): Promise<void> {
  scene.telling.act('Juliet sends Romeo a picture');
  await beginToWrite(scene);
  const kept = await keepPicture(scene);
  const received = await sendLetter(scene, kept);
  await fetchPicture(scene, kept, received);
  await acknowledge(scene);
  if (scene.intermediary.fetchesForClients) await playReturning(scene);
}

async function beginToWrite(scene: Scene): Promise<void> {
  await scene.telling.step('Juliet begins to write', async (notes) => {
    const since = scene.mark;
    const sent = scene.juliet.send(
      element(
        ns.client,
        'message',
        { type: 'chat', id: 'juliet-composing', to: scene.devices.romeo.jid },
        element(namespaces.chatStates, 'composing'),
        element(namespaces.hints, 'no-store'),
      ),
    );
    await scene.settle();
    const arrived = scene.arrived(since, isMessage);
    notes.shows({ kind: 'stanza', from: "Juliet's app", to: 'the gatekeeper', sent, received: arrived });
    notes.finds(arrived === undefined, 'no party learns that she is typing before she decides to send');
  });
}

async function sendLetter(
  scene: Scene,
  { secret, storedAt }: KeptPicture,
): Promise<ReceivedPicture | undefined> {
  const { telling, stage, devices } = scene;
  let received: ReceivedPicture | undefined;
  await telling.step(
    'Juliet sends the message: text and key inside, address of the picture outside',
    async (notes) => {
      const since = scene.mark;
      const sealed = encrypt(devices.juliet, [devices.romeo], written.juliet, pictureKeyElement(secret));
      const sent = scene.juliet.send(
        element(
          ns.client,
          'message',
          { type: 'chat', id: letterId, to: devices.romeo.jid },
          sealed,
          pictureAddress(storedAt),
          element(namespaces.encryption, 'encryption', { namespace: ns.omemo2, name: 'OMEMO' }),
          element(namespaces.hints, 'store'),
          element(namespaces.receipts, 'request'),
          element(namespaces.chatStates, 'active'),
        ),
      );
      const { element: message } = await scene.romeo.receive(
        (one) => isMessage(one) && child(one, ns.omemo2, 'encrypted') !== undefined,
      );
      const arrived = known(scene.arrived(since, isMessage), 'the gatekeeper received no message');
      notes.shows({ kind: 'stanza', from: "Juliet's app", to: 'the gatekeeper', sent, received: arrived });
      notes.finds(
        encryptedPart(arrived) === encryptedPart(sent),
        'not a character of the encrypted part was touched',
      );
      const content = decryptContent(devices.romeo, child(message, ns.omemo2, 'encrypted')!);
      const body = content.find((one) => is(one, ns.client, 'body'));
      notes.finds(body !== undefined && text(body) === written.juliet, `Romeo reads it: ${written.juliet}`);
      const address = known(pictureAddressOf(message), 'the message names no picture');
      notes.finds(
        address.startsWith(`${scene.intermediary.url}/media/`) && !arrived.includes(stage.provider.url),
        "the gatekeeper sees a sealed address at Narthex, not the provider's",
      );
      received = { address, content };
    },
  );
  return received;
}

async function acknowledge(scene: Scene): Promise<void> {
  await scene.telling.step('Romeo lets her know that he has it', async (notes) => {
    const receipt = element(namespaces.receipts, 'received', { id: letterId });
    const attributes = { type: 'chat', id: receiptId, to: juliet.identifier };
    scene.romeo.send(element(ns.client, 'message', attributes, receipt));
    const { xml, element: message } = await scene.juliet.receive(hasId(receiptId));
    const sent = scene.sentByGatekeeper(hasId(receiptId));
    notes.shows({ kind: 'stanza', from: 'the gatekeeper', to: "Juliet's app", sent, received: xml });
    const received = child(message, namespaces.receipts, 'received');
    notes.finds(
      received !== undefined && attribute(received, 'id') === letterId,
      'it names the message as Juliet knows it',
    );
  });
}

/** Returns the content of `<encrypted/>` in one normal form: a policy may rewrite everything in another form. */
function encryptedPart(xml: string): string {
  const message = parseElement(xml);
  return JSON.stringify(message && child(message, ns.omemo2, 'encrypted'), (name, value: unknown) =>
    name === 'attributes' ? contentOf(value as Element['attributes']) : value,
  );
}

function contentOf(attributes: Element['attributes']): string[] {
  return attributes
    .filter(({ namespace }) => namespace !== ns.xmlns)
    .map(({ local, value }) => `${local} ${value}`)
    .sort();
}
function hasId(id: string): (one: Element) => boolean {
  return (one) => attribute(one, 'id') === id;
}
