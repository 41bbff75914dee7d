import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import type { Account, Accounts } from '../../../src/simulator/server/accounts.ts';
import { createAccounts } from '../../../src/simulator/server/accounts.ts';
import type { SaslStep } from '../../../src/simulator/sasl/mechanism.ts';
import { plainExchange } from '../../../src/simulator/sasl/plain.ts';
import { scramClient } from '../../../src/simulator/sasl/scram-client.ts';
import { scramExchange, type ChannelBinding } from '../../../src/simulator/sasl/scram-server.ts';
import {
  deriveCredentials,
  deriveKeys,
  digest,
  escapeName,
  hmac,
  unescapeName,
  xor,
} from '../../../src/simulator/sasl/scram.ts';

/** RFC 5802 §5 and RFC 7677 §3. */
const vectors = [
  {
    hash: 'sha1',
    clientNonce: 'fyko+d2lbbFgONRv9qkxdawL',
    serverNonce: '3rfcNHYJY1ZVvWVs7j',
    salt: 'QSXCR+Q6sek8bf92',
    proof: 'v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
    verifier: 'rmF9pqV8S7suAoZWja4dJRkFsKQ=',
  },
  {
    hash: 'sha256',
    clientNonce: 'rOprNGfwEbeRWgbNEkqO',
    serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
    salt: 'W22ZaJ0SNY7soEsUEjb6gQ==',
    proof: 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    verifier: '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  },
] as const;

const unbound: ChannelBinding = { required: false, advertised: false, data: undefined };

function accountsWithSalt(salt: string): Accounts {
  const real = createAccounts('a.example', [{ username: 'user', password: 'pencil' }], 4096);
  const bytes = Buffer.from(salt, 'base64');
  const account: Account = {
    ...real.find('user')!,
    credentials: {
      sha1: deriveCredentials('sha1', 'pencil', bytes, 4096),
      sha256: deriveCredentials('sha256', 'pencil', bytes, 4096),
    },
  };
  return { ...real, find: (name) => (name === 'user' ? account : undefined) };
}

function answerOf(step: SaslStep): string {
  if (step.kind === 'failure') return `${step.condition}${step.text === undefined ? '' : ` ${step.text}`}`;
  return step.data?.toString() ?? step.kind;
}

describe.each(vectors)('SCRAM with $hash', (vector) => {
  const { hash, clientNonce, serverNonce, salt, proof, verifier } = vector;
  const server = (binding = unbound) =>
    scramExchange(hash, accountsWithSalt(salt), binding, () => serverNonce);
  const client = (password = 'pencil') =>
    scramClient({ hash, username: 'user', password, nonce: clientNonce, channelBinding: 'absent' });
  const serverFirst = `r=${clientNonce}${serverNonce},s=${salt},i=4096`;

  it("computes the RFC's example on both sides", () => {
    const exchange = server();
    const script = client();
    expect(script.first().toString()).toBe(`n,,n=user,r=${clientNonce}`);
    expect(answerOf(exchange.step(script.first()))).toBe(serverFirst);
    const final = script.final(Buffer.from(serverFirst));
    expect(final.toString()).toBe(`c=biws,r=${clientNonce}${serverNonce},p=${proof}`);
    const success = exchange.step(final);
    expect(answerOf(success)).toBe(`v=${verifier}`);
    expect(() => script.verify(Buffer.from(answerOf(success)))).not.toThrow();
  });

  it('refuses a wrong password', () => {
    const exchange = server();
    const script = client('eraser');
    const challenge = Buffer.from(answerOf(exchange.step(script.first())));
    expect(answerOf(exchange.step(script.final(challenge)))).toBe('not-authorized');
  });

  it.each([
    ["another client's nonce", `c=biws,r=other${serverNonce},p=${proof}`, 'not-authorized'],
    ["the client's nonce alone", `c=biws,r=${clientNonce},p=${proof}`, 'not-authorized'],
    ['another gs2 header', `c=eSws,r=${clientNonce}${serverNonce},p=${proof}`, 'not-authorized'],
    ['a proof of another length', `c=biws,r=${clientNonce}${serverNonce},p=AAAA`, 'not-authorized'],
    ['no proof', `c=biws,r=${clientNonce}${serverNonce}`, 'malformed-request'],
    ['a proof that is no base64', `c=biws,r=${clientNonce}${serverNonce},p=?`, 'malformed-request'],
  ])('refuses a final message with %s', (_, final, expected) => {
    const exchange = server();
    exchange.step(client().first());
    expect(answerOf(exchange.step(Buffer.from(final)))).toBe(expected);
  });

  it.each([
    ['no gs2 header', 'n=user,r=abc'],
    ['an unknown flag', 'x,,n=user,r=abc'],
    ['a mandatory extension', 'n,,m=1,n=user,r=abc'],
    ['a bad escape in the name', 'n,,n=us=er,r=abc'],
    ['no name', 'n,,n=,r=abc'],
    ['no nonce', 'n,,n=user'],
    ['an empty nonce', 'n,,n=user,r='],
  ])('refuses a first message with %s', (_, first) => {
    expect(answerOf(server().step(Buffer.from(first)))).toBe('malformed-request');
  });

  it('does not reveal which users exist', () => {
    const accounts = accountsWithSalt(salt);
    const challenge = () =>
      answerOf(scramExchange(hash, accounts, unbound, () => 'S').step(Buffer.from('n,,n=nobody,r=C')));
    expect(challenge()).toMatch(/^r=CS,s=[A-Za-z0-9+/]{22}==,i=4096$/);
    expect(challenge()).toBe(challenge());
  });

  it.each([
    ['user@a.example', /^v=/],
    ['romeo@a.example', /^invalid-authzid$/],
    ['user@a.example/balcony', /^invalid-authzid$/],
  ])('lets a user act as %s: %s', (authzid, expected) => {
    const exchange = server();
    const bare = `n=user,r=${clientNonce}`;
    const challenge = answerOf(exchange.step(Buffer.from(`n,a=${authzid},${bare}`)));
    const channel = Buffer.from(`n,a=${authzid},`).toString('base64');
    const withoutProof = `c=${channel},r=${clientNonce}${serverNonce}`;
    const { clientKey } = deriveKeys(hash, 'pencil', Buffer.from(salt, 'base64'), 4096);
    const signature = hmac(hash, digest(hash, clientKey), `${bare},${challenge},${withoutProof}`);
    const proven = `${withoutProof},p=${xor(clientKey, signature).toString('base64')}`;
    expect(answerOf(exchange.step(Buffer.from(proven)))).toMatch(expected);
  });

  describe('the client', () => {
    it.each([
      ['a nonce that is not a continuation', `r=other${serverNonce},s=${salt},i=4096`],
      ["its own nonce and nothing of the server's", `r=${clientNonce},s=${salt},i=4096`],
      ['fewer rounds than RFC 7677 asks for', `r=${clientNonce}${serverNonce},s=${salt},i=4095`],
      ['one round', `r=${clientNonce}${serverNonce},s=${salt},i=1`],
      ['rounds that would burn minutes', `r=${clientNonce}${serverNonce},s=${salt},i=999999999`],
      ['an empty salt', `r=${clientNonce}${serverNonce},s=,i=4096`],
      ['an error', 'e=unknown-user'],
    ])('refuses %s', (_, challenge) => {
      expect(() => client().final(Buffer.from(challenge))).toThrow(/ERR_SIMULATOR_AUTHENTICATION/);
    });

    it('refuses a server that does not have the password', () => {
      const script = client();
      script.final(Buffer.from(serverFirst));
      expect(() => script.verify(Buffer.from(`v=${proof}`))).toThrow(/ERR_SIMULATOR_AUTHENTICATION/);
      expect(() => script.verify(Buffer.alloc(0))).toThrow(/ERR_SIMULATOR_AUTHENTICATION/);
    });
  });
});

describe('channel binding (RFC 5802 §6)', () => {
  const data = Buffer.alloc(32, 7);
  const accounts = accountsWithSalt(vectors[1].salt);
  const step = (binding: ChannelBinding, first: string) =>
    answerOf(scramExchange('sha256', accounts, binding, () => 'S').step(Buffer.from(`${first},,n=user,r=C`)));
  const plain: ChannelBinding = { required: false, advertised: true, data: undefined };
  const plus: ChannelBinding = { required: true, advertised: true, data };

  it.each([
    ['a stripped offer', plain, 'y', 'not-authorized server-does-support-channel-binding'],
    ['a stripped offer on -PLUS', plus, 'y', 'not-authorized server-does-support-channel-binding'],
    ['no binding on -PLUS', plus, 'n', 'not-authorized channel-bindings-dont-match'],
    ['a binding without -PLUS', plain, 'p=tls-exporter', 'not-authorized channel-binding-not-supported'],
    ['another type', plus, 'p=tls-unique', 'not-authorized unsupported-channel-binding-type'],
  ])('refuses %s', (_, binding, flag, expected) => {
    expect(step(binding, flag)).toBe(expected);
  });

  it('accepts a client that cannot, and one that saw no offer where there is none', () => {
    expect(step(plain, 'n')).toMatch(/^r=CS/);
    expect(step(unbound, 'y')).toMatch(/^r=CS/);
  });

  it.each([
    ['the same session', data, /^v=/],
    ['another session', Buffer.alloc(32, 8), /^not-authorized$/],
  ])('binds to %s', (_, clientData, expected) => {
    const exchange = scramExchange('sha256', accounts, plus, () => 'S');
    const options = { hash: 'sha256', username: 'user', password: 'pencil', nonce: 'C' } as const;
    const script = scramClient({ ...options, channelBinding: clientData });
    const challenge = Buffer.from(answerOf(exchange.step(script.first())));
    expect(answerOf(exchange.step(script.final(challenge)))).toMatch(expected);
  });
});

describe('PLAIN (RFC 4616)', () => {
  const accounts = createAccounts('a.example', [{ username: 'Juliet', password: 'balcony' }], 4096);
  const step = (message: string) => answerOf(plainExchange(accounts).step(Buffer.from(message)));

  it.each([
    ['\0juliet\0balcony', 'success'],
    ['juliet@a.example\0juliet\0balcony', 'success'],
    ['romeo@a.example\0juliet\0balcony', 'invalid-authzid'],
    ['\0juliet\0balcon', 'not-authorized'],
    ['\0nobody\0balcony', 'not-authorized'],
    ['\0juliet\0', 'malformed-request'],
    ['juliet\0balcony', 'malformed-request'],
    ['\0juliet\0balcony\0more', 'malformed-request'],
  ])('answers %j with %s', (message, expected) => {
    expect(step(message)).toBe(expected);
  });

  it('refuses text that is not UTF-8', () => {
    const message = Buffer.from([0, 0xff, 0, 0x61]);
    expect(answerOf(plainExchange(accounts).step(message))).toBe('malformed-request');
  });
});

it('names survive their escaping', () => {
  fc.assert(
    fc.property(fc.string(), (name) => {
      expect(escapeName(name)).not.toContain(',');
      expect(unescapeName(escapeName(name))).toBe(name);
    }),
  );
});
