/** The story over the chat channel through a whole proxy: each assertion is made on what a party really received. */
import { beforeAll, describe, expect, it } from 'vitest';
import { header, jsonBody } from '../../src/simulator/http/message.ts';
import { juliet, romeo } from '../../src/simulator/story/cast.ts';
import { tellInChat, type ToldInChat } from './told.ts';

const withheldFromGatekeeper = [
  ['her app', 'Balcony'],
  ['her phone', 'Pixel 8'],
  ['her device', juliet.resource],
  ['her language', 'it-IT'],
  ['her cookie', 'balcony_session'],
  ['the page of the referrer', 'balcony.example'],
  ['that she is typing', 'composing'],
  ['the name of her picture', 'IMG_2041'],
  ['her message', 'wherefore'],
] as const;

const withheldFromProvider = [
  ['the author', romeo.username],
  ["the gatekeeper's program", 'gatekeeper-push'],
  ["the gatekeeper's media proxy", 'GatekeeperMediaProxy'],
  ["Romeo's device", 'Orchard'],
  ["Romeo's address", '203.0.113.77'],
  ["the gatekeeper's cookie", 'gk_trace'],
  ["the gatekeeper's edge", 'fra-17'],
] as const;

describe.each(['balanced', 'strict'])('over the chat channel under %s', (policy) => {
  let told: ToldInChat;
  beforeAll(async () => {
    told = await tellInChat(policy);
  });

  it('the story is played to its end, and every statement holds', () => {
    expect(told.untrue).toEqual([]);
    expect(told.outcome).toEqual({ findings: told.outcome.findings, failed: 0, complete: true });
    expect(told.outcome.findings).toBeGreaterThan(45);
    expect(told.steps.map(({ number }) => number)).toEqual(Array.from({ length: 17 }, (_, at) => at + 1));
  });

  it.each(withheldFromGatekeeper)('the gatekeeper never saw %s', (_, text) => {
    expect(told.gatekeeperReceived).not.toContain(text);
  });

  it("the gatekeeper never saw the provider's addresses", () => {
    expect(told.gatekeeperReceived).not.toContain(told.urls.provider);
    expect(told.gatekeeperReceived).not.toContain('/store-3/');
  });

  it.each(withheldFromProvider)('the provider never saw %s', (_, text) => {
    expect(told.providerReceived).not.toContain(text);
  });

  it('the provider learned whom to wake', () => {
    const pushes = told.records.provider.http.filter(({ request }) => request.target === '/push');
    expect(pushes.map(({ request, answer }) => [answer.status, jsonBody(request)])).toEqual([
      [503, { to: juliet.identifier }],
      [200, { to: juliet.identifier }],
    ]);
    expect(pushes.every(({ request }) => header(request, 'authorization') === undefined)).toBe(true);
  });

  it("each login of hers was attested, bound to the handshake's key, with one static key", () => {
    const { attestations, logins, forms, proxyHeaders } = told.records.gatekeeper;
    const hers = logins.filter(({ request }) => request.product === 2);
    // A login that is refused, as not enlisted, may be tried with a second secret; there is none here.
    expect(hers.map(({ reason }) => reason)).toEqual([415, undefined, undefined, 415]);
    expect([attestations.length, proxyHeaders.length]).toEqual([4, 4]);
    for (const { verification } of attestations)
      expect(verification).toMatchObject({
        kind: 'accepted',
        bindingChecked: true,
        claims: {
          iss: 'narthex.example',
          aud: 'gatekeeper.example',
          cnf: { 'noise-ephemeral#S256': expect.any(String) as string },
          signals: { client_ip: { address: '127.0.0.1' } },
        },
      });
    const confirmed = attestations.map(({ verification }) =>
      verification.kind === 'accepted' ? Object.values(verification.claims.cnf)[0] : undefined,
    );
    expect(new Set(confirmed).size).toBe(4);
    expect(new Set(hers.map(({ staticKey }) => staticKey.toString('base64url')))).toEqual(
      new Set([new Map(forms[0]!.fields).get('authkey')]),
    );
  });

  it('nothing was sent to the gatekeeper of her device: the fields of its payload are a closed list', () => {
    for (const { request } of told.records.gatekeeper.logins.filter(
      ({ request: { product } }) => product === 2,
    ))
      expect(request.fields).toEqual(['5', '20', '38', '38.2']);
  });

  it('receipts are settled, and the lower form leaves only under strict', () => {
    const types = told.records.gatekeeper.nodes
      .filter(
        ({ direction, address, node }) =>
          direction === 'received' && address?.endsWith('@interop') && node.tag === 'receipt',
      )
      .map(({ node }) => node.attrs['type']);
    const lowered = policy === 'strict' ? 'inactive' : undefined;
    expect(types).toEqual([lowered, lowered]);
  });
});

describe('over the chat channel under passthrough', () => {
  it('the same statements do not hold: they can fail', async () => {
    const { untrue, outcome, gatekeeperReceived } = await tellInChat('passthrough');
    expect(outcome.complete).toBe(true);
    expect(untrue).toEqual([
      'her app, her language, her cookie and the page she came from did not pass',
      'the id that her library gave to the request has another value there, and its own in the answer',
      'no party learns that she is typing before she decides to send',
    ]);
    expect(gatekeeperReceived).toContain('composing');
    expect(gatekeeperReceived).toContain(juliet.resource);
  });
});
