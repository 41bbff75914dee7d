/** Act two: Juliet connects with her token, and advertises her app's capabilities. */
import { ns } from '../../stanza/namespaces.ts';
import { capsElement, capsHashOf } from '../caps.ts';
import { parseJid } from '../jid.ts';
import { attribute, child, element, elements, is, type Element } from '../xml/element.ts';
import { juliet, romeo } from './cast.ts';
import { findSignals, showLogin } from './enlisting.ts';
import { ownConnections } from './records.ts';
import { known } from './calls.ts';
import { matches, type Scene } from './scene.ts';
import type { StepNotes } from './telling.ts';

const isBind = (one: Element): boolean => child(one, ns.bind, 'bind') !== undefined;
const isPresence = (one: Element): boolean => is(one, ns.client, 'presence');

/** Juliet's presence as Romeo receives it. */
interface Announcement {
  readonly from: string;
  readonly caps: Element | undefined;
}

export async function playConnecting(scene: Scene): Promise<void> {
  const { telling } = scene;
  let announcement: Announcement | undefined;
  telling.act('Juliet connects, and says what her app can receive');
  await telling.step('Juliet logs in with the proof', (notes) => logJulietIn(scene, notes));
  await telling.step("Romeo logs in to the gatekeeper with the gatekeeper's own app", (notes) =>
    logRomeoIn(scene, notes),
  );
  await telling.step('Juliet says that she is here, and what her app can do', async (notes) => {
    announcement = await announce(scene, notes);
  });
  await telling.step("Romeo's app asks for the features that the hash stands for", (notes) => {
    const { from, caps } = known(announcement, 'Juliet announced nothing');
    return queryFeatures(scene, notes, from, known(caps, 'Juliet announced no capabilities'));
  });
}

async function logJulietIn(scene: Scene, notes: StepNotes): Promise<void> {
  const { gatekeeper } = scene.stage.records;
  const since = scene.mark;
  const { token } = await scene.ownershipToken();
  await scene.connectJuliet(token);
  showLogin(scene, notes);
  const shown = gatekeeper.tokens.at(-1);
  notes.finds(
    shown?.check.kind === 'valid' && shown.enlisted,
    'the gatekeeper checked her token and found her enlisted',
  );
  const { verification } = known(gatekeeper.attestations.at(-1), 'no attestation came on the stream');
  notes.finds(
    verification.kind === 'accepted' && verification.bindingChecked,
    `before that it had an attestation of her connection, bound to the stream${verification.kind === 'refused' ? `: ${verification.explanation}` : ''}`,
  );
  if (verification.kind === 'accepted') findSignals(notes, verification.claims);
  const asked = known(
    scene.wire.findLast(({ direction, xml }) => direction === 'sent' && matches(xml, isBind)),
    'no bind',
  );
  const received = scene.arrived(since, isBind);
  notes.shows({ kind: 'stanza', from: "Juliet's app", to: 'the gatekeeper', sent: asked.xml, received });
  notes.finds(
    received !== undefined && !received.includes(juliet.resource),
    `the name of her device, ${juliet.resource}, is a pseudonym there; her app knows itself by its own`,
  );
}

async function logRomeoIn(scene: Scene, notes: StepNotes): Promise<void> {
  const { gatekeeper } = scene.stage.records;
  const client = await scene.connectRomeo();
  client.send(element(ns.client, 'presence', {}, capsElement(romeo.software)));
  await client.receive(isPresence);
  const own = ownConnections(gatekeeper);
  const isAttested = gatekeeper.attestations.some(({ connectionId }) => own.has(connectionId));
  notes.finds(own.size === 1 && !isAttested, 'straight to the gatekeeper, which sees his connection itself');
}

/** Sends Juliet's presence, and waits until Romeo has it. */
async function announce(scene: Scene, notes: StepNotes): Promise<Announcement> {
  const since = scene.mark;
  const sent = scene.juliet.send(
    element(
      ns.client,
      'presence',
      {},
      element(ns.client, 'show', {}, 'chat'),
      element(ns.client, 'status', {}, 'on the balcony'),
      capsElement(juliet.software),
    ),
  );
  const { element: seen } = await scene.romeo.receive(
    (one) => isPresence(one) && attribute(one, 'from')?.startsWith(`${juliet.identifier}/`) === true,
  );
  const from = attribute(seen, 'from')!;
  const caps = child(seen, ns.caps, 'c');
  const received = scene.arrived(since, isPresence);
  notes.shows({ kind: 'stanza', from: "Juliet's app", to: 'the gatekeeper', sent, received });
  notes.finds(received?.includes('on the balcony') === false, 'what she is doing stays with her');
  notes.finds(
    caps !== undefined && attribute(caps, 'node') !== juliet.software.node,
    "her app's name is no longer in the announcement: it is that of the provider's profile",
  );
  notes.finds(
    parseJid(from)?.resource !== juliet.resource,
    'Romeo sees her under the pseudonym of her device',
  );
  return { from, caps };
}

/** Queries the features of Juliet's app, as Romeo's app does.
 *  @param from her address, as he has it */
async function queryFeatures(scene: Scene, notes: StepNotes, from: string, caps: Element): Promise<void> {
  const node = `${attribute(caps, 'node')}#${attribute(caps, 'ver')}`;
  const query = element(ns.discoInfo, 'query', { node });
  scene.romeo.send(element(ns.client, 'iq', { type: 'get', id: 'features', to: from }, query));
  const { element: answer, xml } = await scene.romeo.receive((one) => attribute(one, 'id') === 'features');
  const info = known(child(answer, ns.discoInfo, 'query'), 'the answer holds no disco#info');
  const said = scene.wire.findLast(
    ({ direction, xml: text }) =>
      direction === 'sent' && matches(text, (one) => child(one, ns.discoInfo, 'query') !== undefined),
  );
  if (said !== undefined)
    notes.shows({
      kind: 'stanza',
      from: "Juliet's app",
      to: 'the gatekeeper',
      sent: said.xml,
      received: xml,
    });
  notes.finds(
    capsHashOf(info) === attribute(caps, 'ver'),
    'his app computes the hash anew, and it is the one announced (XEP-0115 §5.4)',
  );
  const features = elements(info).map((one) => attribute(one, 'var'));
  notes.finds(
    !features.includes('urn:balcony:beta-features:9'),
    "a feature that only her app's beta has is not told",
  );
  notes.finds(!xml.includes(juliet.software.name), `nor that she uses ${juliet.software.name}`);
}
