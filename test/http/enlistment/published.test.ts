import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createExchange } from '../../../src/http/calls/exchange.ts';
import { createEnlistments } from '../../../src/http/enlistment/enlistments.ts';
import type { EnlistmentGatekeeper } from '../../../src/http/enlistment/gatekeeper.ts';
import type { HttpEvent } from '../../../src/http/events.ts';
import { defaultHttpLimits } from '../../../src/http/limits.ts';
import { createPublicApp } from '../../../src/http/public.ts';
import { createOwnershipVerifier } from '../../../src/http/tokens/ownership-proof.ts';
import { heldKeys } from '../../../src/http/tokens/verification-keys.ts';
import { Sensitive } from '../../../src/stanza/sensitive.ts';
import { memoryState } from '../../support/state.ts';
import { jwks, makeKey, sign } from '../support/issuer.ts';
import { codeOf, startParty, type Answer, type Party } from '../support/party.ts';
import { policyOf } from '../support/policy.ts';

const provider = makeKey('2026-11', 'RS256');
const { exchange, close } = createExchange();
const socket = {};
const bindings = { incoming: { rawHeaders: [], url: '/' }, connection: socket };
const enlisted: Answer = {
  status: 200,
  headers: { 'set-cookie': 'gk=1', server: 'gk/3' },
  body: '{"status":"ok","login":"77-4930901820@interop"}',
};
/** Sizes as published, written down a second time. */
const sizes = { e_keytype: 1, e_regid: 4, e_ident: 32, e_skey_id: 3, e_skey_val: 32, e_skey_sig: 64 };

function signalKeys(): Record<string, string> {
  const keys = Object.entries(sizes).map(([name, bytes]) => [name, randomBytes(bytes).toString('base64url')]);
  return Object.fromEntries(keys) as Record<string, string>;
}

describe('enlistment by the published form', () => {
  let gatekeeper: Party;
  let events: HttpEvent[];
  let app: ReturnType<typeof createPublicApp>;
  let region: { readonly country: string; readonly subdivision: string } | undefined;
  let stored: string[];
  let keys: Record<string, string>;

  beforeEach(async () => {
    gatekeeper = await startParty(() => enlisted);
    events = [];
    stored = [];
    region = undefined;
    keys = signalKeys();
    const report = (event: HttpEvent): void => void events.push(event);
    const limits = { ...defaultHttpLimits, enlistmentTimeoutMs: 1_000, enlistmentConcurrentMax: 2 };
    const ownership = createOwnershipVerifier({
      issuer: 'https://provider.example',
      audiences: ['https://gatekeeper.example'],
      algorithms: ['RS256'],
      types: ['jwt'],
      keys: heldKeys(jwks(provider)),
      lifetimeMaxS: 600,
      clockToleranceS: 5,
      limits,
      now: Date.now,
      claimsAllowed: ['filler'],
      claimsUnlisted: 'flag',
      nonceRequired: true,
    });
    const url = new URL('/3p/interop_reg', gatekeeper.url);
    const state = memoryState({}, Date.now);
    const note = (kind: string, name: string, value: Uint8Array, _ttlMs: number): void =>
      void stored.push(`${kind} ${name} ${Buffer.from(value).toString('latin1')}`);
    const form = {
      protocol: 'chat-channel',
      url,
      exchange,
      authkey: (subject: Sensitive<string>) => Buffer.alloc(32, subject.reveal()),
      version: { field: 'version', value: '1.0.3' },
      integrator: '77',
    } as const;
    const enlistments = createEnlistments({
      gatekeepers: new Map<string, EnlistmentGatekeeper>([
        ['gk', form],
        ['near', { ...form, regions: ['AT'] }],
        ['down', { ...form, url: new URL('http://127.0.0.1:1/') }],
        ['ours', { protocol: 'xmpp', url, exchange, answerMembers: [] }],
      ]),
      ownership,
      regionOf: () => region && new Sensitive(region),
      attest: async () => 'attestation',
      policy: policyOf({ 'http.user-agent': () => 'Narthex' }),
      report,
      now: Date.now,
      limits,
      state: {
        ...state,
        shared: state.shared,
        epoch: state.epoch,
        get: (...record) => state.get(...record),
        delete: (...record) => state.delete(...record),
        set: (...record) => {
          note(...record);
          return state.set(...record);
        },
        claim: (...record) => {
          note(...record);
          return state.claim(...record);
        },
      },
    });
    app = createPublicApp({ enlistments, report, limits });
  });
  afterEach(async () => {
    close();
    await gatekeeper.close();
  });

  const proof = (claims: Record<string, unknown> = {}): Promise<string> => {
    const iat = Math.floor(Date.now() / 1000);
    const aud = 'https://gatekeeper.example';
    const usual = { iss: 'https://provider.example', aud, sub: 'juliet', iat, exp: iat + 300, nonce: 'n-1' };
    return sign({ key: provider, claims: { ...usual, ...claims } });
  };

  const form = async (changed: Record<string, string | undefined> = {}): Promise<string> => {
    const fields = { gatekeeper: 'gk', ...keys, token: await proof(), ...changed };
    const present = Object.entries(fields).filter(([, value]) => value !== undefined);
    return present.map(([name, value]) => `${name}=${value}`).join('&');
  };

  const post = async (body?: string, headers: Record<string, string> = {}): Promise<Response> =>
    app.request(
      '/enlistments',
      {
        method: 'POST',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          cookie: 'c=1',
          'user-agent': 'JulietPhone/1',
          ...headers,
        },
        body: body ?? (await form()),
      },
      bindings,
    );

  it('sends the gatekeeper the form with the derived key and the version, in an order of its own', async () => {
    const token = await proof();
    const reversed = (await form({ token })).split('&').toReversed().join('&');
    await post(reversed);
    const [seen] = gatekeeper.received;
    expect([seen!.method, seen!.path]).toEqual(['POST', '/3p/interop_reg']);
    expect([...new URLSearchParams(seen!.body)]).toEqual([
      ['authkey', Buffer.alloc(32, 'juliet').toString('base64url')],
      ...Object.entries(keys),
      ['token', token],
      ['version', '1.0.3'],
    ]);
    expect(seen!.body).not.toContain('%');
    expect(seen!.headers).toEqual({
      accept: 'application/json',
      connection: 'keep-alive',
      'connection-signals': 'attestation',
      'content-length': String(seen!.body.length),
      'content-type': 'application/x-www-form-urlencoded',
      host: gatekeeper.url.host,
      'user-agent': 'Narthex',
    });
  });

  it('gives the client the login, and keeps it nowhere', async () => {
    const answer = await post();
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { status: 'ok', login: '77-4930901820@interop' },
    ]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.has('set-cookie')).toBe(false);
    expect(stored).toHaveLength(1);
    expect(stored.join() + JSON.stringify(events)).not.toMatch(/4930901820|juliet/);
  });

  it('asks the gatekeeper anew when a form is sent again', async () => {
    const body = await form();
    expect((await post(body)).status).toBe(200);
    expect((await post(body)).status).toBe(200);
    expect(gatekeeper.received).toHaveLength(2);
  });

  it('takes a nonce for one form', async () => {
    const token = await proof();
    await post(await form({ token }));
    keys = signalKeys();
    expect(await codeOf(await post(await form({ token })))).toBe('ERR_TOKEN_REPLAYED');
    expect(gatekeeper.received).toHaveLength(1);
  });

  it.each<[code: string, status: number, answer: Answer]>([
    ['ERR_ENLISTMENT_INTEGRATOR', 502, { status: 200, body: '{"status":"fail","reason":"bad_integrator"}' }],
    ['ERR_ENLISTMENT_REFUSED', 403, { status: 200, body: '{"status":"fail","reason":"juliet"}' }],
    ['ERR_ENLISTMENT_REFUSED', 403, { status: 200, body: '{"status":"fail"}' }],
    ['ERR_ENLISTMENT_REFUSED', 403, { status: 200, body: '{"status":"fail","reason":["bad_integrator"]}' }],
    ['ERR_ENLISTMENT_REFUSED', 403, { status: 200, body: '{"status":"fail","login":"77-1@interop"}' }],
    ['ERR_ENLISTMENT_REFUSED', 403, { status: 400 }],
    ['ERR_ENLISTMENT_API_BUSY', 503, { status: 429 }],
    ['ERR_ENLISTMENT_API_ANSWER', 502, { status: 500 }],
    ['ERR_ENLISTMENT_API_ANSWER', 502, { status: 302, headers: { location: 'http://127.0.0.1:1/' } }],
    ['ERR_ENLISTMENT_API_ANSWER', 502, { ...enlisted, status: 201 }],
    ['ERR_ENLISTMENT_API_ANSWER', 502, { status: 204 }],
    ['ERR_ENLISTMENT_API_ANSWER', 502, { status: 200, body: 'ok' }],
    ['ERR_ENLISTMENT_API_ANSWER', 502, { status: 200, body: '{"status":"ok"}' }],
    ['ERR_ENLISTMENT_API_ANSWER', 502, { status: 200, body: '{"login":"77-1@interop"}' }],
    ['ERR_ENLISTMENT_API_ANSWER', 502, { status: 200, body: '{"status":"OK","login":"77-1@interop"}' }],
    ['ERR_ENLISTMENT_API_ANSWER', 502, { status: 200, body: '{"status":"ok","login":"78-1@interop"}' }],
    ['ERR_ENLISTMENT_API_ANSWER', 502, { status: 200, body: '{"status":"ok","login":"77-@interop"}' }],
    ['ERR_ENLISTMENT_API_ANSWER', 502, { status: 200, body: '{"status":"ok","login":"77-1@interop "}' }],
    [
      'ERR_ENLISTMENT_API_ANSWER',
      502,
      { status: 200, body: '{"status":"ok","login":"77-1@s.whatsapp.net"}' },
    ],
    ['ERR_ENLISTMENT_API_ANSWER', 502, { status: 200, body: '{"status":"ok","login":77}' }],
    [
      'ERR_ENLISTMENT_API_ANSWER',
      502,
      { status: 200, body: '{"status":"fail","status":"ok","login":"77-1@interop"}' },
    ],
    ['ERR_ENLISTMENT_API_ANSWER', 502, { status: 200, body: `{"status":"${'x'.repeat(20_000)}"}` }],
    ['ERR_ENLISTMENT_API_TIMEOUT', 504, { ...enlisted, delayMs: 2_000 }],
  ])('says %s with %i when the gatekeeper answers %j', async (code, status, answer) => {
    gatekeeper.answer = () => answer;
    const seen = await post();
    const text = await seen.text();
    expect(seen.status).toBe(status);
    expect(text).toContain(`"${code}"`);
    expect(text + JSON.stringify(events)).not.toMatch(/juliet|bad_integrator|@interop/);
  });

  it('reports that the gatekeeper is down', async () => {
    expect(await codeOf(await post(await form({ gatekeeper: 'down' })))).toBe(
      'ERR_ENLISTMENT_API_UNREACHABLE',
    );
  });

  it.each<[code: string, what: string, body: () => Promise<string>]>([
    ['ERR_HTTP_MEMBER', 'authkey, which is the proxy’s', () => form({ authkey: 'A'.repeat(43) })],
    ['ERR_HTTP_MEMBER', 'version, which is the proxy’s', () => form({ version: '9' })],
    ['ERR_HTTP_MEMBER', 'an unknown field', () => form({ phone: '4930' })],
    ['ERR_HTTP_MEMBER', 'no gatekeeper', () => form({ gatekeeper: undefined })],
    ['ERR_HTTP_MEMBER', 'no token', () => form({ token: undefined })],
    ['ERR_HTTP_FORM', 'a field twice', async () => `${await form()}&e_regid=AAAAAA`],
    ['ERR_HTTP_FORM', 'an empty field', async () => `${await form()}&`],
    ['ERR_HTTP_FORM', 'a name alone', async () => `${await form()}&phone`],
    ['ERR_HTTP_FORM', 'an escape', () => form({ gatekeeper: 'g%6b' })],
    ['ERR_HTTP_FORM', 'a plus sign', () => form({ gatekeeper: 'g+k' })],
    ['ERR_HTTP_FORM', 'padding', () => form({ e_keytype: 'BQ==' })],
    ['ERR_HTTP_FORM', 'a line break', async () => `${await form()}\r\n`],
    ['ERR_HTTP_FORM', 'a letter beyond ASCII', () => form({ gatekeeper: 'gké' })],
    ['ERR_HTTP_FORM', 'no fields', async () => '&'],
    ['ERR_HTTP_BODY_TOO_LARGE', 'more than a body may hold', () => form({ token: 'x'.repeat(20_000) })],
    ['ERR_TOKEN_TOO_LARGE', 'a token of 4,097 bytes', () => form({ token: 'x'.repeat(4_097) })],
    ['ERR_TOKEN_MALFORMED', 'a token that is none', () => form({ token: 'x' })],
    [
      'ERR_TOKEN_SIGNATURE',
      'a forged token',
      async () => form({ token: `${(await proof()).slice(0, -8)}AAAAAAAA` }),
    ],
    ['ERR_TOKEN_CLAIM_MISSING', 'no subject', async () => form({ token: await proof({ sub: '' }) })],
    [
      'ERR_TOKEN_CLAIM_MISSING',
      'half a character',
      async () => form({ token: await proof({ sub: '\ud800' }) }),
    ],
    ['ERR_GATEKEEPER_UNKNOWN', 'no such gatekeeper', () => form({ gatekeeper: 'other' })],
    ['ERR_ENLISTMENT_SHAPE', 'a gatekeeper of the other protocol', () => form({ gatekeeper: 'ours' })],
    ['ERR_ENLISTMENT_REGION', 'from elsewhere', () => form({ gatekeeper: 'near' })],
  ])('refuses with %s: %s', async (code, _, body) => {
    const answer = await post(await body());
    expect(await codeOf(answer)).toBe(code);
    expect(gatekeeper.received).toEqual([]);
    expect(events).toEqual([expect.objectContaining({ event: 'answered', route: '/enlistments', code })]);
  });

  it.each(Object.entries(sizes))('refuses %s unless it has %i bytes in base64url', async (field, bytes) => {
    const value = keys[field]!;
    const last = value.at(-1)!;
    const wrong = [
      randomBytes(bytes + 1).toString('base64url'),
      randomBytes(bytes - 1).toString('base64url'),
      `${value}.`,
      // Sets a bit that no byte uses, where there is one.
      ...(bytes % 3 === 0 ? [] : [value.slice(0, -1) + String.fromCharCode(last.charCodeAt(0) + 1)]),
    ];
    for (const each of wrong) {
      const answer = await post(await form({ [field]: each }));
      expect([each, await answer.json()]).toEqual([
        each,
        expect.objectContaining({ code: 'ERR_ENLISTMENT_KEY', keyBytes: bytes }),
      ]);
    }
    expect(await codeOf(await post(await form({ [field]: undefined })))).toBe('ERR_HTTP_MEMBER');
    expect(gatekeeper.received).toEqual([]);
  });

  it('takes a token of 4,096 bytes', async () => {
    let filler = 4_096;
    let token = await proof({ filler: 'x'.repeat(filler) });
    while (token.length > 4_096) token = await proof({ filler: 'x'.repeat((filler -= 1)) });
    expect(token.length).toBeGreaterThan(4_090);
    expect((await post(await form({ token }))).status).toBe(200);
  });

  it('refuses JSON for such a gatekeeper, and other media types', async () => {
    const json = { 'content-type': 'application/json', 'idempotency-key': '8e03978e-40d5-43dd-bc93' };
    expect(await codeOf(await post('{"gatekeeper":"gk"}', json))).toBe('ERR_ENLISTMENT_SHAPE');
    const encoded = { 'content-encoding': 'gzip' };
    expect(await codeOf(await post(undefined, encoded))).toBe('ERR_HTTP_BODY_TYPE');
    expect(gatekeeper.received).toEqual([]);
  });

  it('does not withdraw: that is a request over the chat channel', async () => {
    const id = Buffer.from('77-1@interop').toString('base64url');
    const answer = await app.request(`/enlistments/gk~${id}`, { method: 'DELETE' }, bindings);
    expect([answer.status, await codeOf(answer)]).toEqual([409, 'ERR_ENLISTMENT_WITHDRAWAL']);
  });

  it('refuses more at once than its limit', async () => {
    gatekeeper.answer = () => ({ ...enlisted, delayMs: 50 });
    const answers = await Promise.all(
      ['a', 'b', 'c'].map(async (sub) => post(await form({ token: await proof({ sub, nonce: sub }) }))),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(2);
    expect(answers.filter(({ status }) => status === 503)).toHaveLength(1);
  });
});
