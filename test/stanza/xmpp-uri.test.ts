import { describe, expect, it } from 'vitest';
import { jidOfUri, withResource } from '../../src/stanza/xmpp-uri.ts';

describe('the JID in an XMPP URI (RFC 5122)', () => {
  it.each([
    ['xmpp:juliet@capulet.example', 'juliet@capulet.example'],
    ['XMPP:juliet@capulet.example/balcony?message;body=hi', 'juliet@capulet.example/balcony'],
    ['xmpp://guest@montague.example/juliet@capulet.example/balcony#top', 'juliet@capulet.example/balcony'],
    ['xmpp:nurse%20n@capulet.example/my%20phone', 'nurse n@capulet.example/my phone'],
    ['xmpp:ps.example?;node=dev', 'ps.example'],
  ])('%s', (uri, jid) => {
    expect(jidOfUri(uri)).toBe(jid);
  });

  it.each(['', 'xmpp:', 'https://capulet.example/balcony', 'xmpp:a%ZZ@b', ' xmpp:a@b', 'xmpp:?message'])(
    'none in %j',
    (uri) => {
      expect(jidOfUri(uri)).toBeUndefined();
    },
  );
});

describe('another resource', () => {
  it.each([
    ['xmpp:a@b/phone', 'Kx7', 'xmpp:a@b/Kx7'],
    ['xmpp:a@b/phone?message#x', 'my phone', 'xmpp:a@b/my%20phone?message#x'],
    ['xmpp:a@b/one/two', 'n', 'xmpp:a@b/n'],
    ['xmpp://c@d/a@b/phone', 'n', 'xmpp://c@d/a@b/n'],
    ['xmpp:a@b/phone?x', '', 'xmpp:a@b?x'],
  ])('%s with %j', (uri, resource, after) => {
    expect(withResource(uri, resource)).toBe(after);
  });
});
