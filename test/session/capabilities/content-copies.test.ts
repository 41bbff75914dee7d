/** Copies and archive results on a managed stream, through the capability stages: what is dropped is counted. */
import { expect, it } from 'vitest';
import { defaultAdvertisementLimits } from '../../../src/capabilities/advertisements.ts';
import { CapabilityCache } from '../../../src/capabilities/capability-cache.ts';
import { contentVocabulary } from '../../../src/capabilities/content-kinds.ts';
import { capabilitiesStage } from '../../../src/session/capabilities/capabilities-stage.ts';
import { CapabilitySessions } from '../../../src/session/capabilities/capability-sessions.ts';
import { contentFilterStage } from '../../../src/session/capabilities/content-filter-stage.ts';
import { createVocabulary } from '../../../src/stanza/vocabulary.ts';
import { oob, samples, sfs } from '../../capabilities/samples.ts';
import { profileOf, setOf, table } from '../../capabilities/shipped.ts';
import { Legs } from '../legs.ts';

const sm = 'urn:xmpp:sm:3';
const names = createVocabulary(contentVocabulary(table));

const inner = (inside: string): string =>
  `<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='romeo@montague.example/o' type='chat'>${inside}</message></forwarded>`;
const carbon = (inside: string): string =>
  `<message from='juliet@capulet.example' type='chat'><received xmlns='urn:xmpp:carbons:2'>${inner(inside)}</received></message>`;
const result = (inside: string): string =>
  `<message from='juliet@capulet.example'><result xmlns='urn:xmpp:mam:2' id='28482'>${inner(inside)}</result></message>`;
const picture = `<body>https://files.example/a</body>${oob}${sfs('image/png', 10)}`;
const notice = "<body xmlns='jabber:client'>[image]</body>";

it('reach the client by number as stream management counts them at both ends', () => {
  const capabilities = new CapabilitySessions({
    policy: { profiles: setOf(profileOf('receives: { text: true }')), table },
    cache: new CapabilityCache(),
    names,
    limits: defaultAdvertisementLimits,
    random: () => 0.5,
    newId: () => 'own',
    observer: { asked: () => {}, answered: () => {}, held: () => {}, filtered: () => {} },
  });
  const legs = new Legs({
    names,
    stages: [capabilitiesStage(capabilities), contentFilterStage(capabilities)],
  });
  legs.read('to-gatekeeper', `<enable xmlns='${sm}'/>`);
  legs.read('to-client', `<enabled xmlns='${sm}'/>`);
  const { 'to-client': toClient, 'to-gatekeeper': toGatekeeper } = legs.out;
  toClient.length = 0;
  const text = carbon('<body>hi</body>');
  for (const xml of [carbon(picture), carbon(samples['reaction']!), text, result(samples['reaction']!)])
    legs.read('to-client', xml);
  // The second is gone: a client that receives no reactions has no use for an empty copy of one.
  expect(toClient).toEqual([carbon(notice), text, result('')]);
  // Nothing was answered: their senders were answered where they were delivered.
  toGatekeeper.length = 0;
  legs.read('to-gatekeeper', `<a xmlns='${sm}' h='3'/>`);
  expect(toGatekeeper).toEqual([`<a xmlns='${sm}' h='4'/>`]);
});
