import { beforeEach, describe, expect, it } from 'vitest';
import { CapabilityCache, type CapabilityClaim } from '../../src/capabilities/capability-cache.ts';
import type { Answer } from '../../src/capabilities/claim.ts';
import {
  ContactAdvertisements,
  defaultContactLimits,
} from '../../src/capabilities/contact-advertisements.ts';
import type { DiscoInfo } from '../../src/capabilities/disco-info.ts';
import { capabilityHash, verificationHash } from '../../src/capabilities/entity-capabilities.ts';
import { infoOf } from './disco-xml.ts';
import { shipped, table } from './shipped.ts';

const contact: DiscoInfo = {
  identities: [{ category: 'client', type: 'pc', lang: '', name: 'Gajim' }],
  features: ['http://jabber.org/protocol/disco#info', 'urn:xmpp:reactions:0', 'urn:xmpp:ping'],
  forms: [],
};
const claim: CapabilityClaim = {
  caps: { node: 'https://gajim.org', ver: verificationHash(contact), hash: 'sha-1' },
  hashSet: [capabilityHash(contact, 'sha-256')],
};
const romeo = 'romeo@a.example/x';
const node = `urn:xmpp:caps#sha-256.${claim.hashSet[0]!.value}`;
const answer: Answer = { kind: 'answer', readings: [{ info: contact }] };
const presence = { presence: 'p1', from: romeo, claim };

let cache: CapabilityCache;
let contacts: ContactAdvertisements<string>;
let ids: number;

beforeEach(() => {
  cache = new CapabilityCache();
  ids = 0;
  contacts = create('text-only');
});

function create(name: string, limits = defaultContactLimits) {
  const profile = shipped.get(name)!;
  return new ContactAdvertisements<string>({
    table: () => table,
    profile: () => profile,
    own: () => undefined,
    cache,
    newId: () => `q${(ids += 1)}`,
    limits,
  });
}

/** What a client that verifies does with the elements it is shown. */
function clientVerifies(elements: string): DiscoInfo {
  const [, ver] = /node='https:\/\/gajim.org' ver='([^']+)'/.exec(elements)!;
  const query = contacts.query(romeo, `https://gajim.org#${ver}`);
  expect(verificationHash(infoOf(query!))).toBe(ver);
  const [, algo, value] = /algo='([^']+)'>([^<]+)</.exec(elements)!;
  const byHash = infoOf(contacts.query(romeo, `urn:xmpp:caps#${algo}.${value}`)!);
  expect(capabilityHash(byHash, algo!).value).toBe(value);
  return byHash;
}

describe('a contact that is not known yet', () => {
  it('is forwarded without capabilities, asked once, and forwarded again with some that verify', () => {
    expect(contacts.presence(0, presence)).toEqual({
      kind: 'replace',
      elements: '',
      ask: { id: 'q1', to: romeo, node },
    });
    expect(contacts.presence(1, { ...presence, presence: 'p2', from: 'tybalt@a.example/y' })).toEqual({
      kind: 'replace',
      elements: '',
    });
    expect(contacts.owns('q1', romeo)).toBe(true);
    const shown = contacts.answered('q1', romeo, answer);
    expect(shown.map((redelivery) => redelivery.presence)).toEqual(['p1', 'p2']);
    expect(clientVerifies(shown[0]!.elements).features).toEqual([
      'http://jabber.org/protocol/disco#info',
      'urn:xmpp:ping',
    ]);
  });

  it('that has sent a newer presence, or left, is not shown again as it was', () => {
    contacts.presence(0, presence);
    contacts.superseded(romeo);
    expect(contacts.answered('q1', romeo, answer)).toEqual([]);
    expect(cache.size).toBe(2);
  });

  it('accepts answers only of the contact that was asked', () => {
    contacts.presence(0, presence);
    expect(contacts.owns('q1', 'mercutio@evil.example/z')).toBe(false);
    expect(contacts.answered('q1', 'mercutio@evil.example/z', answer)).toEqual([]);
    expect(contacts.answered('q1', romeo, answer)).toHaveLength(1);
  });

  it('stays without capabilities when its hash does not hold, and poisons nothing', () => {
    contacts.presence(0, presence);
    const lie: Answer = { kind: 'answer', readings: [{ info: { ...contact, features: ['urn:lie:1'] } }] };
    expect(contacts.answered('q1', romeo, lie)).toEqual([]);
    expect(cache.size).toBe(0);
  });

  it('is forgotten when it does not answer, and asked again at its next presence', () => {
    contacts.presence(0, presence);
    expect(contacts.deadline).toBe(defaultContactLimits.askMs);
    contacts.tick(defaultContactLimits.askMs);
    expect(contacts.owns('q1', romeo)).toBe(false);
    expect(contacts.presence(1, presence)).toMatchObject({ ask: { id: 'q2' } });
  });

  it('is not asked while too many others are', () => {
    for (let i = 0; i <= defaultContactLimits.asksMax; i += 1) {
      const info = { ...contact, features: [`urn:v:${i}`] };
      const verdict = contacts.presence(0, {
        ...presence,
        claim: { hashSet: [capabilityHash(info, 'sha-256')] },
      });
      expect('ask' in verdict).toBe(i < defaultContactLimits.asksMax);
    }
  });
});

describe('a contact that is known', () => {
  it('is rewritten at once', () => {
    cache.admit(claim, [{ info: contact }]);
    const verdict = contacts.presence(0, presence);
    expect(verdict).not.toHaveProperty('ask');
    clientVerifies(verdict.kind === 'replace' ? verdict.elements : '');
  });

  it('answers for itself only, and not for its true node', () => {
    cache.admit(claim, [{ info: contact }]);
    contacts.presence(0, presence);
    expect(contacts.query(romeo, node)).toBeUndefined();
    expect(contacts.query('tybalt@a.example/y', node)).toBeUndefined();
  });
});

it('keeps capabilities where the profile passes them, and removes those that cannot be verified', () => {
  expect(create('as-declared').presence(0, presence)).toEqual({ kind: 'pass' });
  const legacy = { caps: { node: 'n', ver: '1.0' }, hashSet: [] };
  expect(contacts.presence(0, { ...presence, claim: legacy })).toEqual({ kind: 'replace', elements: '' });
  expect(contacts.presence(0, { ...presence, claim: { hashSet: [] } })).toEqual({ kind: 'pass' });
});

describe('a contact that repeats its capabilities', () => {
  let reads = 0;
  /** Counts how often it is read. */
  const watched: DiscoInfo = {
    ...contact,
    get features() {
      reads += 1;
      return contact.features;
    },
  };

  const appear = (from: string): string => {
    const verdict = contacts.presence(0, { presence: 'p', from, claim });
    return verdict.kind === 'replace' ? verdict.elements : '';
  };

  it('under a thousand resources is looked through once', () => {
    cache.admit(claim, [{ info: watched }]);
    appear(romeo);
    reads = 0;
    for (let n = 0; n < 1_000; n += 1) expect(appear(`romeo@a.example/${n}`)).toContain('<c ');
    expect(reads).toBe(0);
  });

  it('can be queried for the last ones, as many as their size allows', () => {
    cache.admit(claim, [{ info: contact }]);
    contacts = create('text-only', { ...defaultContactLimits, nodeCharactersMax: 500 });
    const froms = Array.from({ length: 50 }, (_, n) => `romeo@a.example/${n}`);
    const [, ver] = / ver='([^']+)'/.exec(froms.map(appear).at(-1)!)!;
    const known = froms.filter((from) => contacts.query(from, `https://gajim.org#${ver}`) !== undefined);
    expect(known.length).toBeGreaterThan(0);
    expect(known.length).toBeLessThan(6);
    expect(known).toEqual(froms.slice(-known.length));
  });

  it('can be queried for as many as there may be, and for those that were queried last', () => {
    cache.admit(claim, [{ info: contact }]);
    contacts = create('text-only', { ...defaultContactLimits, nodesMax: 10 });
    // Each contact has a node for each of its two elements.
    const froms = Array.from({ length: 5 }, (_, n) => `romeo@a.example/${n}`);
    const [, ver] = / ver='([^']+)'/.exec(froms.map(appear).at(-1)!)!;
    const isKnown = (from: string): boolean => contacts.query(from, `https://gajim.org#${ver}`) !== undefined;
    expect(froms.filter(isKnown)).toEqual(froms);
    // Six nodes more: the five that were not queried are forgotten, and the one that was queried first.
    for (const from of ['juliet@a.example/1', 'juliet@a.example/2', 'juliet@a.example/3']) appear(from);
    expect(froms.filter(isKnown)).toEqual(froms.slice(1));
  });
});
