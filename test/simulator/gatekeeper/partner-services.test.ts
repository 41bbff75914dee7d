import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attest, type AttestationBinding } from '../../../src/signals/attestation.ts';
import { SigningKeys } from '../../../src/signals/keys.ts';
import { connectClient } from '../../../src/simulator/client.ts';
import type { EnlistmentRecord } from '../../../src/simulator/gatekeeper/enlistment-api.ts';
import {
  startPartnerServices,
  type PartnerServices,
  type TokenRecord,
} from '../../../src/simulator/gatekeeper/partner-services.ts';
import { answer } from '../../../src/simulator/http/message.ts';
import { createTokenIssuer, type TokenIssuer } from '../../../src/simulator/token/issuer.ts';
import { seededPem } from '../../signals/key-pair.ts';
import { domain, startGatekeeper } from '../support/gatekeeper.ts';
import { sendAttested } from '../support/attested-request.ts';
import { startHttps } from '../support/https.ts';

const signing = await SigningKeys.parse([{ name: 'spring.pem', pem: seededPem(1) }]);
const strangers = await SigningKeys.parse([{ name: 'stranger.pem', pem: seededPem(2) }]);
const name = 'gatekeeper.example';
const provider = 'https://provider.example';
const juliet = `juliet@${domain}`;

/** Where the keys of provider and intermediary are published together. */
type Intermediary = Awaited<ReturnType<typeof startHttps>>;

let issuer: TokenIssuer;
let intermediary: Intermediary;
let services: PartnerServices;
const enlistments: EnlistmentRecord[] = [];
const tokens: TokenRecord[] = [];

beforeEach(async () => {
  enlistments.length = 0;
  tokens.length = 0;
  issuer = await createTokenIssuer(provider);
  intermediary = await startHttps(({ target }) => {
    if (target === '/keys') {
      const own = (signing.jwks()['keys'] as object[]).map((jwk) => ({ ...jwk, use: 'attestation' }));
      return answer(200, { keys: [...issuer.jwks().keys, ...own] });
    }
    return answer(200, { issuer: provider, jwks_uri: `${intermediary.url}/keys` });
  });
  services = await startPartnerServices({
    name,
    provider,
    intermediary: 'proxy.example',
    users: [],
    known: (subject) => subject === juliet,
    certificate: intermediary.authority.issue(['127.0.0.1']),
    host: '127.0.0.1',
    caller: intermediary.caller,
    onEnlistment: (record) => enlistments.push(record),
    onToken: (record) => tokens.push(record),
  });
  await services.attach({ url: intermediary.url, pushUrl: `${intermediary.url}/push/gk` });
});
afterEach(async () => {
  await services.close();
  await intermediary.close();
});

const statement = (binding: AttestationBinding, keys = signing, audience = name): string =>
  attest({ issuer: 'proxy.example', audience, binding, policyDigest: 'digest', signals: {} }, { keys });
const token = (more: object = {}): Promise<string> =>
  issuer.sign({ subject: juliet, audience: name, ...more });

const call = async (
  more: {
    method?: string;
    path?: string;
    token?: string;
    attest?: (binding: AttestationBinding) => string | undefined;
  } = {},
) =>
  sendAttested({
    method: more.method ?? 'POST',
    url: `${services.url}${more.path ?? '/enlistments'}`,
    ca: intermediary.authority.certificate,
    body: { ownershipToken: more.token ?? (await token()) },
    attest: more.attest ?? statement,
  });

describe('enlisting at the gatekeeper', () => {
  it('gives an id, and one of its own; a second time the same', async () => {
    const first = await call();
    const second = await call();
    expect(first).toMatchObject({ status: 201, body: { status: 'active' } });
    expect(second).toEqual({ status: 200, body: first.body });
    expect(enlistments[0]).toMatchObject({
      request: 'enlist',
      token: { kind: 'valid', subject: juliet },
      attestation: { kind: 'accepted', bindingChecked: true },
      status: 201,
    });
  });

  it('accepts no token of another party, and then does not verify the attestation', async () => {
    const other = await createTokenIssuer(provider);
    expect(await call({ token: await other.sign({ subject: juliet, audience: name }) })).toMatchObject({
      status: 401,
      body: { error: 'unknown-key' },
    });
    expect(await call({ token: await token({ audience: 'other.example' }) })).toMatchObject({ status: 401 });
    expect(enlistments.map(({ attestation }) => attestation)).toEqual([undefined, undefined]);
  });

  it.each([
    ['none', () => undefined, 'ERR_ATTESTATION_MISSING'],
    [
      'one of another key',
      (binding: AttestationBinding) => statement(binding, strangers),
      'ERR_ATTESTATION_UNKNOWN_KEY',
    ],
    [
      'one for another gatekeeper',
      (binding: AttestationBinding) => statement(binding, signing, 'other'),
      'ERR_ATTESTATION_AUDIENCE',
    ],
    [
      'one of another connection',
      () => statement({ kind: 'tls-exporter', value: Buffer.alloc(32, 1) }),
      'ERR_ATTESTATION_BINDING',
    ],
  ])('needs an attestation of this connection: %s', async (_, make, code) => {
    expect(await call({ attest: make })).toEqual({ status: 403, body: { error: 'attestation' } });
    expect(enlistments[0]?.attestation).toMatchObject({ kind: 'refused', code });
  });

  it('is for users it can serve', async () => {
    const stranger = await token({ subject: `tybalt@${domain}` });
    expect(await call({ token: stranger })).toEqual({ status: 403, body: { error: 'unknown-user' } });
  });

  it('can be withdrawn by the user, once', async () => {
    const { body } = await call();
    const path = `/enlistments/${encodeURIComponent(String(body?.['id']))}`;
    const other = await token({ subject: `tybalt@${domain}` });
    expect((await call({ method: 'DELETE', path, token: other })).status).toBe(403);
    expect((await call({ method: 'DELETE', path: '/enlistments/e%2Fother' })).status).toBe(404);
    expect((await call({ method: 'DELETE', path })).status).toBe(204);
    expect((await call({ method: 'DELETE', path })).status).toBe(404);
  });
});

describe('connecting with the token', () => {
  it('is for enlisted users', async () => {
    const server = await startGatekeeper({ users: [{ username: 'juliet' }], bearer: services.bearer });
    const connect = async () =>
      connectClient({ endpoint: server.endpoints.direct, username: 'juliet', token: await token() });
    await expect(connect()).rejects.toThrow('insufficient_scope');
    await call();
    const client = await connect();
    client.destroy();
    const expired = connectClient({
      endpoint: server.endpoints.direct,
      username: 'juliet',
      token: await token({ lifetimeS: -60 }),
    });
    await expect(expired).rejects.toThrow('invalid_token');
    expect(client.jid).toMatch(`${juliet}/`);
    expect(
      tokens.map(({ check, enlisted }) => [check.kind === 'refused' ? check.fault : check.kind, enlisted]),
    ).toEqual([
      ['valid', false],
      ['valid', true],
      ['expired', false],
    ]);
    await server.close();
  });
});
