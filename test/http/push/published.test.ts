import type { X509Certificate } from 'node:crypto';
import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createExchange } from '../../../src/http/calls/exchange.ts';
import type { HttpEvent } from '../../../src/http/events.ts';
import type { HttpPolicy } from '../../../src/http/http-policy.ts';
import { defaultHttpLimits, type HttpLimits } from '../../../src/http/limits.ts';
import { createPublicApp } from '../../../src/http/public.ts';
import { Delivery } from '../../../src/http/push/delivery.ts';
import { createPublishedPush, type PublishedCallerRules } from '../../../src/http/push/published.ts';
import { heldKeys } from '../../../src/http/tokens/verification-keys.ts';
import { StateUnavailable, type StateStore } from '../../../src/state/store.ts';
import { memoryState } from '../../support/state.ts';
import { encode, jwks, makeKey, sign, type SigningKey } from '../support/issuer.ts';
import { codeOf, startParty, type Answer, type Party } from '../support/party.ts';
import { policyOf } from '../support/policy.ts';
import { eventually } from '../../support/wait.ts';

const key = makeKey('gk-1', 'RS256');
const pss = makeKey('gk-2', 'PS256');
const elliptic = makeKey('gk-3', 'ES256');
const otherKey = makeKey('gk-1', 'RS256');
const audience = 'https://proxy.example';
const keep = policyOf({ 'push.recipient': (value) => value });

describe('push in the published shape', () => {
  let provider: Party;
  let events: HttpEvent[];
  let now: number;
  let certificate: Partial<X509Certificate> | undefined;
  const { exchange, close } = createExchange();

  beforeEach(async () => {
    provider = await startParty(() => ({ status: 204 }));
    events = [];
    now = Date.now();
    certificate = undefined;
  });
  afterEach(async () => {
    close();
    await provider.close();
  });

  const rulesOf = (issuer: string, by: SigningKey): PublishedCallerRules => ({
    singleUse: true,
    token: {
      issuer,
      audiences: [audience],
      algorithms: ['RS256'],
      types: ['jwt', undefined],
      keys: heldKeys(jwks(by, pss, elliptic)),
      needsSubject: false,
      lifetimeMaxS: 3_600,
      clockToleranceS: 5,
      limits: defaultHttpLimits,
      now: () => now,
    },
  });

  const start = ({
    limits: changed = {},
    rules = {},
    policy = keep,
    state = memoryState({}, () => now),
  }: {
    limits?: Partial<HttpLimits>;
    rules?: Partial<PublishedCallerRules>;
    policy?: HttpPolicy;
    state?: StateStore;
  } = {}) => {
    const limits = { ...defaultHttpLimits, pushTimeoutMs: 1_500, ...changed };
    const report = (event: HttpEvent): void => void events.push(event);
    const publishedPush = createPublishedPush({
      gatekeepers: new Map([
        ['main', { ...rulesOf('WHATSAPP', key), ...rules }],
        ['second', rulesOf('OTHER', otherKey)],
      ]),
      peerCertificate: () => certificate as X509Certificate | undefined,
      policy,
      limits,
      delivery: new Delivery({
        url: new URL('/push', provider.url),
        exchange,
        report,
        now: () => now,
        limits,
        state,
      }),
      state,
      now: () => now,
    });
    return createPublicApp({ publishedPush, report, limits });
  };

  const claims = (changed: Record<string, unknown> = {}): Record<string, unknown> => {
    const iat = Math.floor(now / 1000);
    return { iss: 'WHATSAPP', aud: audience, iat, exp: iat + 3_600, ...changed };
  };
  const token = (changed: Record<string, unknown> = {}, by = key): Promise<string> =>
    sign({ key: by, claims: claims(changed) });

  const send = async (
    app: ReturnType<typeof start>,
    body: unknown = { to: '+4930901820' },
    bearer?: string,
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    app.request('/push', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${bearer ?? (await token())}`,
        'user-agent': 'facebookexternalua',
        'x-request-id': 'r-1',
        ...headers,
      },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });

  it('gives the provider the same shape and nothing else, and answers 200 without a body', async () => {
    const answer = await send(start());
    expect([answer.status, await answer.text(), answer.headers.has('content-type')]).toEqual([
      200,
      '',
      false,
    ]);
    const [seen] = provider.received;
    expect([seen!.method, seen!.path, seen!.body]).toEqual(['POST', '/push', '{"to":"+4930901820"}']);
    expect(Object.keys(seen!.headers).toSorted()).toEqual([
      'connection',
      'content-length',
      'content-type',
      'host',
    ]);
    expect(JSON.stringify(events)).not.toContain('4930901820');
  });

  it('shows the provider what the policy leaves of the recipient', async () => {
    const policy = policyOf({ 'push.recipient': (value) => value.slice(0, 3) });
    await send(start({ policy }));
    expect(provider.received[0]!.body).toBe('{"to":"+49"}');
    expect(await codeOf(await send(start({ policy: policyOf({}) })))).toBe('ERR_PUSH_NOTHING_LEFT');
    expect(provider.received).toHaveLength(1);
  });

  it('applies the rules of the gatekeeper that the token names', async () => {
    const app = start();
    expect((await send(app, undefined, await token({ iss: 'OTHER' }, otherKey))).status).toBe(200);
    expect(await codeOf(await send(app, undefined, await token({ iss: 'OTHER' })))).toBe(
      'ERR_TOKEN_SIGNATURE',
    );
    expect(await codeOf(await send(app, undefined, await token({}, otherKey)))).toBe('ERR_TOKEN_SIGNATURE');
  });

  const raw = (header: string, changed = {}, signature = 'AAAA'): string =>
    `${encode(header)}.${encode(JSON.stringify(claims(changed)))}.${signature}`;
  const confused = (): string => {
    const input = `${encode('{"alg":"HS256","kid":"gk-1"}')}.${encode(JSON.stringify(claims()))}`;
    const pem = key.publicKey.export({ type: 'spki', format: 'pem' });
    return `${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`;
  };
  const seconds = (): number => Math.floor(now / 1000);

  it.each<[code: string, what: string, bearer: () => string | Promise<string>]>([
    ['ERR_TOKEN_UNSECURED', 'alg none', () => raw('{"alg":"none"}', {}, '')],
    ['ERR_TOKEN_ALGORITHM', 'the public key taken for a secret', confused],
    ['ERR_TOKEN_ALGORITHM', 'PS256', () => token({}, pss)],
    ['ERR_TOKEN_ALGORITHM', 'ES256', () => token({}, elliptic)],
    [
      'ERR_TOKEN_EMBEDDED_KEY',
      'its own key',
      () => sign({ key, claims: claims(), header: { jwk: key.jwk } }),
    ],
    ['ERR_TOKEN_CRITICAL', 'an extension', () => sign({ key, claims: claims(), header: { b64: true } })],
    ['ERR_TOKEN_TYPE', 'another type', () => sign({ key, claims: claims(), header: { typ: 'at+jwt' } })],
    ['ERR_TOKEN_KEY_UNKNOWN', 'another kid', () => sign({ key, claims: claims(), header: { kid: 'x' } })],
    [
      'ERR_TOKEN_KEY_MISMATCH',
      'a key of another kind',
      () => sign({ key, claims: claims(), header: { kid: 'gk-3' } }),
    ],
    ['ERR_TOKEN_SIGNATURE', 'a forger', () => token({}, otherKey)],
    ['ERR_TOKEN_MALFORMED', 'two parts', () => 'a.b'],
    ['ERR_TOKEN_MALFORMED', 'padding', async () => `${await token()}=`],
    [
      'ERR_TOKEN_DUPLICATE',
      'iss twice',
      () => `${encode('{"alg":"RS256"}')}.${encode('{"iss":"a","iss":"WHATSAPP"}')}.AA`,
    ],
    ['ERR_TOKEN_TOO_LARGE', 'too large', () => token({ filler: 'x'.repeat(9_000) })],
    ['ERR_TOKEN_ISSUER', 'another issuer', () => token({ iss: 'whatsapp' })],
    ['ERR_TOKEN_ISSUER', 'no issuer', () => token({ iss: undefined })],
    ['ERR_TOKEN_ISSUER', 'an issuer in a list', () => token({ iss: ['WHATSAPP'] })],
    ['ERR_TOKEN_AUDIENCE', 'another audience', () => token({ aud: `${audience}/` })],
    ['ERR_TOKEN_AUDIENCE', 'one more audience', () => token({ aud: [audience, 'https://other.example'] })],
    ['ERR_TOKEN_AUDIENCE', 'no audience', () => token({ aud: undefined })],
    ['ERR_TOKEN_EXPIRED', 'expired', () => token({ iat: seconds() - 3_000, exp: seconds() - 5 })],
    ['ERR_TOKEN_NOT_YET_VALID', 'from the future', () => token({ iat: seconds() + 7, exp: seconds() + 60 })],
    ['ERR_TOKEN_NOT_YET_VALID', 'nbf in the future', () => token({ nbf: seconds() + 60 })],
    ['ERR_TOKEN_LIFETIME', 'too long a life', () => token({ exp: seconds() + 3_601 })],
    ['ERR_TOKEN_CLAIM_MISSING', 'no exp', () => token({ exp: undefined })],
    ['ERR_TOKEN_CLAIM_MISSING', 'no iat', () => token({ iat: undefined })],
    ['ERR_TOKEN_CLAIM_MISSING', 'iat in text', () => token({ iat: String(seconds()) })],
    ['ERR_TOKEN_CLAIM_MISSING', 'an empty subject', () => token({ sub: '' })],
  ])('refuses with %s: %s', async (code, _, bearer) => {
    const answer = await send(start(), undefined, await bearer());
    expect([answer.status, await codeOf(answer)]).toEqual([401, code]);
    expect(provider.received).toEqual([]);
  });

  it('refuses a call without a token', async () => {
    const answer = await send(start(), undefined, undefined, { authorization: 'Basic YTpi' });
    expect(await codeOf(answer)).toBe('ERR_TOKEN_MISSING');
  });

  it('requires the pinned certificate too, where there is one', async () => {
    const rules = { isPinned: ({ fingerprint256 }: X509Certificate) => fingerprint256 === 'AA:BB' };
    const app = start({ rules });
    expect(await codeOf(await send(app))).toBe('ERR_PUSH_CALLER');
    certificate = { fingerprint256: 'AA:BB' };
    expect((await send(app)).status).toBe(200);
    expect(await codeOf(await send(app, undefined, 'a.b'))).toBe('ERR_TOKEN_MALFORMED');
  });

  it.each<[code: string, body: unknown]>([
    ['ERR_HTTP_MEMBER', {}],
    ['ERR_HTTP_MEMBER', { to: '' }],
    ['ERR_HTTP_MEMBER', { to: 4930901820 }],
    ['ERR_HTTP_MEMBER', { to: ['+49'] }],
    ['ERR_HTTP_MEMBER', { to: 'x'.repeat(1_025) }],
    ['ERR_HTTP_MEMBER', '{"to":"\\ud800"}'],
    ['ERR_HTTP_MEMBER', { to: '+49', sender: 'romeo' }],
    ['ERR_HTTP_JSON_DUPLICATE', '{"to":"a","to":"b"}'],
    ['ERR_HTTP_JSON', '"+49"'],
    ['ERR_HTTP_JSON', 'to=%2B49'],
    ['ERR_HTTP_BODY_TOO_LARGE', { to: 'x'.repeat(20_000) }],
  ])('refuses with %s: %j', async (code, body) => {
    expect(await codeOf(await send(start(), body))).toBe(code);
    expect(provider.received).toEqual([]);
  });

  it('takes one token for many notifications, where it has no jti', async () => {
    const app = start();
    const bearer = await token();
    for (const to of ['+49', '+50', '+49']) expect((await send(app, { to }, bearer)).status).toBe(200);
    expect(provider.received).toHaveLength(3);
  });

  it('takes a token with a jti for one notification, sent once or more', async () => {
    const state = memoryState({}, () => now);
    const [one, other] = [start({ state }), start({ state })];
    const bearer = await token({ jti: 'j-1' });
    for (const app of [one, one, other]) expect((await send(app, { to: '+49' }, bearer)).status).toBe(200);
    expect(provider.received).toHaveLength(1);
    for (const app of [one, other])
      expect(await codeOf(await send(app, { to: '+50' }, bearer))).toBe('ERR_TOKEN_REPLAYED');
    expect((await send(one, { to: '+50' }, await token({ jti: 'j-2' }))).status).toBe(200);
  });

  it('remembers a jti for as long as its token is accepted', async () => {
    const app = start();
    const bearer = await token({ jti: 'j-1' });
    const { exp } = JSON.parse(Buffer.from(bearer.split('.')[1]!, 'base64url').toString()) as { exp: number };
    await send(app, { to: '+49' }, bearer);
    now = (exp + 5) * 1000 - 1;
    expect(await codeOf(await send(app, { to: '+50' }, bearer))).toBe('ERR_TOKEN_REPLAYED');
    now += 1;
    expect(await codeOf(await send(app, { to: '+50' }, bearer))).toBe('ERR_TOKEN_EXPIRED');
  });

  it('keeps the jti of one gatekeeper apart from that of another', async () => {
    const app = start();
    await send(app, { to: '+49' }, await token({ jti: 'j-1' }));
    const second = await token({ iss: 'OTHER', jti: 'j-1' }, otherKey);
    expect((await send(app, { to: '+50' }, second)).status).toBe(200);
  });

  it('takes tokens with a jti again and again where the configuration says so', async () => {
    const app = start({ rules: { singleUse: false } });
    const bearer = await token({ jti: 'j-1' });
    for (const to of ['+49', '+50']) expect((await send(app, { to }, bearer)).status).toBe(200);
  });

  it('delivers nothing while the store of uses is lost', async () => {
    const lost = async () => Promise.reject(new StateUnavailable());
    const app = start({
      state: {
        ...memoryState({}, () => now),
        shared: true,
        epoch: 0,
        claim: lost,
        get: lost,
        set: lost,
        delete: lost,
      },
    });
    expect(await codeOf(await send(app, undefined, await token({ jti: 'j-1' })))).toBe(
      'ERR_STATE_UNAVAILABLE',
    );
    expect(provider.received).toEqual([]);
  });

  it.each<[status: number, code: string, answer: Answer]>([
    [410, 'ERR_PUSH_GONE', { status: 410 }],
    [503, 'ERR_PUSH_BUSY', { status: 503 }],
    [502, 'ERR_PROVIDER_ANSWER', { status: 500, body: '+4930901820' }],
    [504, 'ERR_PROVIDER_TIMEOUT', { status: 204, delayMs: 3_000 }],
  ])(
    'answers %i %s when the provider answers %j, and takes the same token again',
    async (status, code, answer) => {
      const app = start();
      const bearer = await token({ jti: 'j-1' });
      provider.answer = () => answer;
      const refused = await send(app, undefined, bearer);
      expect([refused.status, await codeOf(refused)]).toEqual([status, code]);
      provider.answer = () => ({ status: 204 });
      expect((await send(app, undefined, bearer)).status).toBe(200);
    },
  );

  it('makes one push of a burst for the same recipient', async () => {
    const app = start();
    provider.answer = () => ({ status: 204, delayMs: 500 });
    const first = send(app);
    await eventually(() => provider.received.length === 1);
    const answers = await Promise.all([first, ...Array.from({ length: 20 }, () => send(app))]);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(provider.received).toHaveLength(2);
  });

  it('refuses more waiting notifications of one gatekeeper than its limit', async () => {
    const app = start({ limits: { pushWaitingMax: 2 } });
    provider.answer = () => ({ status: 204, delayMs: 500 });
    const answers = await Promise.all(['+1', '+2', '+3'].map((to) => send(app, { to })));
    expect(answers.map(({ status }) => status)).toEqual(expect.arrayContaining([200, 503]));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(2);
  });

  it('is not made for two gatekeepers with one issuer', () => {
    const gatekeepers = new Map([1, 2].map((each) => [String(each), rulesOf('WHATSAPP', key)]));
    expect(() =>
      createPublishedPush({ gatekeepers } as unknown as Parameters<typeof createPublishedPush>[0]),
    ).toThrow(TypeError);
  });
});
