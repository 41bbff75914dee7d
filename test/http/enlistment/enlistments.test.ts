import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEnlistments } from '../../../src/http/enlistment/enlistments.ts';
import type { HttpEvent } from '../../../src/http/events.ts';
import { createExchange } from '../../../src/http/calls/exchange.ts';
import { defaultHttpLimits } from '../../../src/http/limits.ts';
import { createOwnershipVerifier } from '../../../src/http/tokens/ownership-proof.ts';
import { createPublicApp } from '../../../src/http/public.ts';
import { heldKeys } from '../../../src/http/tokens/verification-keys.ts';
import { Sensitive } from '../../../src/stanza/sensitive.ts';
import { jwks, makeKey, sign } from '../support/issuer.ts';
import { codeOf, startParty, type Answer, type Party } from '../support/party.ts';
import { policyOf } from '../support/policy.ts';
import { memoryState } from '../../support/state.ts';

const provider = makeKey('2026-11');
const { exchange, close } = createExchange();
const socket = {};
/** What Node gives in addition to the request. */
const bindings = { incoming: { rawHeaders: [], url: '/' }, connection: socket };
const key = '8e03978e-40d5-43dd-bc93-6894a57f9324';
const enlisted: Answer = {
  status: 201,
  headers: { 'set-cookie': 'gk=1', server: 'gk/3', location: '/internal/42' },
  body: JSON.stringify({
    id: 'u/42',
    status: 'active',
    internalPhone: '+49 30 1',
    shard: 7,
    nested: { a: 1 },
  }),
};

describe('enlistment', () => {
  let gatekeeper: Party;
  let events: HttpEvent[];
  let attested: number;
  let attest: () => Promise<string>;
  let app: ReturnType<typeof createPublicApp>;
  let now: number;
  let region: { readonly country: string; readonly subdivision: string } | undefined;

  beforeEach(async () => {
    gatekeeper = await startParty(() => enlisted);
    events = [];
    attested = 0;
    region = undefined;
    now = Date.now();
    attest = async () => `attestation ${(attested += 1)}`;
    const report = (event: HttpEvent): void => void events.push(event);
    const limits = { ...defaultHttpLimits, enlistmentTimeoutMs: 1_000, enlistmentConcurrentMax: 2 };
    const ownership = createOwnershipVerifier({
      issuer: 'https://provider.example',
      audiences: ['https://gatekeeper.example/enlist'],
      algorithms: ['ES256'],
      types: ['jwt'],
      keys: heldKeys(jwks(provider)),
      lifetimeMaxS: 600,
      clockToleranceS: 5,
      limits,
      now: () => now,
      claimsAllowed: [],
      claimsUnlisted: 'flag',
      nonceRequired: true,
    });
    const url = new URL('/enlistments', gatekeeper.url);
    const enlistments = createEnlistments({
      gatekeepers: new Map([
        [
          'gk',
          {
            protocol: 'xmpp',
            url,
            exchange,
            answerMembers: ['status', 'nested', 'absent'],
            authorization: async () => 'Bearer ours',
          },
        ],
        ['near', { protocol: 'xmpp', url, exchange, answerMembers: [], regions: ['AT', 'DE-BY'] }],
        ['down', { protocol: 'xmpp', url: new URL('http://127.0.0.1:1/'), exchange, answerMembers: [] }],
      ]),
      ownership,
      regionOf: (client) => {
        expect(client).toBe(socket);
        return region && new Sensitive(region);
      },
      attest: (_, client, upstream) => {
        expect([client, upstream.readyState]).toEqual([socket, 'open']);
        return attest();
      },
      policy: policyOf({ 'http.user-agent': () => 'Narthex' }),
      report,
      now: () => now,
      limits,
      state: memoryState({}, () => now),
    });
    app = createPublicApp({ enlistments, report, limits });
  });
  afterEach(async () => {
    close();
    await gatekeeper.close();
  });

  const proof = (claims: Record<string, unknown> = {}): Promise<string> => {
    const iat = Math.floor(now / 1000);
    const aud = 'https://gatekeeper.example/enlist';
    const usual = { iss: 'https://provider.example', aud, sub: 'juliet', iat, exp: iat + 300, nonce: 'n-1' };
    return sign({ key: provider, claims: { ...usual, ...claims } });
  };

  const post = async (
    headers: Record<string, string> = {},
    body: unknown = { gatekeeper: 'gk' },
    token?: string,
  ): Promise<Response> =>
    app.request(
      '/enlistments',
      {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${token ?? (await proof())}`,
          'ownership-nonce': 'n-1',
          'idempotency-key': key,
          cookie: 'c=1',
          'user-agent': 'JulietPhone/1',
          'x-forwarded-for': '198.51.100.7',
          ...headers,
        },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      },
      bindings,
    );

  it('sends the gatekeeper the proof, the attestation, the fields that the policy allows, and nothing else', async () => {
    const token = await proof();
    await post({}, undefined, token);
    const [seen] = gatekeeper.received;
    expect(JSON.parse(seen!.body)).toEqual({ ownershipToken: token });
    expect(seen!.headers).toEqual({
      accept: 'application/json',
      authorization: 'Bearer ours',
      connection: 'keep-alive',
      'connection-signals': 'attestation 1',
      'content-length': String(seen!.body.length),
      'content-type': 'application/json',
      host: gatekeeper.url.host,
      'idempotency-key': expect.not.stringContaining(key) as string,
      'user-agent': 'Narthex',
    });
  });

  it('returns to the client the allowed members of the answer', async () => {
    const answer = await post();
    expect(answer.status).toBe(201);
    const body = (await answer.json()) as { id: string };
    expect(body).toEqual({ id: expect.stringMatching(/^gk~[\w-]+$/) as string, status: 'active' });
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      location: `/enlistments/${body.id}`,
      'cache-control': 'no-store',
    });
    expect(answer.headers.has('set-cookie')).toBe(false);
    expect(answer.headers.has('server')).toBe(false);
  });

  it('calls the gatekeeper once for one key, at once or later, and returns the same answer', async () => {
    const [one, two] = await Promise.all([post(), post()]);
    const three = await post();
    const bodies = await Promise.all([one, two, three].map((answer) => answer.text()));
    expect(new Set(bodies).size).toBe(1);
    expect(gatekeeper.received).toHaveLength(1);
  });

  it('calls it again once the window is over, with the same key of the proxy', async () => {
    await post();
    now += defaultHttpLimits.idempotencyWindowMs + 1;
    await post();
    const [first, second] = gatekeeper.received.map(({ headers }) => headers['idempotency-key']);
    expect(second).toBe(first);
  });

  it('does not keep a failure', async () => {
    gatekeeper.answer = () => ({ status: 500 });
    expect(await codeOf(await post())).toBe('ERR_ENLISTMENT_API_ANSWER');
    gatekeeper.answer = () => enlisted;
    expect((await post()).status).toBe(201);
  });

  it('refuses one key for two things, and one nonce for two requests', async () => {
    await post();
    expect(await codeOf(await post({}, { gatekeeper: 'down' }))).toBe('ERR_IDEMPOTENCY_MISMATCH');
    expect(await codeOf(await post({ 'idempotency-key': `${key}-2` }))).toBe('ERR_TOKEN_REPLAYED');
    expect(gatekeeper.received).toHaveLength(1);
  });

  it("keeps one user's key apart from another's", async () => {
    await post();
    await post({ 'ownership-nonce': 'n-2' }, undefined, await proof({ sub: 'romeo', nonce: 'n-2' }));
    expect(gatekeeper.received).toHaveLength(2);
  });

  it('flags claims beyond those allowed by name, never by value', async () => {
    await post({}, undefined, await proof({ email: 'juliet@capulet.example' }));
    expect(events[0]).toEqual({ event: 'claims-unlisted', claims: ['email'] });
    expect(JSON.stringify(events)).not.toContain('juliet');
  });

  it('ends: the id names the gatekeeper', async () => {
    const { id } = (await (await post()).json()) as { id: string };
    const headers = { authorization: `Bearer ${await proof({ nonce: 'n-3' })}`, 'ownership-nonce': 'n-3' };
    const answer = await app.request(`/enlistments/${id}`, { method: 'DELETE', headers }, bindings);
    expect([answer.status, await answer.text()]).toEqual([204, '']);
    const seen = gatekeeper.received.at(-1)!;
    expect([seen.method, seen.path]).toEqual(['DELETE', '/enlistments/u%2F42']);
    expect(seen.headers['connection-signals']).toBe('attestation 2');
  });

  it.each([
    ['AT', '', 201],
    ['AT', 'AT-9', 201],
    ['DE', 'DE-BY', 201],
    ['DE', 'DE-BE', 403],
    ['DE', '', 403],
    ['US', 'US-CA', 403],
    [undefined, '', 403],
  ])('from %s %s answers %i where a region is required (RO-7.5.1)', async (country, subdivision, status) => {
    region = country === undefined ? undefined : { country, subdivision };
    const answer = await post({}, { gatekeeper: 'near' });
    expect(answer.status).toBe(status);
    if (status === 201) return;
    expect(await codeOf(answer)).toBe('ERR_ENLISTMENT_REGION');
    expect(gatekeeper.received).toEqual([]);
    expect(JSON.stringify(events)).not.toMatch(/\b(DE|US)\b/);
  });

  it('withdraws from anywhere, and is for all where no region is required', async () => {
    region = { country: 'AT', subdivision: '' };
    const { id } = (await (await post({}, { gatekeeper: 'near' })).json()) as { id: string };
    region = undefined;
    const headers = { authorization: `Bearer ${await proof({ nonce: 'n-3' })}`, 'ownership-nonce': 'n-3' };
    const answer = await app.request(`/enlistments/${id}`, { method: 'DELETE', headers }, bindings);
    expect(answer.status).toBe(204);
    const again = { 'idempotency-key': `${key}-2`, 'ownership-nonce': 'n-4' };
    expect((await post(again, undefined, await proof({ nonce: 'n-4' }))).status).toBe(201);
  });

  it.each<[string, Answer]>([
    ['ERR_ENLISTMENT_REFUSED', { status: 403, body: 'juliet is banned' }],
    ['ERR_ENLISTMENT_CONFLICT', { status: 409 }],
    ['ERR_ENLISTMENT_UNKNOWN', { status: 404 }],
    ['ERR_ENLISTMENT_API_BUSY', { status: 429, headers: { 'retry-after': '7' } }],
    ['ERR_ENLISTMENT_API_BUSY', { status: 503, headers: { 'retry-after': '999999' } }],
    ['ERR_ENLISTMENT_API_ANSWER', { status: 500 }],
    ['ERR_ENLISTMENT_API_ANSWER', { status: 302, headers: { location: 'http://127.0.0.1:1/' } }],
    ['ERR_ENLISTMENT_API_ANSWER', { status: 200, body: 'not json' }],
    ['ERR_ENLISTMENT_API_ANSWER', { status: 200, body: '{"id":"a","id":"b"}' }],
    ['ERR_ENLISTMENT_API_ANSWER', { status: 200, body: '{"status":"active"}' }],
    ['ERR_ENLISTMENT_API_ANSWER', { status: 200, body: '{"id":".."}' }],
    ['ERR_ENLISTMENT_API_ANSWER', { status: 200, body: '{"id":"\\ud800"}' }],
    ['ERR_ENLISTMENT_API_ANSWER', { status: 200, body: `{"id":"${'x'.repeat(20_000)}"}` }],
    ['ERR_ENLISTMENT_API_TIMEOUT', { status: 200, delayMs: 2_000 }],
  ])('says %s when the gatekeeper answers %j', async (code, answer) => {
    gatekeeper.answer = () => answer;
    const seen = await post();
    const text = await seen.text();
    expect(text).toContain(`"${code}"`);
    expect(text).not.toContain('juliet');
    const asked = answer.headers?.['retry-after'];
    if (asked !== undefined) expect(seen.headers.get('retry-after')).toBe(asked === '7' ? '7' : '3600');
  });

  it('reports that the gatekeeper is down', async () => {
    expect(await codeOf(await post({}, { gatekeeper: 'down' }))).toBe('ERR_ENLISTMENT_API_UNREACHABLE');
  });

  it('reports that the connection cannot be attested, and sends nothing', async () => {
    attest = () => Promise.reject(new Error('no signing key'));
    expect(await codeOf(await post())).toBe('ERR_ATTESTATION_UNAVAILABLE');
    expect(gatekeeper.received).toEqual([]);
  });

  it('refuses more at once than its limit', async () => {
    gatekeeper.answer = () => ({ ...enlisted, delayMs: 50 });
    const users = ['a', 'b', 'c'];
    const answers = await Promise.all(
      users.map(async (sub) => post({ 'ownership-nonce': sub }, undefined, await proof({ sub, nonce: sub }))),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(2);
    expect(answers.filter(({ status }) => status === 503)).toHaveLength(1);
  });

  it.each<[string, Record<string, string>, unknown]>([
    ['ERR_HTTP_BODY_TYPE', { 'content-type': 'text/plain' }, {}],
    ['ERR_HTTP_BODY_TYPE', { 'content-encoding': 'gzip' }, {}],
    ['ERR_HTTP_BODY_TOO_LARGE', {}, { gatekeeper: 'x'.repeat(20_000) }],
    ['ERR_HTTP_JSON', {}, 'gatekeeper=gk'],
    ['ERR_HTTP_JSON', {}, '[]'],
    ['ERR_HTTP_JSON_DUPLICATE', {}, '{"gatekeeper":"gk","gatekeeper":"down"}'],
    ['ERR_HTTP_MEMBER', {}, { gatekeeper: 1 }],
    ['ERR_HTTP_MEMBER', {}, { gatekeeper: 'gk', phone: '+49 30 1' }],
    ['ERR_GATEKEEPER_UNKNOWN', {}, { gatekeeper: 'unlisted' }],
    ['ERR_IDEMPOTENCY_KEY', { 'idempotency-key': '1' }, undefined],
    ['ERR_TOKEN_MISSING', { authorization: 'Basic YTpi' }, undefined],
    ['ERR_TOKEN_NONCE', { 'ownership-nonce': 'n-9' }, undefined],
  ])('refuses with %s: %j %j', async (code, headers, body) => {
    const answer = await post(headers, body);
    expect(await codeOf(answer)).toBe(code);
    expect(gatekeeper.received).toEqual([]);
    expect(events).toEqual([expect.objectContaining({ event: 'answered', route: '/enlistments', code })]);
  });

  it.each(['Li4', 'Lg', 'NDI=', 'NDJ', '_w'])('does not call the gatekeeper for gk~%s', async (encoded) => {
    const headers = { authorization: `Bearer ${await proof({ nonce: 'n-3' })}`, 'ownership-nonce': 'n-3' };
    const answer = await app.request(`/enlistments/gk~${encoded}`, { method: 'DELETE', headers }, bindings);
    expect(await codeOf(answer)).toBe('ERR_ENLISTMENT_UNKNOWN');
    expect(gatekeeper.received).toEqual([]);
  });

  it.each(['unlisted~AAAA', 'gk', 'gk~', 'gk~a%2Fb', '..~AAAA'])('has no enlistment %s', async (id) => {
    const answer = await app.request(`/enlistments/${id}`, { method: 'DELETE' }, bindings);
    expect(await codeOf(answer)).toBe('ERR_ENLISTMENT_UNKNOWN');
  });
});
