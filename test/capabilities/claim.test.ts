import { describe, expect, it } from 'vitest';
import { CapabilityCache } from '../../src/capabilities/capability-cache.ts';
import { readAnswer } from '../../src/capabilities/claim.ts';
import { elementFromXml } from '../../src/capabilities/element.ts';
import { verificationHash } from '../../src/capabilities/entity-capabilities.ts';
import { infoOf } from './disco-xml.ts';

const xml =
  "<query xmlns='http://jabber.org/protocol/disco#info'><identity category='client' type='pc'/><feature var='urn:a'/></query>";

function query(text: string) {
  const reading = elementFromXml(text);
  if (reading.kind !== 'element') throw new Error(reading.code);
  return reading.element;
}

/** The claim of a client that computes its hash with, or without, the stream's language. */
function claimed(language: 'inherited' | 'own') {
  const ver = verificationHash(infoOf(xml, { streamLang: 'de', language }));
  return { caps: { node: 'n', ver, hash: 'sha-1' }, hashSet: [] };
}

describe('an answer to disco#info', () => {
  it('verifies whether the client counts the language of its stream or not, and is kept as it was hashed', () => {
    const answer = readAnswer(query(xml), 'de');
    if (answer.kind !== 'answer') throw new Error(answer.kind);
    for (const [language, lang] of [
      ['inherited', 'de'],
      ['own', ''],
    ] as const) {
      const cache = new CapabilityCache();
      const { kind, info } = cache.admit(claimed(language), answer.readings);
      expect([kind, info.identities[0]!.lang]).toEqual(['verified', lang]);
      expect(verificationHash(cache.find(claimed(language))!)).toBe(claimed(language).caps.ver);
    }
  });

  it('counts as refused when it is missing or ill-formed', () => {
    expect(readAnswer(undefined)).toEqual({ kind: 'refused' });
    const twice = xml.replace("<feature var='urn:a'/>", "<feature var='urn:a'/><feature var='urn:a'/>");
    expect(readAnswer(query(twice))).toEqual({ kind: 'refused', code: 'ERR_DISCO_DUPLICATE_FEATURE' });
  });
});

describe('the cache', () => {
  it('does not answer a hash set by the ver next to it', () => {
    const cache = new CapabilityCache();
    cache.admit(claimed('own'), [{ info: infoOf(xml) }]);
    expect(cache.find(claimed('own'))).toBeDefined();
    expect(
      cache.find({ ...claimed('own'), hashSet: [{ algorithm: 'sha-256', value: 'AAAA' }] }),
    ).toBeUndefined();
  });

  it('keeps to its bounds', () => {
    const cache = new CapabilityCache({ entriesMax: 2, charactersMax: 1_000 });
    for (const name of ['a', 'b', 'c', 'd'.repeat(2_000)]) {
      const info = { identities: [], features: [`urn:${name}`], forms: [] };
      cache.admit({ caps: { node: 'n', ver: verificationHash(info), hash: 'sha-1' }, hashSet: [] }, [
        { info },
      ]);
    }
    expect(cache.size).toBe(2);
  });
});
