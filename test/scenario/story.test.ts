/** The whole story through a whole proxy: each assertion is made on what a party really received. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { beforeAll, describe, expect, it } from 'vitest';
import { ns } from '../../src/stanza/namespaces.ts';
import { jsonBody } from '../../src/simulator/http/message.ts';
import { juliet, romeo } from '../../src/simulator/story/cast.ts';
import { attribute, child, elements, text } from '../../src/simulator/xml/element.ts';
import { parseElement } from '../../src/simulator/xml/reader.ts';
import { root } from '../cli/narthex.ts';
import { tell, type Told } from './told.ts';

const withheldFromGatekeeper = [
  ['her app', 'Balcony'],
  ['her phone', 'Pixel 8'],
  ['her device', juliet.resource],
  ['her language', 'it-IT'],
  ['her cookie', 'balcony_session'],
  ['the page of the referrer', 'balcony.example'],
  ['her presence status', 'on the balcony'],
  ['that she is typing', 'composing'],
  ['a feature of her beta', 'urn:balcony:beta-features'],
  ['the name of her picture', 'IMG_2041'],
  ['her message', 'wherefore'],
] as const;

const withheldFromProvider = [
  ['the author', romeo.username],
  ['the text of a notification', 'New encrypted message'],
  ["the gatekeeper's program", 'gatekeeper-push'],
  ["the gatekeeper's media proxy", 'GatekeeperMediaProxy'],
  ["Romeo's device", 'Orchard'],
  ["Romeo's address", '203.0.113.77'],
  ["the gatekeeper's cookie", 'gk_trace'],
  ["the gatekeeper's edge", 'fra-17'],
] as const;

/** Values of a field of the form in a disco#info answer. */
function valuesOf(xml: string, field: string): string[] {
  const form = child(child(parseElement(xml)!, ns.discoInfo, 'query')!, 'jabber:x:data', 'x')!;
  const found = elements(form).find((one) => attribute(one, 'var') === field)!;
  return elements(found).map(text);
}

/** Policy, who authenticates the client, and what she hears while she is not enlisted. */
const ways = [
  ['balanced', 'gatekeeper-without-plus', 'insufficient_scope'],
  ['strict', 'gatekeeper-without-plus', 'insufficient_scope'],
  ['balanced', 'reauthenticate', 'not-authorized'],
] as const;

describe.each(ways)('under %s, with channelBinding %s', (policy, channelBinding, heard) => {
  let told: Told;
  beforeAll(async () => {
    told = await tell(policy, { channelBinding });
  });

  it('the story is played to its end, and every statement holds', () => {
    expect(told.untrue).toEqual([]);
    expect(told.outcome).toEqual({ findings: told.outcome.findings, failed: 0, complete: true });
    expect(told.outcome.findings).toBeGreaterThan(35);
    expect(told.steps.map(({ number }) => number)).toEqual(told.steps.map((_, index) => index + 1));
    expect(told.steps.length).toBe(policy === 'strict' ? 18 : 16);
  });

  it(`her app receives ${heard} while she is not enlisted`, () => {
    const texts = told.steps.flatMap(({ findings }) => findings.map(({ text }) => text));
    expect(texts.filter((text) => text.endsWith(`her app hears ${heard}`)).length).toBe(2);
  });

  it.each(withheldFromGatekeeper)('the gatekeeper never saw %s', (_, text) => {
    expect(told.gatekeeperReceived).not.toContain(text);
  });

  it("the gatekeeper never saw the provider's addresses, only sealed ones", () => {
    expect(told.gatekeeperReceived).not.toContain(told.urls.provider);
    expect(told.gatekeeperReceived).not.toContain('/store-3/');
    expect(told.gatekeeperReceived).toContain(`${told.urls.intermediary}/media/`);
  });

  it.each(withheldFromProvider)('the provider never saw %s', (_, text) => {
    expect(told.providerReceived).not.toContain(text);
  });

  it('the provider learned which device to wake, under balanced also how many messages wait', () => {
    const pushes = told.records.provider.http.filter(({ request }) => request.target === '/push');
    const recipient = told.records.gatekeeper.pushes[0]!.notification.recipient;
    const expected = policy === 'balanced' ? { recipient, count: 1 } : { recipient };
    expect(pushes.map(({ request, answer }) => [answer.status, jsonBody(request)])).toEqual([
      [503, expected],
      [200, expected],
    ]);
  });

  it("Romeo's app learned of her app the kinds in the provider's profile", () => {
    const profile = parse(readFileSync(join(root, 'policies/capabilities/phone.yaml'), 'utf8')) as {
      readonly receives: Readonly<Record<string, unknown>>;
    };
    const received = Object.entries(profile.receives).flatMap(([kind, how]) => (how === false ? [] : [kind]));
    const answers = told.records.gatekeeper.stream.filter(
      ({ direction, jid, xml }) =>
        direction === 'sent' && jid?.startsWith('romeo@') && xml.includes('urn:narthex:content:0'),
    );
    expect(answers.map(({ xml }) => valuesOf(xml, 'kinds'))).toEqual([received.sort()]);
  });

  it('each attestation was bound to its connection, and had the address, the JA4 and the TCP fingerprint', () => {
    const { attestations, enlistments } = told.records.gatekeeper;
    const all = [
      ...attestations.map(({ verification }) => verification),
      ...enlistments.map(({ attestation }) => attestation),
    ];
    // Four logins; opting in and out.
    expect([attestations.length, enlistments.length]).toEqual([4, 2]);
    for (const verification of all) {
      expect(verification).toMatchObject({
        kind: 'accepted',
        bindingChecked: true,
        claims: {
          iss: 'narthex.example',
          aud: 'gatekeeper.example',
          signals: {
            client_ip: { address: '127.0.0.1', observed_by: 'edge', necessity: 'obligation' },
            tls: { ja4: expect.stringMatching(/^t1[23][di]\d{4}[0-9a-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}$/) },
          },
        },
      });
      expect(verification?.kind === 'accepted' && verification.claims.signals.tcp).toBeTruthy();
    }
  });

  it('the gatekeeper checked each token itself, with keys it had from Narthex', () => {
    const { tokens, enlistments, http } = told.records.gatekeeper;
    expect(tokens.map(({ check, enlisted }) => [check.kind, enlisted])).toEqual([
      ['valid', false],
      ['valid', true],
      ['valid', true],
      ['valid', false],
    ]);
    expect(enlistments.map(({ request, token, status }) => [request, token.kind, status])).toEqual([
      ['enlist', 'valid', 201],
      ['withdraw', 'valid', 204],
    ]);
    const keys = http
      .filter(({ through }) => through === 'keys')
      .map(({ exchange }) => exchange.request.target);
    expect(keys).toEqual(['/.well-known/openid-configuration', '/.well-known/jwks.json']);
  });
});

describe('under passthrough', () => {
  it('the same statements do not hold: they can fail', async () => {
    const { untrue, outcome, gatekeeperReceived, urls } = await tell('passthrough');
    expect(outcome.complete).toBe(false);
    expect(untrue).toEqual(
      expect.arrayContaining([
        expect.stringContaining('the name of her device'),
        'what she is doing stays with her',
        'no party learns that she is typing before she decides to send',
        "the gatekeeper sees a sealed address at Narthex, not the provider's",
      ]),
    );
    expect(gatekeeperReceived).toContain(urls.provider);
    expect(gatekeeperReceived).toContain(juliet.resource);
  });
});
