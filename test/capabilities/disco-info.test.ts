import { describe, expect, it } from 'vitest';
import { writeDiscoInfo } from '../../src/capabilities/disco-info.ts';
import { infoOf, psi, readXml, tkabber } from './disco-xml.ts';

const disco = 'http://jabber.org/protocol/disco#info';
const identity = "<identity category='client' type='pc'/>";
const form = (type: string, rest = '') =>
  `<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>${type}</value></field>${rest}</x>`;
const query = (body: string, attributes = '') => `<query xmlns='${disco}' ${attributes}>${body}</query>`;

const iq = (attributes: string, inner: string) => `<iq xmlns='jabber:client' ${attributes}>${inner}</iq>`;
const lang = (xml: string, options = {}) => infoOf(xml, options).identities[0]!.lang;

describe('reading disco#info', () => {
  it.each([
    ['two equal identities', identity + identity, 'ERR_DISCO_DUPLICATE_IDENTITY'],
    ['two equal features', "<feature var='a:b'/><feature var='a:b'/>", 'ERR_DISCO_DUPLICATE_FEATURE'],
    ['two forms of one FORM_TYPE', form('a:b') + form('a:b'), 'ERR_DISCO_DUPLICATE_FORM'],
    ['a FORM_TYPE with two values', form('a:b</value><value>a:c'), 'ERR_DISCO_FORM_TYPE'],
    ['an identity without category', "<identity type='pc'/>", 'ERR_DISCO_IDENTITY'],
    ['an identity without type', "<identity category='client'/>", 'ERR_DISCO_IDENTITY'],
    ['a feature without var', '<feature/>', 'ERR_DISCO_FEATURE'],
  ])('refuses %s', (_, body, code) => {
    expect(readXml(query(body))).toEqual({ kind: 'ill-formed', code });
  });

  it('refuses another element, and the items query', () => {
    expect(readXml("<query xmlns='http://jabber.org/protocol/disco#items'/>")).toMatchObject({
      code: 'ERR_DISCO_NOT_INFO',
    });
  });

  it('refuses more than its limits allow', () => {
    const limits = { identitiesMax: 1, featuresMax: 1, formsMax: 1, fieldsMax: 1, valuesMax: 1 };
    const code = { code: 'ERR_DISCO_TOO_LARGE' };
    expect(readXml(query("<feature var='a:b'/><feature var='a:c'/>"), { limits })).toMatchObject(code);
    const values = form('a:b', "<field var='v'><value>1</value><value>2</value></field>");
    expect(readXml(query(values), { limits })).toMatchObject(code);
    expect(readXml(query(form('a:b', "<field var='v'><value>1</value></field>")), { limits }).kind).toBe(
      'info',
    );
  });

  it('distinguishes identities of one kind by language', () => {
    const two =
      "<identity category='client' type='pc' xml:lang='en'/><identity category='client' type='pc'/>";
    expect(readXml(query(two))).toMatchObject({ kind: 'info' });
    expect(readXml(query(two, "xml:lang='en'"))).toMatchObject({ code: 'ERR_DISCO_DUPLICATE_IDENTITY' });
  });

  it('inherits the language from the query, the iq and the stream, in that order', () => {
    expect(lang(iq("xml:lang='de'", query(identity, "xml:lang='fr'")), { streamLang: 'it' })).toBe('fr');
    expect(lang(iq("xml:lang='de'", query(identity)), { streamLang: 'it' })).toBe('de');
    expect(lang(iq('', query(identity)), { streamLang: 'it' })).toBe('it');
    expect(lang(iq("xml:lang='de'", query(identity, "xml:lang=''")), { streamLang: 'it' })).toBe('');
    expect(lang(iq("xml:lang='de'", query(identity)), { streamLang: 'it', language: 'own' })).toBe('');
  });

  it.each([
    ['a foreign element', "<other xmlns='urn:example:o'/>", 'ERR_CAPS_FOREIGN_ELEMENT'],
    ['a form without FORM_TYPE', "<x xmlns='jabber:x:data' type='result'/>", 'ERR_CAPS_FORM_TYPE'],
    [
      'a FORM_TYPE that is not hidden',
      "<x xmlns='jabber:x:data'><field var='FORM_TYPE'><value>a:b</value></field></x>",
      'ERR_CAPS_FORM_TYPE',
    ],
    ['a table', form('a:b', '<reported/>'), 'ERR_CAPS_FORM_TABLE'],
    ['an item', form('a:b', '<item/>'), 'ERR_CAPS_FORM_TABLE'],
  ])('keeps XEP-0115 but not XEP-0390 for %s', (_, body, code) => {
    expect(readXml(query(identity + body))).toMatchObject({ kind: 'info', hashSet: code });
  });

  it('ignores a form without a hidden FORM_TYPE and goes on', () => {
    const body = `<x xmlns='jabber:x:data'><field var='os'><value>X</value></field></x>${form('a:b')}`;
    expect(infoOf(query(body)).forms).toEqual([{ formType: 'a:b', fields: [] }]);
  });

  it('reads by namespace, not by prefix', () => {
    const prefixed = `<d:query xmlns:d='${disco}'><d:identity category='client' type='pc'/><feature xmlns='urn:x' var='a'/></d:query>`;
    const wrapped = `<iq>${prefixed}</iq>`;
    expect(readXml(wrapped)).toMatchObject({ kind: 'info', hashSet: 'ERR_CAPS_FOREIGN_ELEMENT' });
    expect(infoOf(wrapped)).toMatchObject({ features: [], identities: [{ category: 'client' }] });
  });
});

describe('writing disco#info', () => {
  it('is canonical: writing a parsed result is a fixed point', () => {
    for (const xml of [psi, tkabber]) {
      const once = writeDiscoInfo(infoOf(xml), 'urn:example:node#1');
      expect(writeDiscoInfo(infoOf(once), 'urn:example:node#1')).toBe(once);
    }
  });

  it('escapes every value and mirrors the node', () => {
    const hostile = `'"<>&\t\n`;
    const info = { identities: [], features: [hostile], forms: [] };
    const xml = writeDiscoInfo(info, hostile);
    expect(infoOf(xml)).toEqual(info);
    expect(xml).toMatch(/ node='&apos;&quot;&lt;&gt;&amp;&#9;&#10;'>/);
  });
});
