import { describe, expect, it } from 'vitest';
import { capsEdits } from '../../src/capabilities/caps-edits.ts';
import { readClaim } from '../../src/capabilities/claim.ts';
import { elementFromStanza } from '../../src/capabilities/element.ts';
import { createVocabulary } from '../../src/stanza/vocabulary.ts';
import { applied, stanzaOf } from './stanza-of.ts';

const names = createVocabulary();
const ours = "<c xmlns='urn:xmpp:caps'/>";
const caps = "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/>";
const set = "<c xmlns='urn:xmpp:caps'><hash xmlns='urn:xmpp:hashes:2' algo='sha-256'> AA= </hash></c>";
const edited = (xml: string, elements = ours) => applied(xml, capsEdits(stanzaOf(xml, names), elements));

describe('the capabilities of a presence', () => {
  it.each([
    ['none', '<presence><show>away</show></presence>', `<presence><show>away</show>${ours}</presence>`],
    ['one', `<presence>${caps}<show>away</show></presence>`, `<presence><show>away</show>${ours}</presence>`],
    ['both, twice', `<presence>${caps}${set}${caps}${set}</presence>`, `<presence>${ours}</presence>`],
    ['at the end', `<presence><show/>${set}</presence>`, `<presence><show/>${ours}</presence>`],
    ['an empty tag', '<presence/>', `<presence>${ours}</presence>`],
    [
      'a prefix',
      "<x:presence xmlns:x='jabber:client' />",
      `<x:presence xmlns:x='jabber:client' >${ours}</x:presence>`,
    ],
    [
      'a prefixed c',
      "<presence><k:c xmlns:k='urn:xmpp:caps'></k:c></presence>",
      `<presence>${ours}</presence>`,
    ],
    [
      'another c',
      "<presence><c xmlns='urn:other'/></presence>",
      `<presence><c xmlns='urn:other'/>${ours}</presence>`,
    ],
  ])('replace %s', (_, before, after) => {
    expect(edited(before)).toBe(after);
  });

  it('can be removed', () => {
    expect(edited(`<presence>${caps}${set}</presence>`, '')).toBe('<presence></presence>');
    expect(edited('<presence/>', '')).toBe('<presence/>');
  });

  it('are read as a claim, by namespace', () => {
    const stanza = stanzaOf(`<presence>${set}${caps}</presence>`, names);
    expect(readClaim(elementFromStanza(stanza))).toEqual({
      caps: { node: 'n', ver: 'v', hash: 'sha-1' },
      hashSet: [{ algorithm: 'sha-256', value: 'AA=' }],
    });
    expect(readClaim(elementFromStanza(stanzaOf('<presence/>', names)))).toEqual({ hashSet: [] });
  });

  it('build a tree from the tape, with the language in force', () => {
    const iq = stanzaOf("<iq xml:lang='de'><query xmlns='urn:q' a='1&amp;2'>x<b>y</b>z</query></iq>", names);
    const query = elementFromStanza(iq, iq.firstChild());
    expect(query.attrs).toEqual({ xmlns: 'urn:q', a: '1&2', 'xml:lang': 'de' });
    expect(query.children.map((child) => (typeof child === 'string' ? child : child.getText()))).toEqual([
      'x',
      'y',
      'z',
    ]);
  });
});
