import type { X509Certificate } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createExchange } from '../../../src/http/calls/exchange.ts';
import { defaultHttpLimits, type HttpLimits } from '../../../src/http/limits.ts';
import { createPublicApp } from '../../../src/http/public.ts';
import { Delivery } from '../../../src/http/push/delivery.ts';
import { createPush } from '../../../src/http/push/relay.ts';
import type { CallerRules } from '../../../src/http/push/caller.ts';
import { heldKeys } from '../../../src/http/tokens/verification-keys.ts';
import { jwks, makeKey, sign } from '../support/issuer.ts';
import { codeOf, startParty, type Answer, type Party } from '../support/party.ts';
import { policyOf } from '../support/policy.ts';
import { StateUnavailable, type StateStore } from '../../../src/state/store.ts';
import { memoryState } from '../../support/state.ts';
import { eventually } from '../../support/wait.ts';

const gatekeeperKey = makeKey('gk-1', 'EdDSA');
const isPinned = ({ fingerprint256 }: X509Certificate): boolean => fingerprint256 === 'AA:BB';
const taken: Answer = { status: 200 };

/** As a policy might: the device token is pseudonymised, the kind kept, all else dropped. */
const policy = policyOf({ 'push.token': (value) => `p-${value}`, 'push.kind': (value) => value });

const notification = (id: string, token = 'device-1') => ({
  id,
  token,
  kind: 'message',
  sender: 'romeo',
  unread: 3,
});

describe('push', () => {
  let provider: Party;
  let certificate: Partial<X509Certificate> | undefined;
  let now: number;
  const { exchange, close } = createExchange();
  const audience = 'https://proxy.example/push/gk';

  beforeEach(async () => {
    provider = await startParty(() => taken);
    certificate = undefined;
    now = Date.now();
  });
  afterEach(async () => {
    close();
    await provider.close();
  });

  const tokenRules = () => ({
    issuer: 'gk',
    audiences: [audience],
    algorithms: ['EdDSA'] as const,
    types: ['jwt'],
    keys: heldKeys(jwks(gatekeeperKey)),
    needsSubject: true,
    lifetimeMaxS: 300,
    clockToleranceS: 5,
    limits: defaultHttpLimits,
    now: () => now,
  });

  const report = (): void => {};

  const start = (
    changed: Partial<HttpLimits> = {},
    callers: Record<string, CallerRules> = {},
    state: StateStore = memoryState({}, () => now),
  ) => {
    const limits = { ...defaultHttpLimits, pushTimeoutMs: 1_500, ...changed };
    const gatekeepers = new Map(Object.entries({ gk: { token: tokenRules() }, ...callers }));
    const push = createPush({
      gatekeepers,
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
    });
    return createPublicApp({ push, report, limits });
  };

  const token = (claims: Record<string, unknown> = {}): Promise<string> => {
    const iat = Math.floor(now / 1000);
    return sign({
      key: gatekeeperKey,
      claims: { iss: 'gk', sub: 'gk', aud: audience, iat, exp: iat + 60, ...claims },
    });
  };

  const send = async (
    app: ReturnType<typeof start>,
    body: Record<string, unknown>,
    { to = 'gk', bearer }: { to?: string; bearer?: string } = {},
  ): Promise<Response> =>
    app.request(`/push/${to}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${bearer ?? (await token())}`,
        'user-agent': 'GatekeeperPush/2',
        'x-request-id': 'r-1',
      },
      body: JSON.stringify(body),
    });

  it('sends the provider exactly the allowed fields', async () => {
    const answer = await send(start(), notification('1'));
    expect([answer.status, await answer.text()]).toEqual([202, '']);
    const [seen] = provider.received;
    expect(seen!.body).toBe('{"kind":"message","token":"p-device-1"}');
    expect(seen!.headers).toEqual({
      connection: 'keep-alive',
      'content-length': '39',
      'content-type': 'application/json',
      host: provider.url.host,
    });
  });

  it('delivers a notification that is sent twice once, at once or later', async () => {
    const app = start();
    const bearer = await token();
    const answers = await Promise.all([1, 2, 3].map(() => send(app, notification('1'), { bearer })));
    answers.push(await send(app, notification('1')));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
    expect(provider.received).toHaveLength(1);
  });

  it('delivers a notification that is sent to two replicas once', async () => {
    const state = memoryState({}, () => now);
    const [one, other] = [start({}, {}, state), start({}, {}, state)];
    provider.answer = () => ({ ...taken, delayMs: 50 });
    const bearer = await token();
    const first = send(one, notification('1'), { bearer });
    await eventually(() => provider.received.length === 1);
    const early = await send(other, notification('1'), { bearer });
    expect([early.status, await codeOf(early)]).toEqual([503, 'ERR_PUSH_BUSY']);
    expect((await first).status).toBe(202);
    expect((await send(other, notification('1'))).status).toBe(202);
    expect(provider.received).toHaveLength(1);
    now += defaultHttpLimits.pushDeliveredMs + 1;
    expect((await send(other, notification('1'))).status).toBe(202);
    expect(provider.received).toHaveLength(2);
  });

  it('refuses a notification while the store does not answer: nothing says whether it came before', async () => {
    const state = memoryState({}, () => now);
    state.claim = () => Promise.reject(new StateUnavailable());
    const answer = await send(start({}, {}, state), notification('1'));
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await codeOf(answer)).toBe('ERR_STATE_UNAVAILABLE');
    expect(provider.received).toEqual([]);
  });

  it('lets another replica deliver what the provider did not take', async () => {
    const state = memoryState({}, () => now);
    provider.answer = () => ({ status: 500 });
    expect((await send(start({}, {}, state), notification('1'))).status).not.toBe(202);
    provider.answer = () => taken;
    expect((await send(start({}, {}, state), notification('1'))).status).toBe(202);
  });

  it('merges a burst of 1,000 into few, the last of which started after all had arrived', async () => {
    provider.answer = () => ({ ...taken, delayMs: 30 });
    const app = start({ pushTimeoutMs: 20_000 });
    const bearer = await token();
    const burst = Array.from({ length: 1_000 }, (_, id) => send(app, notification(String(id)), { bearer }));
    const statuses = new Set((await Promise.all(burst)).map(({ status }) => status));
    expect([...statuses]).toEqual([202]);
    expect(provider.received.length).toBeGreaterThanOrEqual(2);
    expect(provider.received.length).toBeLessThanOrEqual(20);
  });

  it('does not merge a later notification into a push that has started', async () => {
    provider.answer = () => ({ ...taken, delayMs: 80 });
    const app = start();
    const first = send(app, notification('1'));
    while (provider.received.length === 0) await sleep(5);
    const second = send(app, notification('2'));
    await Promise.all([first, second]);
    expect(provider.received).toHaveLength(2);
  });

  it('does not merge different notifications', async () => {
    const app = start();
    await Promise.all(['a', 'b', 'c'].map((device) => send(app, notification(device, device))));
    expect(new Set(provider.received.map(({ body }) => body)).size).toBe(3);
  });

  it('reports that the provider is down, loses nothing and delivers when it is back', async () => {
    const app = start();
    provider.answer = () => ({ status: 500, body: 'token of juliet' });
    const failed = await send(app, notification('1'));
    expect([failed.status, failed.headers.get('retry-after')]).toEqual([502, '5']);
    expect(await failed.text()).not.toContain('juliet');
    provider.answer = () => taken;
    expect((await send(app, notification('1'))).status).toBe(202);
    expect(provider.received).toHaveLength(2);
  });

  it.each<[string, number, Answer]>([
    ['ERR_PROVIDER_TIMEOUT', 504, { ...taken, delayMs: 2_500 }],
    ['ERR_PROVIDER_ANSWER', 502, { status: 404 }],
    ['ERR_PROVIDER_ANSWER', 502, { status: 301, headers: { location: '/' } }],
    ['ERR_PUSH_BUSY', 503, { status: 429 }],
    ['ERR_PUSH_GONE', 410, { status: 410 }],
  ])('answers %s, %i, when the provider does %j', async (code, status, answer) => {
    provider.answer = () => answer;
    const seen = await send(start(), notification('1'));
    expect([seen.status, await codeOf(seen)]).toEqual([status, code]);
  });

  it('fails a whole burst when its push fails: each is answered with Retry-After', async () => {
    provider.answer = () => ({ status: 500, delayMs: 20 });
    const app = start();
    const bearer = await token();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, id) => send(app, notification(String(id)), { bearer })),
    );
    expect(answers.filter(({ status }) => status === 502)).toHaveLength(50);
    provider.answer = () => taken;
    const before = provider.received.length;
    expect((await send(app, notification('49'))).status).toBe(202);
    expect(provider.received.length).toBe(before + 1);
  });

  it('sends a limited number at once, queues a limited number, and refuses the rest', async () => {
    let inside = 0;
    let most = 0;
    provider.answer = () => {
      inside += 1;
      most = Math.max(most, inside);
      setTimeout(() => (inside -= 1), 30);
      return { ...taken, delayMs: 30 };
    };
    const app = start({ pushConcurrentMax: 2, pushWaitingMax: 5 });
    const bearer = await token();
    const devices = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const answers = await Promise.all(devices.map((id) => send(app, notification(id, id), { bearer })));
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(5);
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.map(({ headers }) => headers.get('retry-after'))).toEqual(['5', '5', '5']);
    expect(provider.received).toHaveLength(5);
    expect(most).toBeLessThanOrEqual(2);
    expect((await send(app, notification('i', 'i'))).status).toBe(202);
  });

  it('answers those that wait for a stuck provider at once when their turn comes too late', async () => {
    provider.answer = () => {
      // Once both are there.
      setTimeout(() => (now += 20_000), 100);
      return { ...taken, delayMs: 200 };
    };
    const app = start({ pushConcurrentMax: 1 });
    const bearer = await token({ exp: Math.floor(now / 1000) + 290 });
    const answers = await Promise.all(['a', 'b'].map((id) => send(app, notification(id, id), { bearer })));
    // Which of the two comes first is chance.
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202, 503]));
    expect(provider.received).toHaveLength(1);
  });

  it.each<[string, Record<string, unknown>]>([
    ['ERR_HTTP_MEMBER', { token: 'a' }],
    ['ERR_HTTP_MEMBER', { id: '1', data: { sender: 'romeo' } }],
    ['ERR_HTTP_MEMBER', { id: '1', 'Sender Name': 'romeo' }],
    ['ERR_PUSH_NOTHING_LEFT', { id: '1', sender: 'romeo' }],
  ])('refuses with %s: %j', async (code, body) => {
    expect(await codeOf(await send(start(), body))).toBe(code);
    expect(provider.received).toEqual([]);
  });

  describe('authenticates its caller', () => {
    it.each<[string, Record<string, unknown>]>([
      ['ERR_TOKEN_ISSUER', { iss: 'other' }],
      ['ERR_TOKEN_AUDIENCE', { aud: 'https://proxy.example/push/other' }],
      ['ERR_TOKEN_LIFETIME', { exp: 99_999_999_999 }],
    ])('and refuses with %s: %j', async (code, claims) => {
      expect(await codeOf(await send(start(), notification('1'), { bearer: await token(claims) }))).toBe(
        code,
      );
    });

    it('and no other gatekeeper', async () => {
      expect(await codeOf(await send(start(), notification('1'), { to: 'nobody' }))).toBe(
        'ERR_GATEKEEPER_UNKNOWN',
      );
    });

    it('by its certificate', async () => {
      const app = start({}, { mtls: { isPinned } });
      expect(await codeOf(await send(app, notification('1'), { to: 'mtls' }))).toBe('ERR_PUSH_CALLER');
      certificate = { fingerprint256: 'CC:DD' };
      expect(await codeOf(await send(app, notification('1'), { to: 'mtls' }))).toBe('ERR_PUSH_CALLER');
      certificate = { fingerprint256: 'AA:BB' };
      expect((await send(app, notification('1'), { to: 'mtls' })).status).toBe(202);
    });

    it('by both where both are configured', async () => {
      const app = start({}, { both: { isPinned, token: tokenRules() } });
      certificate = { fingerprint256: 'AA:BB' };
      expect(await codeOf(await send(app, notification('1'), { to: 'both', bearer: 'x' }))).toBe(
        'ERR_TOKEN_MALFORMED',
      );
      expect((await send(app, notification('1'), { to: 'both' })).status).toBe(202);
    });

    it('or does not start', () => {
      expect(() => start({}, { open: {} })).toThrow(TypeError);
    });
  });
});
