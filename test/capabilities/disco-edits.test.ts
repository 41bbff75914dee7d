import fc from 'fast-check';
import { expect, it } from 'vitest';
import { discoEdits } from '../../src/capabilities/disco-edits.ts';
import { isHashNode } from '../../src/capabilities/entity-capabilities.ts';
import { hiddenFromClient } from '../../src/capabilities/rewrite.ts';
import { createVocabulary } from '../../src/stanza/vocabulary.ts';
import { profileOf, shipped, table } from './shipped.ts';
import { applied, stanzaOf } from './stanza-of.ts';

const names = createVocabulary();
const disco = 'http://jabber.org/protocol/disco#info';
const profile = profileOf('receives: { text: true, reply: true }');

const feature = fc.constantFrom('urn:xmpp:reply:0', 'urn:xmpp:reactions:0', 'urn:xmpp:ping', 'urn:xmpp:sfs:0', ''); // prettier-ignore
const formType = fc.constantFrom('urn:xmpp:dataforms:softwareinfo', 'urn:f', '');

/** A child of an answer, and whether a client that receives texts and replies may see it. */
const child = fc.oneof(
  feature.map((name) => ({
    xml: `<feature var='${name}'/>`,
    seen: !['urn:xmpp:reactions:0', 'urn:xmpp:sfs:0'].includes(name),
  })),
  fc.array(formType, { maxLength: 3 }).map((types) => ({
    xml: `<x xmlns='jabber:x:data'><field var='FORM_TYPE'>${types.map((type) => `<value>${type}</value>`).join('')}</field><field var='os'><value>x</value></field></x>`,
    seen: !types.includes('urn:xmpp:dataforms:softwareinfo'),
  })),
  fc.constantFrom("<identity category='client'/>", "<feature xmlns='urn:other' var='urn:xmpp:sfs:0'/>", '\n ').map((xml) => ({ xml, seen: true })), // prettier-ignore
);

it('keeps exactly the allowed parts of any answer, in their own bytes and order', () => {
  fc.assert(
    fc.property(fc.array(child, { maxLength: 12 }), (children) => {
      const write = (shown: typeof children) =>
        `<iq xmlns='jabber:client' type='result'><query xmlns='${disco}'>${shown.map(({ xml }) => xml).join('')}</query></iq>`;
      const stanza = stanzaOf(write(children), names);
      const edits = discoEdits(stanza, stanza.firstChild(), hiddenFromClient(profile, table));
      expect(applied(write(children), edits)).toBe(write(children.filter(({ seen }) => seen)));
    }),
  );
});

it('cuts nothing where contacts are shown as they are', () => {
  expect(hiddenFromClient(shipped.get('as-declared')!, table).features.size).toBe(0);
});

it.each([
  ['https://gajim.org#QgayPKawpkPSDYmwT/WM94uAlu0=', true],
  ['#QgayPKawpkPSDYmwT/WM94uAlu0=', true],
  ['urn:xmpp:caps#', true],
  ['a#1B2M2Y8AsgTpgAmY7PhCfg==', true],
  ['QgayPKawpkPSDYmwT/WM94uAlu0=', false],
  ['https://gajim.org#0.9.1', false],
  ['http://jabber.org/protocol/commands', false],
  ['http://jabber.org/protocol/admin#get-registered-users-num', false],
  ['', false],
])('whether %j names a hash: %s', (node, answer) => {
  expect(isHashNode(node)).toBe(answer);
});
