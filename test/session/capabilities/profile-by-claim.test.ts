/** A client whose ownership token says which profile it is of, from the first features to the first message. */
import { describe, expect, it } from 'vitest';
import { defaultAdvertisementLimits } from '../../../src/capabilities/advertisements.ts';
import { CapabilityCache } from '../../../src/capabilities/capability-cache.ts';
import { contentVocabulary } from '../../../src/capabilities/content-kinds.ts';
import { capabilitiesStage } from '../../../src/session/capabilities/capabilities-stage.ts';
import { CapabilitySessions } from '../../../src/session/capabilities/capability-sessions.ts';
import { contentFilterStage } from '../../../src/session/capabilities/content-filter-stage.ts';
import { channelBindingGuard } from '../../../src/session/negotiation/channel-binding.ts';
import { negotiationGuard } from '../../../src/session/negotiation/guard.ts';
import type { OwnershipVerdict } from '../../../src/session/authentication/ownership.ts';
import { reauthentication } from '../../../src/session/authentication/reauthentication.ts';
import { Sensitive } from '../../../src/stanza/sensitive.ts';
import { createVocabulary } from '../../../src/stanza/vocabulary.ts';
import { infoOf } from '../../capabilities/disco-xml.ts';
import { profileOf, setOf, table } from '../../capabilities/shipped.ts';
import { c, info, verIn, verOf } from './capability-bench.ts';
import { Legs } from '../legs.ts';

const sasl = 'urn:ietf:params:xml:ns:xmpp-sasl';
const sasl2 = 'urn:xmpp:sasl:2';
const names = createVocabulary(contentVocabulary(table));
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** What the tokens of these conversations say of Juliet's plan. */
const tokens: Readonly<Record<string, string | undefined>> = { 'of.gold': 'gold', 'of.lead': undefined };

const gold = profileOf(
  'name: gold',
  'match: { claim: { plan: gold } }',
  'node: https://caps.example/gold',
  'receives: { text: true, reaction: true }',
);
const plain = profileOf('name: plain', 'node: https://caps.example/plain', 'receives: { text: true }');

/** The server's own capabilities, known from other sessions. */
const server = info('urn:xmpp:reactions:0', 'urn:xmpp:ping');
const serverCaps = c(verOf(server));

class Conversation {
  readonly legs: Legs;

  constructor() {
    const cache = new CapabilityCache();
    cache.admit({ caps: { node: 'https://gajim.org', hash: 'sha-1', ver: verOf(server) }, hashSet: [] }, [
      { info: infoOf(server) },
    ]);
    const capabilities = new CapabilitySessions({
      policy: { profiles: setOf(plain, gold), table },
      cache,
      names,
      limits: defaultAdvertisementLimits,
      random: () => 0.5,
      newId: () => 'own',
      observer: { asked: () => {}, answered: () => {}, held: () => {}, filtered: () => {} },
    });
    this.legs = new Legs({
      names,
      phase: 'authenticating',
      channelBinding: 'reauthenticate',
      stages: [
        negotiationGuard,
        channelBindingGuard,
        reauthentication({
          attemptsMax: 3,
          verify: async (token): Promise<OwnershipVerdict> => {
            const plan = tokens[token.reveal()];
            return {
              kind: 'owned',
              subject: new Sensitive('juliet@capulet.example'),
              claims: new Map(plan === undefined ? [] : [['plan', new Sensitive(plan)]]),
            };
          },
          concluded: () => {},
          supportCode: () => '',
        }),
        capabilitiesStage(capabilities),
        contentFilterStage(capabilities),
      ],
      passed: (nonza, direction) => {
        if (direction === 'to-client' && nonza.localName(0) === 'success')
          this.legs.facts.phase = 'established';
      },
    });
  }

  /** What the client hears when the gatekeeper says this, or the other way around. */
  async gatekeeper(xml: string): Promise<string> {
    this.legs.read('to-client', xml);
    await new Promise(setImmediate);
    return this.legs.out['to-client'].splice(0).join('');
  }

  async client(xml: string): Promise<string> {
    this.legs.read('to-gatekeeper', xml);
    await new Promise(setImmediate);
    return this.legs.out['to-gatekeeper'].splice(0).join('');
  }
}

const mechanisms = `<mechanisms xmlns='${sasl}'><mechanism>OAUTHBEARER</mechanism></mechanisms>`;
const features = (inside: string): string => `<stream:features>${inside}</stream:features>`;
const bearer = (token: string): string => base64(`n,,\x01auth=Bearer ${token}\x01\x01`);
const auth = (token: string): string =>
  `<auth xmlns='${sasl}' mechanism='OAUTHBEARER'>${bearer(token)}</auth>`;
const reaction = `<message from='romeo@montague.example/o' type='chat'><reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>x</reaction></reactions></message>`;

async function authenticated(...attempts: string[]): Promise<Conversation> {
  const talk = new Conversation();
  await talk.gatekeeper(features(mechanisms));
  for (const [index, token] of attempts.entries()) {
    await talk.client(auth(token));
    const last = index === attempts.length - 1;
    const failure = `<failure xmlns='${sasl}'><not-authorized/></failure>`;
    await talk.gatekeeper(last ? `<success xmlns='${sasl}'/>` : failure);
  }
  return talk;
}

describe('before authentication', () => {
  it('no capabilities are advertised, since a profile might change them', async () => {
    const talk = new Conversation();
    expect(await talk.gatekeeper(features(`${mechanisms}${serverCaps}`))).not.toContain('<c ');
  });
});

describe('a client whose token has the claim of a profile', () => {
  it('is advertised by that profile', async () => {
    const talk = await authenticated('of.gold');
    expect(verIn(await talk.gatekeeper(features(serverCaps)))).toBe(verOf(server));
    const presence = await talk.client('<presence/>');
    expect(presence).toContain("node='https://caps.example/gold'");
    expect(await talk.gatekeeper(reaction)).toBe(reaction);
  });

  it('is so from the first message, also directly after a success that leaves the stream as it is', async () => {
    for (const [token, passes] of [
      ['of.gold', true],
      ['of.lead', false],
    ] as const) {
      const talk = new Conversation();
      await talk.gatekeeper(
        features(
          `<authentication xmlns='${sasl2}'><mechanism>OAUTHBEARER</mechanism></authentication>${serverCaps}`,
        ),
      );
      await talk.client(
        `<authenticate xmlns='${sasl2}' mechanism='OAUTHBEARER'><initial-response>${bearer(token)}</initial-response></authenticate>`,
      );
      const success = `<success xmlns='${sasl2}'><authorization-identifier>juliet@capulet.example/b</authorization-identifier></success>`;
      const heard = await talk.gatekeeper(success + reaction);
      expect(heard.includes('<reactions'), token).toBe(passes);
      expect(await talk.client('<presence/>')).toContain(passes ? '/gold' : '/plain');
    }
  });
});

describe('a client whose token lacks it', () => {
  it('is of the default profile', async () => {
    const talk = await authenticated('of.lead');
    const shown = await talk.gatekeeper(features(serverCaps));
    expect(verIn(shown)).not.toBe(verOf(server));
    expect(await talk.client('<presence/>')).toContain("node='https://caps.example/plain'");
    expect(await talk.gatekeeper(reaction)).toBe('');
  });

  it('gains nothing by another token that the gatekeeper has refused', async () => {
    const talk = await authenticated('of.gold', 'of.lead');
    expect(await talk.client('<presence/>')).toContain("node='https://caps.example/plain'");
  });
});
