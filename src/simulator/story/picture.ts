/** Act three: a message that only Romeo can read, with a picture that only he can see. */
import { randomBytes } from 'node:crypto';
import { ns } from '../../stanza/namespaces.ts';
import { decryptContent, encrypt } from '../envelope.ts';
import { header, type HttpExchange } from '../http/message.ts';
import { namespaces } from '../namespaces.ts';
import {
  decryptPicture,
  encryptPicture,
  pictureAddress,
  pictureAddressOf,
  pictureKeyElement,
  pictureKeyOf,
} from '../picture.ts';
import { attribute, child, element, is, text, type Element } from '../xml/element.ts';
import { parseElement } from '../xml/reader.ts';
import { juliet, pictureBytes, pictureName, written } from './cast.ts';
import { known, type Scene } from './scene.ts';

const isMessage = (one: Element): boolean => is(one, ns.client, 'message');
const letterId = 'juliet-letter';
const receiptId = 'romeo-receipt';

export async function playPicture(scene: Scene): Promise<void> {
  const { telling, stage, devices } = scene;
  const { gatekeeper, provider } = stage.records;
  const picture = randomBytes(pictureBytes);
  const { ciphertext, secret } = encryptPicture(picture);
  const to = devices.romeo.jid;
  let storedAt = '';
  let received: { readonly address: string; readonly content: readonly Element[] } | undefined;
  telling.act('Juliet sends Romeo a picture');

  await telling.step('Juliet begins to write', async (notes) => {
    const since = scene.mark;
    const sent = scene.juliet.send(
      element(
        ns.client,
        'message',
        { type: 'chat', id: 'juliet-composing', to },
        element(namespaces.chatStates, 'composing'),
        element(namespaces.hints, 'no-store'),
      ),
    );
    await scene.settle();
    const arrived = scene.arrived(since, isMessage);
    notes.shows({ kind: 'stanza', from: "Juliet's app", to: 'the gatekeeper', sent, received: arrived });
    notes.finds(arrived === undefined, 'that she is typing is said to nobody before she has decided to send');
  });

  await telling.step(
    'Her app encrypts the picture and leaves the ciphertext with her provider',
    async (notes) => {
      const { answer } = await scene.callProvider({
        method: 'PUT',
        url: `${stage.provider.url}/media/${pictureName}`,
        body: ciphertext,
      });
      storedAt = known(header(answer, 'location'), 'the provider keeps no picture');
      const stored = provider.http.at(-1)?.request.body;
      notes.finds(
        stored?.equals(ciphertext) === true && !stored.includes(picture.subarray(0, 64)),
        `${ciphertext.length} bytes of AES-256-GCM; the key goes into the encrypted message`,
      );
      notes.finds(
        storedAt.includes(juliet.username),
        `their address tells a lot: ${new URL(storedAt).pathname}`,
      );
    },
  );

  await telling.step(
    'Juliet sends the message: text and key inside, address of the picture outside',
    async (notes) => {
      const since = scene.mark;
      const sealed = encrypt(devices.juliet, [devices.romeo], written.juliet, pictureKeyElement(secret));
      const sent = scene.juliet.send(
        element(
          ns.client,
          'message',
          { type: 'chat', id: letterId, to },
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

  await telling.step(
    "Romeo's app gets the picture: through the gatekeeper's media proxy, then through Narthex",
    async (notes) => {
      const { address, content } = known(received, 'Romeo has no address');
      const { answer } = await scene.callGatekeeper(`/media-proxy?url=${encodeURIComponent(address)}`);
      const downloads = gatekeeper.http
        .filter(({ through }) => through === 'media-download')
        .map(({ exchange }) => exchange);
      const { pathname } = new URL(storedAt);
      const served = provider.http.filter(({ request }) => request.target === pathname);
      const asked = known(
        downloads.findLast(isFirstPart),
        `no part was served; the media proxy got ${downloads.at(-1)?.answer.status}`,
      );
      const given = known(served.findLast(isFirstPart), 'the provider was asked for no part');
      notes.shows({
        kind: 'request',
        from: 'the gatekeeper',
        to: 'the provider',
        sent: asked.request,
        received: given.request,
      });
      notes.shows({
        kind: 'answer',
        from: 'the provider',
        to: 'the gatekeeper',
        sent: given.answer,
        received: asked.answer,
      });
      const decrypted = decryptPicture(answer.body, pictureKeyOf(content));
      notes.finds(
        decrypted.equals(picture),
        `Romeo sees the picture: ${decrypted.length} bytes, each as Juliet's`,
      );
      notes.finds(
        downloads.map(({ request }) => request.method).join() ===
          served.map(({ request }) => request.method).join() && served.length > 2,
        `asked for in ${served.length - 1} parts after its size, as the gatekeeper wanted (Range, If-Range)`,
      );
      const tellTales = ['user-agent', 'via', 'x-forwarded-for', 'x-recipient-device', 'cookie', 'referer'];
      notes.finds(
        served.every(({ request }) => tellTales.every((name) => header(request, name) === undefined)),
        'the provider learned nothing of who asked: no agent, no address, no device, no cookie',
      );
      const identifying = ['server', 'set-cookie', 'x-request-id', 'via'];
      notes.finds(
        downloads.every(
          (one) =>
            identifying.every((name) => header(one.answer, name) === undefined) &&
            header(one.answer, 'etag')?.includes('inode') !== true,
        ),
        'the gatekeeper learned nothing of the store: no server, no cookie, no cache, its version sealed',
      );
    },
  );

  await telling.step('Romeo lets her know that he has it', async (notes) => {
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

/** What is said inside `<encrypted/>`, however it is written: a policy may ask for one way of writing everything. */
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

function isFirstPart({ request, answer }: HttpExchange): boolean {
  return answer.status === 206 && header(request, 'range')?.startsWith('bytes=0-') === true;
}

function hasId(id: string): (one: Element) => boolean {
  return (one) => attribute(one, 'id') === id;
}
