import { describe, expect, it } from 'vitest';
import { bareJid, domainOf, prepareBare, resourceOf, sameBare } from '../../src/stanza/jid.ts';

describe('the parts of a JID', () => {
  it.each([
    ['juliet@capulet.example/balcony', 'juliet@capulet.example', 'balcony', 'capulet.example'],
    ['Juliet@Capulet.example', 'Juliet@Capulet.example', '', 'capulet.example'],
    ['capulet.example/a/b@c', 'capulet.example', 'a/b@c', 'capulet.example'],
    ['room@muc.example/', 'room@muc.example', '', 'muc.example'],
    ['', '', '', ''],
  ])('%s', (jid, bare, resource, domain) => {
    expect([bareJid(jid), resourceOf(jid), domainOf(jid)]).toEqual([bare, resource, domain]);
  });
});

describe('bare JIDs that are compared', () => {
  it('differ neither by case nor by how a character is composed', () => {
    expect(sameBare('JÜRGEN@Capulet.example', 'ju\u0308rgen@capulet.example')).toBe(true);
    expect(sameBare('romeo@capulet.example', 'juliet@capulet.example')).toBe(false);
  });

  it('get a domain where they have none', () => {
    expect(prepareBare('Juliet', 'capulet.example')).toBe('juliet@capulet.example');
    expect(prepareBare('juliet@montague.example', 'capulet.example')).toBe('juliet@montague.example');
    expect(prepareBare('', 'capulet.example')).toBe('');
  });
});
