import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bearerMessage, type BearerVerdict } from '../../../src/simulator/sasl/oauthbearer.ts';
import { domain, startGatekeeper } from '../support/gatekeeper.ts';
import { openRaw, streamHeader, type Raw } from '../support/raw.ts';

const openidConfiguration = 'https://provider.example/.well-known/openid-configuration';
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** What a few tokens are worth. */
const verdicts: Readonly<Record<string, BearerVerdict>> = {
  good: { kind: 'accepted', username: 'juliet' },
  stranger: { kind: 'accepted', username: 'tybalt' },
  'not-enlisted': { kind: 'refused', because: 'not-enlisted' },
};

const asked: string[] = [];
let gatekeeper: Awaited<ReturnType<typeof startGatekeeper>>;
let raw: Raw;

beforeEach(async () => {
  asked.length = 0;
  gatekeeper = await startGatekeeper({
    bearer: {
      openidConfiguration,
      verify: async (token) => {
        asked.push(token);
        return verdicts[token] ?? { kind: 'refused', because: 'invalid' };
      },
    },
  });
  raw = await openRaw(gatekeeper.endpoints.direct);
  raw.write(streamHeader(domain));
  await raw.until(/<\/stream:features>/);
  raw.forget();
});
afterEach(async () => {
  raw.destroy();
  await gatekeeper.close();
});

const auth = (message: string): string =>
  `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='OAUTHBEARER'>${base64(message)}</auth>`;
const response = (message: string): string =>
  `<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>${base64(message)}</response>`;

async function challengeOf(raw: Raw): Promise<unknown> {
  const [, challenge] = /<challenge[^>]*>([^<]*)</.exec(await raw.until(/<\/challenge>/))!;
  return JSON.parse(Buffer.from(challenge!, 'base64').toString());
}

describe('OAUTHBEARER at the gatekeeper', () => {
  it('is offered first, and only where tokens are judged', async () => {
    const other = await startGatekeeper();
    const [with_, without] = await Promise.all(
      [gatekeeper, other].map(async ({ endpoints }) => {
        const one = await openRaw(endpoints.direct);
        one.write(streamHeader(domain));
        const features = await one.until(/<\/stream:features>/);
        one.destroy();
        return [...features.matchAll(/<mechanism>([^<]*)</g)].map(([, name]) => name);
      }),
    );
    expect(with_).toEqual(['OAUTHBEARER', 'SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN']);
    expect(without).toEqual(['SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN']);
    await other.close();
  });

  it('logs in the subject of the token', async () => {
    const client = await gatekeeper.logIn('juliet', { token: 'good', resource: 'balcony' });
    expect([client.jid, asked]).toEqual([`juliet@${domain}/balcony`, ['good']]);
  });

  it.each([
    ['a token that is refused', 'n,,\x01auth=Bearer bad\x01\x01', 'invalid_token'],
    ['a user who has not enlisted', 'n,,\x01auth=Bearer not-enlisted\x01\x01', 'insufficient_scope'],
    ['an unknown user', 'n,,\x01auth=Bearer stranger\x01\x01', 'insufficient_scope'],
    ['no token', 'n,,\x01host=x\x01\x01', 'invalid_request'],
    ['two tokens', 'n,,\x01auth=Bearer good\x01auth=Bearer good\x01\x01', 'invalid_request'],
    ['another scheme', 'n,,\x01auth=Basic Zm9v\x01\x01', 'invalid_request'],
    ['a bound channel', 'p=tls-exporter,,\x01auth=Bearer good\x01\x01', 'invalid_request'],
    ['a message cut short', 'n,,\x01auth=Bearer good\x01', 'invalid_request'],
  ])('states the reason in JSON, and fails once that is acknowledged: %s', async (_, message, status) => {
    raw.write(auth(message));
    expect(await challengeOf(raw)).toEqual({ status, 'openid-configuration': openidConfiguration });
    raw.write(response('\x01'));
    await raw.until(/<failure [^>]*><not-authorized\/><\/failure>/);
  });

  it('accepts no second token in place of the acknowledgement', async () => {
    raw.write(auth('n,,\x01auth=Bearer bad\x01\x01'));
    await challengeOf(raw);
    raw.write(response('n,,\x01auth=Bearer good\x01\x01'));
    await raw.until(/<malformed-request\/>/);
    expect(asked).toEqual(['bad']);
  });

  it('allows no user to act for another', async () => {
    raw.write(auth(bearerMessage('good', { authzid: `romeo@${domain}` }).toString()));
    await raw.until(/<invalid-authzid\/>/);
  });

  it('ignores input while it verifies', async () => {
    raw.write(auth('n,,\x01auth=Bearer good\x01\x01') + response('\x01'));
    expect(await raw.closed()).toMatch(/<not-authorized /);
  });

  it('sends the client the status', async () => {
    const refused = gatekeeper.logIn('juliet', { token: 'not-enlisted' });
    await expect(refused).rejects.toThrow('the server answers insufficient_scope');
  });

  it('refuses any password of a user without one', async () => {
    const other = await startGatekeeper({ users: [{ username: 'juliet' }] });
    await expect(other.logIn('juliet', { password: '' })).rejects.toThrow('not-authorized');
    await other.close();
  });
});
