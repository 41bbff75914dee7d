/** Act three, in the opposite direction: Romeo sends a picture back, stored at the gatekeeper. */
import { randomBytes } from 'node:crypto';
import { ns } from '../../stanza/namespaces.ts';
import { decryptContent, encrypt } from '../envelope.ts';
import { header } from '../http/message.ts';
import { namespaces } from '../namespaces.ts';
import {
  decryptPicture,
  encryptPicture,
  pictureAddress,
  pictureAddressOf,
  pictureKeyElement,
  pictureKeyOf,
} from '../picture.ts';
import { attribute, child, element } from '../xml/element.ts';
import { answeredPictureName, juliet, pictureBytes, written } from './cast.ts';
import type { ReceivedPicture } from './picture.ts';
import { known } from './calls.ts';
import { type Scene } from './scene.ts';

const messageId = 'romeo-picture';

export async function playReturning(scene: Scene): Promise<void> {
  const picture = randomBytes(pictureBytes);
  const received = await sendBack(scene, picture);
  await fetchThroughNarthex(scene, picture, received);
}

async function sendBack(scene: Scene, picture: Buffer): Promise<ReceivedPicture | undefined> {
  const { telling, devices, stage, intermediary } = scene;
  let received: ReceivedPicture | undefined;
  await telling.step("Romeo sends one back, from the gatekeeper's storage", async (notes) => {
    const { ciphertext, secret } = encryptPicture(picture);
    const stored = await scene.callGatekeeper('PUT', `/media/${answeredPictureName}`, ciphertext);
    const storedAt = known(header(stored.answer, 'location'), 'the gatekeeper keeps no picture');
    const sealed = encrypt(devices.romeo, [devices.juliet], written.look, pictureKeyElement(secret));
    const attributes = { type: 'chat', id: messageId, to: juliet.identifier };
    const store = element(namespaces.hints, 'store');
    scene.romeo.send(element(ns.client, 'message', attributes, sealed, pictureAddress(storedAt), store));
    const { xml, element: message } = await scene.juliet.receive((one) => attribute(one, 'id') === messageId);
    const sent = scene.sentByGatekeeper((one) => attribute(one, 'id') === messageId);
    notes.shows({ kind: 'stanza', from: 'the gatekeeper', to: "Juliet's app", sent, received: xml });
    const address = known(pictureAddressOf(message), 'the message names no picture');
    notes.finds(
      address.startsWith(`${intermediary.url}/media/`) && !xml.includes(stage.gatekeeper.services.url),
      "her app is given an address at Narthex, not one of the gatekeeper's storage, which would see her come",
    );
    const content = decryptContent(devices.juliet, child(message, ns.omemo2, 'encrypted')!);
    received = { address, content };
  });
  return received;
}

async function fetchThroughNarthex(
  scene: Scene,
  picture: Buffer,
  received: ReceivedPicture | undefined,
): Promise<void> {
  const { gatekeeper } = scene.stage.records;
  await scene.telling.step("Juliet's app gets it through Narthex", async (notes) => {
    const { address, content } = known(received, 'Juliet has no address');
    const asked = await scene.callIntermediary('GET', new URL(address).pathname, []);
    const served = known(
      gatekeeper.http.findLast(({ through }) => through === 'storage'),
      `the storage was not asked; Narthex answered ${asked.answer.status}`,
    ).exchange;
    const [app, storage] = ["Juliet's app", 'the gatekeeper'] as const;
    notes.shows({ kind: 'request', from: app, to: storage, sent: asked.request, received: served.request });
    notes.shows({ kind: 'answer', from: storage, to: app, sent: served.answer, received: asked.answer });
    const decrypted = decryptPicture(asked.answer.body, pictureKeyOf(content));
    notes.finds(
      decrypted.equals(picture),
      `Juliet sees the picture: ${decrypted.length} bytes, each as Romeo's`,
    );
    const said = juliet.httpHabits.filter(
      ([name]) => header(served.request, name.toLowerCase()) !== undefined,
    );
    notes.finds(said.length === 0, 'the storage learned nothing of her: no app, no language, no cookie');
    notes.finds(
      header(asked.answer, 'set-cookie') === undefined && header(asked.answer, 'server') === undefined,
      'and left no cookie with her',
    );
  });
}
