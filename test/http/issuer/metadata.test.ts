import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createExchange } from '../../../src/http/calls/exchange.ts';
import { createIssuerMetadata } from '../../../src/http/issuer/metadata.ts';
import { defaultHttpLimits } from '../../../src/http/limits.ts';
import { createPublicApp } from '../../../src/http/public.ts';
import type { JsonObject } from '../../../src/http/strict-json.ts';
import { heldKeys, remoteKeys } from '../../../src/http/tokens/verification-keys.ts';
import { jwks, makeKey } from '../support/issuer.ts';
import { startParty, type Party, type Received } from '../support/party.ts';

const theirs = makeKey('provider-1');
const ours = makeKey('attestation-1');
const issuer = 'https://provider.example';
const configuration = {
  issuer,
  jwks_uri: 'https://provider.example/keys',
  authorization_endpoint: 'https://login.internal.provider.example/',
  id_token_signing_alg_values_supported: ['ES256'],
  subject_types_supported: ['public'],
};
const limits = { ...defaultHttpLimits, documentTimeoutMs: 1_000 };

describe('issuer metadata', () => {
  let provider: Party;
  let documents: { configuration: unknown; keys: JsonObject };
  let own: JsonObject[];
  let now: number;
  let app: ReturnType<typeof createPublicApp>;
  const { exchange, close } = createExchange();

  beforeEach(async () => {
    documents = { configuration, keys: jwks(theirs) };
    own = [ours.jwk];
    now = 1_000_000_000;
    const answer = ({ path }: Received) => ({
      status: 200,
      body: JSON.stringify(path === '/keys' ? documents.keys : documents.configuration),
    });
    provider = await startParty(answer);
    const clock = (): number => now;
    const metadata = createIssuerMetadata({
      issuer,
      configurationUrl: new URL('/configuration', provider.url),
      publicJwksUrl: new URL('https://proxy.example/.well-known/jwks.json'),
      providerKeys: remoteKeys({ url: new URL('/keys', provider.url), exchange, limits, now: clock }),
      attestationKeys: () => own,
      exchange,
      now: clock,
      limits,
    });
    app = createPublicApp({ issuer: metadata, report: () => {}, limits });
  });
  afterEach(async () => {
    close();
    await provider.close();
  });

  const keys = async (): Promise<{ keys: JsonObject[] }> =>
    (await (await app.request('/.well-known/jwks.json')).json()) as { keys: JsonObject[] };

  it('names the issuer and where we serve its keys, and nothing a verifier does not need', async () => {
    const answer = await app.request('/.well-known/openid-configuration');
    expect(await answer.json()).toEqual({
      issuer,
      jwks_uri: 'https://proxy.example/.well-known/jwks.json',
      id_token_signing_alg_values_supported: ['ES256'],
      subject_types_supported: ['public'],
    });
    expect(answer.headers.get('cache-control')).toBe('public, max-age=300');
  });

  it('publishes both kinds of keys, distinguished by use', async () => {
    expect((await keys()).keys.map(({ kid, use }) => [kid, use])).toEqual([
      ['provider-1', 'sig'],
      ['attestation-1', 'attestation'],
    ]);
  });

  it('does not let an attestation key verify an ownership proof', async () => {
    const verifier = heldKeys(await keys());
    expect(await verifier.find('provider-1')).toBeDefined();
    expect(await verifier.find('attestation-1')).toBeUndefined();
  });

  it('leaks no private member, theirs or ours', async () => {
    const leaky = makeKey('leaky');
    documents.keys = {
      keys: [{ ...(leaky.privateKey.export({ format: 'jwk' }) as JsonObject), kid: 'leaky' }],
    };
    own = [ours.privateKey.export({ format: 'jwk' }) as JsonObject].map((jwk) => ({ ...jwk, kid: 'own' }));
    const published = (await keys()).keys;
    expect(published.map(({ kid }) => kid)).toEqual(['leaky', 'own']);
    expect(published.some((jwk) => 'd' in jwk)).toBe(false);
  });

  it('publishes nothing when two keys have one id', async () => {
    own = [{ ...ours.jwk, kid: 'provider-1' }];
    expect((await app.request('/.well-known/jwks.json')).status).toBe(503);
  });

  it('serves on while the provider is down, for a shorter while at a time', async () => {
    await app.request('/.well-known/openid-configuration');
    await keys();
    await provider.close();
    now += limits.documentFreshMs;
    for (const path of ['/.well-known/openid-configuration', '/.well-known/jwks.json']) {
      const answer = await app.request(path);
      expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'public, max-age=30']);
    }
    now += limits.documentStaleMs;
    expect((await app.request('/.well-known/openid-configuration')).status).toBe(503);
    expect((await app.request('/.well-known/jwks.json')).status).toBe(503);
  });

  it('does not take metadata of another issuer', async () => {
    documents.configuration = { ...configuration, issuer: 'https://evil.example' };
    const answer = await app.request('/.well-known/openid-configuration');
    expect(await answer.json()).toMatchObject({ code: 'ERR_METADATA_UNAVAILABLE' });
  });
});
