/** Act four: Juliet goes offline, a push wakes her phone, and she comes back to what has waited. */
import { header, jsonBody } from '../../http/message.ts';
import { is, text } from '../../xml/element.ts';
import { ns } from '../../../stanza/namespaces.ts';
import type { ChatNode } from '../../chat/node.ts';
import { juliet, written } from '../cast.ts';
import { refusal } from '../enlisting.ts';
import { followPush } from '../pushing.ts';
import type { StepNotes } from '../telling.ts';
import { pushIssuer } from './cast.ts';
import type { ChatScene } from './scene.ts';
import { opened, sealed } from './sealed.ts';
import { findNothingOwed } from './writing.ts';

const lateId = '3EB0ROMEO2';
const isLate = ({ tag, attrs }: ChatNode): boolean => tag === 'message' && attrs['id'] === lateId;

/** The notifications that Juliet's phone got. */
type Woken = readonly Readonly<Record<string, unknown>>[];

export async function playWaking(scene: ChatScene): Promise<void> {
  const { telling, stage } = scene;
  const woken: Readonly<Record<string, unknown>>[] = [];
  stage.provider.push.register((notification) => woken.push(notification), juliet.identifier);
  telling.act('Juliet is away, and a message comes');
  await telling.step("Juliet's app closes", (notes) => goAway(scene, notes));
  await telling.step(
    'Romeo writes while Juliet is away, and the provider is down for a moment',
    async (notes) => {
      await wake(scene, notes, woken);
      await forgePush(scene, notes, woken);
    },
  );
  await telling.step('Her phone connects again, and gets what has waited', (notes) => comeBack(scene, notes));
  await telling.step('Juliet opts out, over the chat channel', (notes) => optOut(scene, notes));
}

async function goAway(scene: ChatScene, notes: StepNotes): Promise<void> {
  const { nodes } = scene.stage.records.gatekeeper;
  const since = nodes.length;
  await scene.juliet.close();
  notes.finds(
    nodes.slice(since).every(({ node }) => node.tag !== 'stream:error'),
    'the connection to the gatekeeper ended with hers: Narthex keeps none while the device is away',
  );
}

/** Sends Romeo's message, and follows its push to the phone. The provider refuses the first attempt. */
async function wake(scene: ChatScene, notes: StepNotes, woken: Woken): Promise<void> {
  scene.stage.provider.push.failNext(1);
  const enc = sealed(scene.devices.romeo, scene.devices.juliet, written.look, { type: 'msg' });
  const attrs = { id: lateId, to: scene.julietAddress, type: 'text' };
  scene.romeo.send({ tag: 'message', attrs, content: [enc] });
  const received = await followPush(scene.stage.records, notes, 200);
  notes.finds(woken.length === 1, "Juliet's phone woke, once");
  notes.finds(
    jsonBody(received)?.['to'] === juliet.identifier && header(received, 'user-agent') === undefined,
    'the provider learned whom to wake, and nothing of who wrote, what, or where from',
  );
}

/** Sends a push that the gatekeeper did not sign. */
async function forgePush(scene: ChatScene, notes: StepNotes, woken: Woken): Promise<void> {
  const { answer } = await scene.callIntermediary('POST', '/push', [['Content-Type', 'application/json']], {
    to: juliet.identifier,
  });
  notes.finds(
    [401, 403].includes(answer.status) && woken.length === 1,
    `only the gatekeeper can wake it: Narthex checks the signature of ${pushIssuer}`,
  );
}

async function comeBack(scene: ChatScene, notes: StepNotes): Promise<void> {
  const { token } = await scene.ownershipToken();
  const client = await scene.connectJuliet(token);
  const { node, xml } = await client.receive(isLate);
  const sent = scene.sentByGatekeeper(isLate);
  notes.shows({ kind: 'stanza', from: 'the gatekeeper', to: "Juliet's app", sent, received: xml });
  const body = opened(scene.devices.juliet, node).find((one) => is(one, ns.client, 'body'));
  notes.finds(body !== undefined && text(body) === written.look, `Juliet reads it: ${written.look}`);
  await findNothingOwed(scene, notes);
}

async function optOut(scene: ChatScene, notes: StepNotes): Promise<void> {
  const since = scene.mark;
  const request: ChatNode = {
    tag: 'iq',
    attrs: { id: 'leave', to: 's.whatsapp.net', type: 'set', xmlns: 'md' },
    content: [
      { tag: 'remove-companion-device', attrs: { jid: scene.julietAddress, reason: 'user_initiated' } },
    ],
  };
  const sent = scene.juliet.send(request);
  await scene.juliet.closed;
  const received = scene.arrived(since, ({ tag }) => tag === 'iq');
  notes.shows({ kind: 'stanza', from: "Juliet's app", to: 'the gatekeeper', sent, received });
  const { token } = await scene.ownershipToken();
  const heard = await refusal(scene.connectJuliet(token));
  const login = scene.stage.records.gatekeeper.logins.at(-1);
  notes.finds(
    login?.token?.kind === 'valid' && login.reason === 415,
    `her provider still vouches for her, the gatekeeper lets her in no more: her app hears ${heard}`,
  );
}
