import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DiscoInfo } from '../../src/capabilities/disco-info.ts';
import { advertise, baseline, filterContactInfo, rewriteInfo } from '../../src/capabilities/rewrite.ts';
import { infoOf, tkabber } from './disco-xml.ts';
import { profileOf, shipped, table } from './shipped.ts';

const disco = 'http://jabber.org/protocol/disco#info';
const omemo = 'eu.siacs.conversations.axolotl.devicelist+notify';
const client: DiscoInfo = {
  identities: [{ category: 'client', type: 'pc', lang: '', name: 'Secret 1.2' }],
  features: [
    disco,
    'http://jabber.org/protocol/caps',
    'urn:xmpp:reactions:0',
    'urn:xmpp:receipts',
    'urn:example:leak',
    omemo,
    'urn:xmpp:avatar:metadata+notify',
  ],
  forms: [{ formType: 'urn:xmpp:dataforms:softwareinfo', fields: [{ name: 'os', values: ['X'] }] }],
};
const feature = fc.constantFrom(
  ...client.features,
  ...[...table.kinds.values()].flatMap(({ features, also }) => [...features, ...also]),
);
const anyClient: fc.Arbitrary<DiscoInfo> = fc.record({
  identities: fc.constantFrom([], client.identities),
  features: fc.uniqueArray(feature),
  forms: fc.constantFrom([], client.forms),
});

const features = (...lines: string[]) => baseline(profileOf(...lines), table).features;

const left = (interests: string, cohort = false) =>
  rewriteInfo(client, profileOf(`interests: ${interests}`, `cohort: ${cohort}`), table).info.features.filter(
    (name) => name.endsWith('+notify'),
  );

describe('the gatekeeper’s view', () => {
  it('is one advertisement for every client of a cohort', () => {
    const profiles = [...shipped.values()].filter(({ cohort }) => cohort);
    fc.assert(
      fc.property(anyClient, fc.constantFrom(...profiles), (info, profile) => {
        const seen = advertise(rewriteInfo(info, profile, table).info, profile);
        expect(seen).toEqual(advertise(baseline(profile, table), profile));
      }),
    );
  });

  it('outside a cohort is never more than the client declares, but for the protocol itself', () => {
    const profile = shipped.get('as-declared')!;
    const own = [disco, 'http://jabber.org/protocol/caps', 'urn:xmpp:caps'];
    fc.assert(
      fc.property(anyClient, (info) => {
        const { features } = rewriteInfo(info, profile, table).info;
        for (const name of features) expect(own.includes(name) || info.features.includes(name)).toBe(true);
      }),
    );
  });

  it('shows no identity, form or feature of the client that the profile does not', () => {
    const seen = JSON.stringify(rewriteInfo(client, shipped.get('phone')!, table).info);
    expect(seen).not.toMatch(/Secret|softwareinfo|urn:example:leak|avatar/);
  });

  it('has caps exactly when there is a <c/>, and disco#info always', () => {
    expect(features('caps: false', 'hash-sets: []')).toContain(disco);
    expect(features('caps: false')).not.toContain('http://jabber.org/protocol/caps');
    expect(features('caps: false')).toContain('urn:xmpp:caps');
    expect(features('hash-sets: []')).not.toContain('urn:xmpp:caps');
    const bare = profileOf('caps: false', 'hash-sets: []');
    expect(advertise(baseline(bare, table), bare)).toMatchObject({ elements: '', nodes: [] });
  });

  it('lists kinds, types and sizes in a form', () => {
    const profile = profileOf(
      'receives: { text: { max-bytes: 1KiB }, image: { types: [image/png, image/jpeg] }, poll: false }',
    );
    expect(baseline(profile, table).forms).toEqual([
      {
        formType: 'urn:narthex:content:0',
        fields: [
          { name: 'image.types', values: ['image/jpeg', 'image/png'] },
          { name: 'kinds', values: ['image', 'text'] },
          { name: 'text.max-bytes', values: ['1024'] },
        ],
      },
    ]);
  });
});

describe('interests', () => {
  it('are apart from support', () => {
    expect(left('keep-e2ee')).toEqual([omemo]);
    expect(left('all')).toEqual([omemo, 'urn:xmpp:avatar:metadata+notify']);
    expect(left('none')).toEqual([]);
    expect(left("['urn:xmpp:avatar:metadata', 'urn:xmpp:mood']")).toEqual([
      'urn:xmpp:avatar:metadata+notify',
    ]);
  });

  it('are the same for a whole cohort', () => {
    expect(left('keep-e2ee', true)).toEqual(
      table.encryption.interests.map((node) => `${node}+notify`).toSorted(),
    );
  });
});

describe('the report', () => {
  it('reports the losses of each side', () => {
    const profile = profileOf('cohort: false', 'receives: { reaction: true }');
    const { report } = rewriteInfo(client, profile, table);
    expect(report).toMatchObject({
      hidden: [
        { feature: 'urn:example:leak', reason: 'unlisted' },
        { feature: 'urn:xmpp:avatar:metadata+notify', reason: 'interest' },
        { feature: 'urn:xmpp:receipts', reason: 'not-received' },
      ],
      vouched: ['urn:xmpp:caps'],
      formsHidden: ['urn:xmpp:dataforms:softwareinfo'],
      identityReplaced: true,
      interestsLost: ['urn:xmpp:avatar:metadata'],
    });
    expect(report.kindsRefused).toContainEqual({ kind: 'poll', loses: 'polls' });
  });
});

describe('a client’s view of its contacts', () => {
  it('lacks the kinds it does not receive and the software form, and nothing else', () => {
    const shown = filterContactInfo(infoOf(tkabber), shipped.get('text-only')!, table);
    expect(shown.forms).toEqual([]);
    expect(shown.features).not.toContain('urn:xmpp:receipts');
    expect(shown.features).toContain('urn:xmpp:time');
    expect(shown.identities).toEqual(infoOf(tkabber).identities);
    expect(filterContactInfo(infoOf(tkabber), shipped.get('as-declared')!, table)).toEqual(infoOf(tkabber));
  });
});
