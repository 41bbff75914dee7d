import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  Advertisements,
  defaultAdvertisementLimits,
  type AdvertisementAction,
  type AdvertisementContext,
} from '../../src/capabilities/advertisements.ts';
import { CapabilityCache, noClaim, type CapabilityClaim } from '../../src/capabilities/capability-cache.ts';
import type { Answer } from '../../src/capabilities/claim.ts';
import { canonicalDiscoInfo, type DiscoInfo } from '../../src/capabilities/disco-info.ts';
import {
  capabilityHash,
  verificationHash,
  verificationString,
} from '../../src/capabilities/entity-capabilities.ts';
import type { CapabilityProfile } from '../../src/capabilities/profile.ts';
import { Baselines } from '../../src/capabilities/rewrite.ts';
import { infoOf } from './disco-xml.ts';
import { profileOf, setOf, table } from './shipped.ts';

const { holdMs, readvertiseJitterMs, setsMax, asksMax, heldMax } = defaultAdvertisementLimits;

const gajim: DiscoInfo = {
  identities: [{ category: 'client', type: 'pc', lang: '', name: 'Gajim' }],
  features: [
    'http://jabber.org/protocol/disco#info',
    'urn:xmpp:reactions:0',
    'urn:xmpp:receipts',
    'urn:example:leak',
  ],
  forms: [],
};
const older: DiscoInfo = { ...gajim, features: gajim.features.filter((name) => !name.includes('reactions')) };

const declared = profileOf(
  'name: declared',
  'cohort: false',
  'receives: { text: true, reaction: true, receipts: true }',
);
const cohort = profileOf('name: cohort', 'receives: { text: true, reaction: true }');

function claimOf(info: DiscoInfo): CapabilityClaim {
  return {
    caps: { node: 'https://client.example', ver: verificationHash(info), hash: 'sha-1' },
    hashSet: [],
  };
}

const answerOf = (info: DiscoInfo): Answer => ({ kind: 'answer', readings: [{ info }] });

let cache: CapabilityCache;
let ids: number;

beforeEach(() => {
  cache = new CapabilityCache();
  ids = 0;
});

function session(profiles: CapabilityProfile[], given: Partial<AdvertisementContext> = {}) {
  return new Advertisements<string>({
    policy: { profiles: setOf(...profiles), table },
    baselines: new Baselines(),
    cache,
    facts: { listener: 'tls', domain: 'a.example', claims: new Map() },
    random: () => 0.5,
    newId: () => `ask-${(ids += 1)}`,
    ...given,
  });
}

const broadcast = (presence: string, claim: CapabilityClaim = noClaim) =>
  ({ presence, claim, scope: 'broadcast' }) as const;

function verOf(actions: readonly AdvertisementAction<string>[], at = 0): string {
  const action = actions[at];
  if (action?.kind !== 'release' && action?.kind !== 'advertise') throw new Error(action?.kind);
  return /ver='([^']*)'/.exec(action.elements)![1]!;
}

/** What a verifier under XEP-0115 §5.4 sees. */
function verifies(advertisements: Advertisements<string>, ver: string, node: string): void {
  const answer = advertisements.query(`${node}#${ver}`);
  if (answer.kind !== 'result') throw new Error(answer.kind);
  expect(answer.query).toContain(`node='${node}#${ver}'`);
  expect(verificationHash(infoOf(answer.query))).toBe(ver);
}

describe('a cohort profile', () => {
  it('never asks and never holds', () => {
    const advertisements = session([cohort]);
    expect(advertisements.bound()).toEqual([]);
    const actions = advertisements.presence(0, broadcast('hello', claimOf(gajim)));
    expect(actions).toMatchObject([{ kind: 'release', presence: 'hello' }]);
    verifies(advertisements, verOf(actions), cohort.node);
  });

  it('gives two clients the same bytes, whatever they advertise', () => {
    const said = [gajim, older].map((info) => session([cohort]).presence(0, broadcast('p', claimOf(info))));
    expect(said[0]).toEqual(said[1]);
    expect(session([cohort]).query()).toEqual(session([cohort]).query());
  });

  it('advertises by both XEPs, of the same information', () => {
    const advertisements = session([cohort]);
    const [action] = advertisements.presence(0, broadcast('p'));
    const elements = action?.kind === 'release' ? action.elements : '';
    const answer = advertisements.query();
    const info = infoOf(answer.kind === 'result' ? answer.query : '');
    expect(elements).toContain(`ver='${verificationHash(info)}'`);
    for (const algorithm of ['sha-256', 'sha3-256'])
      expect(elements).toContain(`algo='${algorithm}'>${capabilityHash(info, algorithm).value}<`);
  });
});

describe('a presence whose client was not asked yet', () => {
  it('waits for the answer, and is released with the capabilities that may be shown', () => {
    const advertisements = session([declared]);
    const claim = claimOf(gajim);
    expect(advertisements.presence(0, broadcast('hello', claim))).toEqual([
      { kind: 'ask', id: 'ask-1', node: `https://client.example#${claim.caps!.ver}` },
      { kind: 'hold', presence: 'hello' },
    ]);
    expect(advertisements.deadline).toBe(holdMs);
    expect(advertisements.owns('ask-1')).toBe(true);
    const actions = advertisements.answered(10, 'ask-1', answerOf(gajim));
    expect(actions).toMatchObject([{ kind: 'release', presence: 'hello' }]);
    verifies(advertisements, verOf(actions), declared.node);
    const answer = advertisements.query();
    expect(answer).toMatchObject({ query: expect.stringContaining('urn:xmpp:reactions:0') as string });
    expect(answer).toMatchObject({ query: expect.not.stringContaining('urn:example:leak') as string });
    expect(advertisements.deadline).toBeUndefined();
  });

  it('does not wait when the answer to the early question came first', () => {
    const advertisements = session([declared]);
    expect(advertisements.bound()).toEqual([{ kind: 'ask', id: 'ask-1' }]);
    expect(advertisements.answered(1, 'ask-1', answerOf(gajim))).toEqual([]);
    expect(advertisements.presence(2, broadcast('hello', claimOf(gajim)))).toMatchObject([
      { kind: 'release' },
    ]);
    expect(cache.size).toBe(1);
  });

  it('does not ask for capabilities that another session has verified', () => {
    const first = session([declared]);
    first.presence(0, broadcast('a', claimOf(gajim)));
    first.answered(1, 'ask-1', answerOf(gajim));
    expect(session([declared]).presence(2, broadcast('b', claimOf(gajim)))).toMatchObject([
      { kind: 'release' },
    ]);
  });

  it('keeps the order of presences that wait', () => {
    const advertisements = session([declared]);
    advertisements.presence(0, broadcast('one', claimOf(gajim)));
    expect(advertisements.presence(1, { ...broadcast('room'), scope: 'directed' })).toEqual([
      { kind: 'hold', presence: 'room' },
    ]);
    const released = advertisements.answered(2, 'ask-1', answerOf(gajim));
    expect(released.map((action) => 'presence' in action && action.presence)).toEqual(['one', 'room']);
  });

  it('is released with the baseline when the client never answers, and is not held a second time', () => {
    const advertisements = session([declared]);
    advertisements.presence(0, broadcast('hello', claimOf(gajim)));
    expect(advertisements.tick(holdMs - 1)).toEqual([]);
    const actions = advertisements.tick(holdMs);
    expect(actions).toMatchObject([{ kind: 'release', presence: 'hello' }]);
    verifies(advertisements, verOf(actions), declared.node);
    expect(advertisements.presence(holdMs + 1, broadcast('again', claimOf(gajim)))).toMatchObject([
      { kind: 'release', presence: 'again' },
    ]);
  });

  it('is advertised anew, after a jitter, when the answer is late', () => {
    const advertisements = session([declared]);
    advertisements.presence(0, broadcast('hello', claimOf(gajim)));
    const before = verOf(advertisements.tick(holdMs));
    expect(advertisements.answered(5_000, 'ask-1', answerOf(gajim))).toEqual([]);
    expect(advertisements.deadline).toBe(5_000 + readvertiseJitterMs / 2);
    const actions = advertisements.tick(5_000 + readvertiseJitterMs / 2);
    expect(actions).toMatchObject([{ kind: 'advertise', presence: 'hello' }]);
    expect(verOf(actions)).not.toBe(before);
    verifies(advertisements, before, declared.node);
  });

  it('is released at once when the client refuses to answer', () => {
    const advertisements = session([declared]);
    advertisements.presence(0, broadcast('hello', claimOf(gajim)));
    expect(advertisements.answered(1, 'ask-1', { kind: 'refused' })).toMatchObject([{ kind: 'release' }]);
  });

  it('is released with all others when too many wait', () => {
    const advertisements = session([declared]);
    const actions = Array.from({ length: heldMax + 1 }, (_, index) =>
      advertisements.presence(index, broadcast(String(index), claimOf(gajim))),
    );
    expect(actions.at(-2)).toMatchObject([{ kind: 'hold' }]);
    expect(actions.at(-1)!.map((action) => action.kind === 'release' && action.presence)).toEqual(
      actions.map((_, index) => String(index)),
    );
    expect(advertisements.deadline).toBeUndefined();
  });

  it('does not wait for questions above the limit', () => {
    const advertisements = session([declared]);
    const versions = Array.from({ length: heldMax + 1 }, (_, index) => ({
      ...gajim,
      features: [`urn:v:${index}`],
    }));
    const actions = versions.map((info, index) =>
      advertisements.presence(0, broadcast(`p${index}`, claimOf(info))),
    );
    expect(actions.flat().filter(({ kind }) => kind === 'ask')).toHaveLength(asksMax);
    expect(actions[asksMax]!.map(({ kind }) => kind)).toEqual(Array(asksMax + 1).fill('release'));
  });
});

describe('a client that lies about its hash', () => {
  it('serves its own session only', () => {
    const advertisements = session([declared]);
    const lie = claimOf(gajim);
    advertisements.presence(0, broadcast('hello', lie));
    const actions = advertisements.answered(1, 'ask-1', answerOf(older));
    expect(actions).toMatchObject([{ kind: 'release' }]);
    verifies(advertisements, verOf(actions), declared.node);
    expect(cache.size).toBe(0);
    expect(session([declared]).presence(2, broadcast('b', lie))[0]).toMatchObject({ kind: 'ask' });
  });

  it('cannot plant a result by a hash that XEP-0115 leaves open to another reading', () => {
    const [last, ...rest] = gajim.features.toSorted().toReversed();
    const forged: DiscoInfo = { ...gajim, features: rest, forms: [{ formType: last!, fields: [] }] };
    const claim = claimOf(gajim);
    expect(verificationHash(forged)).toBe(claim.caps!.ver);
    const attacker = session([declared]);
    attacker.presence(0, broadcast('hello', claim));
    attacker.answered(1, 'ask-1', answerOf(forged));
    expect(cache.size).toBe(0);
  });

  it('cannot plant a result by one true hash next to a false one', () => {
    const hashSet = [capabilityHash(gajim, 'sha-256'), { algorithm: 'sha3-256', value: 'AAAA' }];
    cache.admit({ hashSet }, [{ info: gajim }]);
    expect(cache.size).toBe(0);
  });

  it('cannot make the cache answer a claim with another result, however the string is cut up', () => {
    const feature = fc.constantFrom('urn:a', 'urn:b', 'urn:c:d', 'http://x/y', 'http://x/y/z/q', 'plain');
    const identity = fc.record({
      category: fc.constantFrom('client', 'server', 'a-b'),
      type: fc.constantFrom('', 'pc'),
      lang: fc.constantFrom('', 'en'),
      name: fc.constantFrom('', 'Gajim', 'a/b'),
    });
    const honest: fc.Arbitrary<DiscoInfo> = fc.record({
      identities: fc.uniqueArray(identity, { maxLength: 2, selector: (value) => JSON.stringify(value) }),
      features: fc.uniqueArray(feature, { maxLength: 4 }),
      forms: fc.constantFrom([], [{ formType: 'urn:z', fields: [{ name: 'os', values: ['urn:zz'] }] }]),
    });
    // A registered category has no colon, a feature does not look like an identity, a field's name is no URI: a
    // result of that form cannot be impersonated, by whatever answer.
    let collisions = 0;
    fc.assert(
      fc.property(honest, fc.nat(3), fc.nat(6), fc.nat(3), (claimed, identities, features, values) => {
        const forged = cutUp(verificationString(claimed), identities, features, values);
        if (verificationHash(forged) !== verificationHash(claimed)) return;
        if (JSON.stringify(canonicalDiscoInfo(forged)) !== JSON.stringify(canonicalDiscoInfo(claimed)))
          collisions += 1;
        const shared = new CapabilityCache();
        shared.admit(claimOf(claimed), [{ info: forged }]);
        const found = shared.find(claimOf(claimed));
        if (found !== undefined) expect(canonicalDiscoInfo(found)).toEqual(canonicalDiscoInfo(claimed));
      }),
      { numRuns: 5_000 },
    );
    expect(collisions).toBeGreaterThan(100);
  });
});

/** Another result with the same XEP-0115 string, if the pieces fall in order. */
function cutUp(s: string, identities: number, features: number, values: number): DiscoInfo {
  const parts = s.split('<').slice(0, -1);
  const people = parts.slice(0, identities).map((part) => {
    const [category = '', type = '', lang = '', ...name] = part.split('/');
    return { category, type, lang, name: name.join('/') };
  });
  const [formType, ...rest] = parts.slice(identities + features);
  const fields = [];
  for (let at = 0; at < rest.length; at += values + 1)
    fields.push({ name: rest[at]!, values: rest.slice(at + 1, at + 1 + values) });
  return {
    identities: people,
    features: parts.slice(identities, identities + features),
    forms: formType === undefined ? [] : [{ formType, fields }],
  };
}

describe('queries', () => {
  it('are answered before the client has advertised anything', () => {
    const advertisements = session([declared]);
    expect(advertisements.query()).toMatchObject({ kind: 'result' });
    advertisements.presence(0, broadcast('hello', claimOf(gajim)));
    expect(advertisements.query()).toMatchObject({ kind: 'result' });
  });

  it('for an old node are answered during and after a switch', () => {
    const advertisements = session([declared]);
    advertisements.presence(0, broadcast('a', claimOf(older)));
    const old = verOf(advertisements.answered(1, 'ask-1', answerOf(older)));
    advertisements.presence(2, broadcast('b', claimOf(gajim)));
    verifies(advertisements, old, declared.node);
    const current = verOf(advertisements.answered(3, 'ask-2', answerOf(gajim)));
    expect(current).not.toBe(old);
    verifies(advertisements, old, declared.node);
    verifies(advertisements, current, declared.node);
  });

  it("for the client's own node find nothing", () => {
    const advertisements = session([cohort]);
    const { caps } = claimOf(gajim);
    advertisements.presence(0, broadcast('a', claimOf(gajim)));
    expect(advertisements.query(`${caps!.node}#${caps!.ver}`)).toEqual({ kind: 'item-not-found' });
    expect(advertisements.query('http://jabber.org/protocol/commands')).toEqual({ kind: 'item-not-found' });
  });

  it('find every hash of the last sets, and older ones no more', () => {
    const advertisements = session([cohort]);
    const kinds = [
      'text',
      'image',
      'video',
      'voice',
      'file',
      'sticker',
      'reaction',
      'reply',
      'edit',
      'retract',
    ];
    const nodes: string[][] = [];
    advertisements.presence(0, broadcast('hello'));
    for (const kind of kinds) {
      const profile = profileOf('name: declared', `receives: { ${kind}: { max-bytes: 7 } }`);
      advertisements.reload(0, { profiles: setOf(profile), table });
      const [action] = advertisements.tick(readvertiseJitterMs);
      const elements = action?.kind === 'advertise' ? action.elements : '';
      nodes.push(
        [...elements.matchAll(/algo='([^']+)'>([^<]+)</g)].map(
          ([, name, value]) => `urn:xmpp:caps#${name}.${value}`,
        ),
      );
    }
    expect(new Set(nodes.flat()).size).toBe(nodes.flat().length);
    const found = nodes.map(
      (set) => set.length === 2 && set.every((node) => advertisements.query(node).kind === 'result'),
    );
    expect(found.filter(Boolean)).toHaveLength(setsMax);
    expect(found.slice(-3)).toEqual([true, true, true]);
  });
});

describe('profiles that depend on the client', () => {
  const phone = profileOf('name: phone', 'match: { identity-type: phone }', 'receives: { reaction: true }');
  const handheld = { ...gajim, identities: [{ ...gajim.identities[0]!, type: 'phone' }] };

  it('are chosen by its answer', () => {
    const advertisements = session([cohort, phone]);
    expect(advertisements.profile.name).toBe('cohort');
    advertisements.presence(0, broadcast('hello', claimOf(handheld)));
    advertisements.answered(1, 'ask-1', answerOf(handheld));
    expect(advertisements.profile.name).toBe('phone');
  });

  it('fall back to the default while it is silent', () => {
    const advertisements = session([cohort, phone]);
    advertisements.presence(0, broadcast('hello', claimOf(handheld)));
    advertisements.tick(holdMs);
    expect(advertisements.profile.name).toBe('cohort');
  });
});

describe('a reload', () => {
  const wider = profileOf('name: cohort', 'receives: { text: true, reaction: true, reply: true }');

  it('is advertised after a jitter, once, and only if something changed', () => {
    const advertisements = session([cohort]);
    const old = verOf(advertisements.presence(0, broadcast('hello')));
    expect(advertisements.reload(100, { profiles: setOf(wider), table })).toEqual([]);
    expect(advertisements.deadline).toBe(100 + readvertiseJitterMs / 2);
    expect(verOf(advertisements.presence(101, broadcast('away')))).toBe(old);
    const actions = advertisements.tick(100 + readvertiseJitterMs / 2);
    expect(actions).toMatchObject([{ kind: 'advertise', presence: 'away' }]);
    verifies(advertisements, verOf(actions), wider.node);
    verifies(advertisements, old, cohort.node);
    advertisements.reload(1_000_000, { profiles: setOf(wider), table });
    expect(advertisements.tick(2_000_000)).toEqual([]);
  });

  it('is in force at once for a client that has not been seen, and silent for one that has left', () => {
    const advertisements = session([cohort]);
    advertisements.reload(0, { profiles: setOf(wider), table });
    expect(advertisements.deadline).toBeUndefined();
    expect(advertisements.query()).toMatchObject({
      query: expect.stringContaining('urn:xmpp:reply:0') as string,
    });
    advertisements.presence(0, broadcast('hello'));
    advertisements.reload(0, { profiles: setOf(cohort), table });
    advertisements.unavailable();
    expect(advertisements.tick(readvertiseJitterMs)).toEqual([]);
  });
});

describe('any history', () => {
  it('every presence is released once, in order, with a hash that can be queried and verifies', () => {
    const infos = [gajim, older, { ...gajim, features: ['urn:xmpp:receipts'] }];
    const event = fc.oneof(
      fc.record({ kind: fc.constant('presence' as const), info: fc.constantFrom(0, 1, 2) }),
      fc.record({ kind: fc.constant('answer' as const), info: fc.constantFrom(0, 1, 2), id: fc.nat(6) }),
      fc.record({ kind: fc.constant('time' as const), ms: fc.nat(40_000) }),
      fc.record({ kind: fc.constant('reload' as const), cohort: fc.boolean() }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        ids = 0;
        const advertisements = session([declared], { cache: new CapabilityCache() });
        let now = 0;
        let sent = 0;
        const out: string[] = [];
        const take = (actions: AdvertisementAction<string>[]) => {
          actions.forEach((action, index) => {
            if (action.kind === 'release') out.push(action.presence);
            if (action.kind === 'release' || action.kind === 'advertise')
              verifies(advertisements, verOf(actions, index), declared.node);
          });
        };
        for (const given of events) {
          if (given.kind === 'presence') {
            take(advertisements.presence(now, broadcast(String(sent), claimOf(infos[given.info]!))));
            sent += 1;
          } else if (given.kind === 'answer') {
            take(advertisements.answered(now, `ask-${given.id}`, answerOf(infos[given.info]!)));
          } else if (given.kind === 'time') {
            now += given.ms;
            take(advertisements.tick(now));
          } else {
            const profile = given.cohort ? { ...cohort, node: declared.node } : declared;
            take(advertisements.reload(now, { profiles: setOf(profile), table }));
          }
        }
        take(advertisements.tick(now + 1_000_000));
        expect(out).toEqual(Array.from({ length: sent }, (_, index) => String(index)));
      }),
      { numRuns: 500 },
    );
  });
});
