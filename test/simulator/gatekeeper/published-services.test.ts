import { randomBytes } from 'node:crypto';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChatUsers } from '../../../src/simulator/chat/users.ts';
import type { FormRecord, FormRefusal } from '../../../src/simulator/gatekeeper/published-enlistment.ts';
import {
  startPublishedServices,
  type PublishedServices,
} from '../../../src/simulator/gatekeeper/published-services.ts';
import { answer, header, jsonBody, type HttpAnswer } from '../../../src/simulator/http/message.ts';
import { send } from '../../../src/simulator/http/request.ts';
import { createTokenIssuer, type TokenIssuer } from '../../../src/simulator/token/issuer.ts';
import { startHttps } from '../support/https.ts';

const name = 'gatekeeper.example';
const provider = 'https://provider.example';
const authkey = randomBytes(32);

type Field = readonly [name: string, value: string];

let issuer: TokenIssuer;
let integrator: Awaited<ReturnType<typeof startHttps>>;
let services: PublishedServices;
let users: ChatUsers;
let forms: FormRecord[];
let refusal: FormRefusal | undefined;
let answers: HttpAnswer[];

beforeEach(async () => {
  forms = [];
  answers = [];
  refusal = undefined;
  issuer = await createTokenIssuer(provider);
  users = new ChatUsers(77);
  integrator = await startHttps(({ target }) =>
    target === '/.well-known/oauth/openid/jwks'
      ? answer(200, issuer.jwks())
      : (answers.shift() ?? answer(200)),
  );
  services = await startPublishedServices({
    name,
    pushIssuer: 'WHATSAPP',
    provider,
    users,
    known: (subject) => subject !== 'stranger',
    version: { field: 'version', accepted: ['2.3000'] },
    certificate: integrator.authority.issue(['127.0.0.1']),
    host: '127.0.0.1',
    caller: integrator.caller,
    refusal: () => refusal,
    onForm: (form) => forms.push(form),
  });
  await services.attach(integrator.url);
});
afterEach(async () => {
  await services.close();
  await integrator.close();
});

const encoded = (bytes: number): string => randomBytes(bytes).toString('base64url');

async function form(changed: Record<string, string> = {}): Promise<Field[]> {
  const fields = {
    authkey: authkey.toString('base64url'),
    e_keytype: 'BQ',
    e_regid: encoded(4),
    e_ident: encoded(32),
    e_skey_id: encoded(3),
    e_skey_val: encoded(32),
    e_skey_sig: encoded(64),
    token: await issuer.sign({ subject: 'juliet', audience: name }),
    version: '2.3000',
    ...changed,
  };
  return Object.entries(fields);
}

const post = async (
  fields: readonly Field[],
  { type = 'application/x-www-form-urlencoded', method = 'POST' as 'POST' | 'PUT' } = {},
): Promise<unknown> => {
  const body = Buffer.from(fields.map(([field, value]) => `${field}=${value}`).join('&'));
  const outgoing = {
    method,
    url: services.enlistmentUrl,
    headers: [['Content-Type', type]] as Field[],
    body,
  };
  const { answer: given } = await send(outgoing, integrator.caller);
  return given.status === 200 ? jsonBody(given) : given.status;
};

describe('enlisting by the published form at the simulated gatekeeper', () => {
  it('gives a login, and enlists the key that handshakes must show', async () => {
    const given = (await post(await form())) as { login: string };
    expect(given).toEqual({ status: 'ok', login: expect.stringMatching(/^77-\d+@interop$/) as string });
    const user = users.find(given.login);
    expect([user!.subject, user!.keys.get(0)]).toEqual(['juliet', authkey]);
    expect(await post(await form())).toEqual(given);
    expect(forms.map(({ reason }) => reason)).toEqual([undefined, undefined]);
  });

  const without = (field: string) => async (): Promise<Field[]> =>
    (await form()).filter(([each]) => each !== field);

  it.each<[reason: FormRefusal, what: string, fields: () => Promise<readonly Field[]>]>([
    ['bad_form', 'no authkey', without('authkey')],
    ['bad_form', 'no version', without('version')],
    ['bad_form', 'no token', without('token')],
    ['bad_form', 'a field too many', () => form({ gatekeeper: 'main' })],
    ['bad_form', 'a field twice', async () => [...(await form()), ['e_regid', 'AAAAAA']]],
    ['bad_key', 'authkey of 31 bytes', () => form({ authkey: encoded(31) })],
    ['bad_key', 'a signature of 65 bytes', () => form({ e_skey_sig: encoded(65) })],
    ['bad_key', 'padding', () => form({ e_keytype: 'BQ%3D%3D' })],
    ['bad_key', 'another alphabet', () => form({ e_regid: 'AA%2BAAA' })],
    ['bad_key', 'another kind of key', () => form({ e_keytype: 'Bg' })],
    ['bad_token', 'no token of the provider', () => form({ token: 'a.b.c' })],
    [
      'bad_token',
      'a token for another',
      async () => form({ token: await issuer.sign({ subject: 'juliet', audience: 'x' }) }),
    ],
    ['bad_token', 'a token of 4,097 bytes', () => form({ token: 'x'.repeat(4_097) })],
    ['old_version', 'an old version', () => form({ version: '1' })],
    [
      'unknown_user',
      'a stranger',
      async () => form({ token: await issuer.sign({ subject: 'stranger', audience: name }) }),
    ],
  ])('fails with %s: %s', async (reason, _, fields) => {
    expect(await post(await fields())).toEqual({ status: 'fail', reason });
    expect(forms.at(-1)!.reason).toBe(reason);
    expect(users.bySubject('juliet')).toBeUndefined();
  });

  it('fails for JSON, for another method, and when it is to fail', async () => {
    expect(await post(await form(), { type: 'application/json' })).toEqual({
      status: 'fail',
      reason: 'bad_form',
    });
    expect(await post(await form(), { method: 'PUT' })).toBe(405);
    refusal = 'bad_integrator';
    expect(await post(await form())).toEqual({ status: 'fail', reason: 'bad_integrator' });
  });

  it('follows the keys at the published path', async () => {
    await issuer.rotate();
    expect(await post(await form())).toEqual({ status: 'fail', reason: 'bad_token' });
    await services.fetchKeys();
    expect(await post(await form())).toMatchObject({ status: 'ok' });
    expect(integrator.exchanges.map(({ request }) => request.target)).toEqual([
      '/.well-known/oauth/openid/jwks',
      '/.well-known/oauth/openid/jwks',
    ]);
  });
});

describe('a push in the published shape', () => {
  it('has the recipient alone, and a token by RS256 without a subject', async () => {
    expect(await services.push('juliet')).toEqual({ kind: 'taken', attempts: 1 });
    const { request } = integrator.exchanges.at(-1)!;
    expect([request.method, request.target, jsonBody(request)]).toEqual(['POST', '/push', { to: 'juliet' }]);
    const [, token] = header(request, 'authorization')!.split(' ');
    const keys = jsonBody((await send({ method: 'GET', url: services.jwksUrl }, integrator.caller)).answer);
    const { payload } = await jwtVerify(token!, createLocalJWKSet(keys as never), {
      issuer: 'WHATSAPP',
      audience: integrator.url,
    });
    expect(decodeProtectedHeader(token!).alg).toBe('RS256');
    expect([payload.exp! - payload.iat!, payload.sub]).toEqual([3_600, undefined]);
  });

  it('shows the same token in every attempt, and a new one for the next notification', async () => {
    answers = [answer(503), answer(500)];
    expect(await services.push('juliet')).toMatchObject({ kind: 'taken', attempts: 3 });
    await services.push('juliet');
    const tokens = integrator.exchanges.slice(1).map(({ request }) => header(request, 'authorization'));
    expect([tokens.length, new Set(tokens.slice(0, 3)).size, new Set(tokens).size]).toEqual([4, 1, 2]);
  });
});
