/** Act four: Juliet goes offline, a push wakes her phone, and she comes back to stored messages. */
import { ns } from '../../stanza/namespaces.ts';
import { capsElement } from '../caps.ts';
import { decrypt, encrypt } from '../envelope.ts';
import { jsonBody } from '../http/message.ts';
import { namespaces } from '../namespaces.ts';
import { attribute, child, element, is, type Element } from '../xml/element.ts';
import { domain, juliet, written } from './cast.ts';
import { refusal } from './enlisting.ts';
import { followPush } from './pushing.ts';
import { type Scene } from './scene.ts';
import type { StepNotes } from './telling.ts';

const answerId = 'romeo-answer';
const isMessage = (one: Element): boolean => is(one, ns.client, 'message');

/** Juliet's phone at her provider: the node that wakes it, and the notifications that it got. */
interface Phone {
  readonly node: string;
  readonly woken: readonly Readonly<Record<string, unknown>>[];
}

/** Plays the act.
 *  @param location path of Juliet's enlistment at the intermediary */
export async function playWaking(scene: Scene, location: string): Promise<void> {
  const { telling, stage } = scene;
  const woken: Readonly<Record<string, unknown>>[] = [];
  const phone = { woken, node: stage.provider.push.register((notification) => woken.push(notification)) };
  telling.act('Juliet is away, and a message comes');
  await telling.step("Juliet's app says how it can be woken, and closes", (notes) =>
    goAway(scene, notes, phone),
  );
  await telling.step(
    'Romeo answers while Juliet is away, and the provider is down for a moment',
    async (notes) => {
      await wake(scene, notes, phone);
      await forgePush(scene, notes, phone);
    },
  );
  await telling.step('Her phone connects again, and gets what has waited', (notes) => comeBack(scene, notes));
  await telling.step('Juliet opts out', (notes) => optOut(scene, notes, location));
}

async function goAway(scene: Scene, notes: StepNotes, phone: Phone): Promise<void> {
  const since = scene.mark;
  const enable = element(namespaces.push, 'enable', { jid: `push.${domain}`, node: phone.node });
  const sent = scene.juliet.send(element(ns.client, 'iq', { type: 'set', id: 'wake-me' }, enable));
  const { element: answer } = await scene.juliet.receive((one) => attribute(one, 'id') === 'wake-me');
  const arrived = scene.arrived(since, (one) => child(one, namespaces.push, 'enable') !== undefined);
  notes.shows({ kind: 'stanza', from: "Juliet's app", to: 'the gatekeeper', sent, received: arrived });
  notes.finds(
    attribute(answer, 'type') === 'result',
    'the gatekeeper will say so when something waits for her',
  );
  await scene.juliet.close();
  const { element: gone } = await scene.romeo.receive((one) => attribute(one, 'type') === 'unavailable');
  notes.finds(attribute(gone, 'from')?.startsWith(juliet.identifier) === true, 'Romeo sees her go');
}

/** Sends Romeo's message, and follows its push to the phone. The provider refuses the first attempt. */
async function wake(scene: Scene, notes: StepNotes, phone: Phone): Promise<void> {
  scene.stage.provider.push.failNext(1);
  const sealed = encrypt(scene.devices.romeo, [scene.devices.juliet], written.romeo);
  const attributes = { type: 'chat', id: answerId, to: juliet.identifier };
  scene.romeo.send(element(ns.client, 'message', attributes, sealed, element(namespaces.hints, 'store')));
  const received = await followPush(scene.stage.records, notes, 202);
  notes.finds(phone.woken.length === 1, "Juliet's phone woke, once");
  const told = jsonBody(received) ?? {};
  notes.finds(told['recipient'] === phone.node, 'the provider learned which device to wake');
  const text = received.body.toString() + JSON.stringify(received.headers);
  notes.finds(!text.includes('romeo') && told['body'] === undefined, 'not who wrote, and nothing of what');
}

/** Sends a push that the gatekeeper did not sign. */
async function forgePush(scene: Scene, notes: StepNotes, phone: Phone): Promise<void> {
  const pushPath = `/push/${scene.intermediary.gatekeeper}`;
  const forged = await scene.callIntermediary('POST', pushPath, [['Content-Type', 'application/json']], {
    id: 'forged',
    recipient: phone.node,
  });
  notes.finds(
    [401, 403].includes(forged.answer.status) && phone.woken.length === 1,
    'only the gatekeeper can wake it: Narthex knows its certificate, and its signature',
  );
}

async function comeBack(scene: Scene, notes: StepNotes): Promise<void> {
  const { token } = await scene.ownershipToken();
  const client = await scene.connectJuliet(token);
  client.send(element(ns.client, 'presence', {}, capsElement(juliet.software)));
  const { element: message, xml } = await client.receive(
    (one) => isMessage(one) && child(one, ns.omemo2, 'encrypted') !== undefined,
  );
  notes.shows({
    kind: 'stanza',
    from: 'the gatekeeper',
    to: "Juliet's app",
    sent: scene.sentByGatekeeper((one) => attribute(one, 'id') === answerId),
    received: xml,
  });
  const plaintext = decrypt(scene.devices.juliet, child(message, ns.omemo2, 'encrypted')!);
  notes.finds(plaintext === written.romeo, `Juliet reads it: ${plaintext}`);
}

async function optOut(scene: Scene, notes: StepNotes, location: string): Promise<void> {
  const { gatekeeper } = scene.stage.records;
  await scene.juliet.close();
  const { token, nonce } = await scene.ownershipToken();
  const { answer } = await scene.callIntermediary('DELETE', location, [
    ['Authorization', `Bearer ${token}`],
    ['Ownership-Nonce', nonce],
  ]);
  notes.finds(answer.status === 204, 'the enlistment is withdrawn');
  const again = await scene.ownershipToken();
  const heard = await refusal(scene.connectJuliet(again.token));
  const shown = gatekeeper.tokens.at(-1);
  notes.finds(
    shown?.check.kind === 'valid' && !shown.enlisted,
    `her provider still vouches for her, the gatekeeper lets her in no more: her app hears ${heard}`,
  );
}
