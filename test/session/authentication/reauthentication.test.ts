import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { channelBindingGuard } from '../../../src/session/negotiation/channel-binding.ts';
import { negotiationGuard } from '../../../src/session/negotiation/guard.ts';
import type { OwnershipVerdict } from '../../../src/session/authentication/ownership.ts';
import { reauthentication } from '../../../src/session/authentication/reauthentication.ts';
import { noClaims } from '../../../src/stanza/ownership-claims.ts';
import { Sensitive } from '../../../src/stanza/sensitive.ts';
import { Legs } from '../legs.ts';

const sasl = 'urn:ietf:params:xml:ns:xmpp-sasl';
const sasl2 = 'urn:xmpp:sasl:2';
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const juliet = 'juliet@capulet.example';

/** Tokens that the verifier of these tests knows; anything else is refused. */
const tokens: Readonly<Record<string, OwnershipVerdict>> = {
  'juliets.own.token': { kind: 'owned', subject: new Sensitive(juliet), claims: noClaims },
  'romeos.own.token': { kind: 'owned', subject: new Sensitive('romeo@capulet.example'), claims: noClaims },
  'while.keys.unreachable': { kind: 'unavailable' },
};
const presented = base64('n,,\x01auth=Bearer juliets.own.token\x01\x01');

/** Client and gatekeeper on both sides of the guard and of reauthentication. */
class Conversation {
  readonly #legs: Legs;
  readonly concluded: string[] = [];
  readonly verified: string[] = [];
  /** Codes of the refusals that a support code was made for. */
  readonly supported: string[] = [];
  verifier = async (token: string): Promise<OwnershipVerdict> =>
    tokens[token] ?? { kind: 'refused', code: 'ERR_TOKEN_SIGNATURE' };

  constructor() {
    this.#legs = new Legs({
      phase: 'authenticating',
      channelBinding: 'reauthenticate',
      stages: [
        negotiationGuard,
        channelBindingGuard,
        reauthentication({
          attemptsMax: 3,
          verify: (token) => {
            this.verified.push(token.reveal());
            return this.verifier(token.reveal());
          },
          concluded: (gatekeeper, outcome, code) =>
            this.concluded.push([gatekeeper, outcome, code].filter(Boolean).join(' ')),
          supportCode: (code) => {
            this.supported.push(code);
            return '7K3M-Q9XW';
          },
        }),
      ],
    });
  }

  /** What the session knows of its account. */
  get account(): string {
    return this.#legs.facts.account;
  }

  set account(account: string) {
    this.#legs.facts.account = account;
  }

  client(xml: string): Promise<void> {
    return this.#say('to-gatekeeper', xml);
  }

  gatekeeper(xml: string): Promise<void> {
    return this.#say('to-client', xml);
  }

  async #say(direction: 'to-gatekeeper' | 'to-client', xml: string): Promise<void> {
    try {
      this.#legs.read(direction, xml);
    } catch (error) {
      // As a session does.
      this.end();
      throw error;
    } finally {
      // Verification takes its time.
      await new Promise(setImmediate);
    }
  }

  /** What this side has heard since it was last asked. */
  heardBy(side: 'client' | 'gatekeeper'): string {
    const out = this.#legs.out[side === 'client' ? 'to-client' : 'to-gatekeeper'];
    return out.splice(0).join('');
  }

  end(): void {
    void this.#legs.relay.end();
  }

  /** The gatekeeper offers something, and the client has heard of it. */
  async offered(features: string): Promise<string> {
    await this.gatekeeper(`<stream:features>${features}</stream:features>`);
    return this.heardBy('client');
  }
}

const mechanisms = (...names: string[]): string =>
  `<mechanisms xmlns='${sasl}'>${names.map((name) => `<mechanism>${name}</mechanism>`).join('')}</mechanisms>`;
const offer = mechanisms('SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256', 'OAUTHBEARER', 'PLAIN');
const binding = `<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/></sasl-channel-binding>`;
/** SASL 2, which the proxy serves where the gatekeeper has SASL 1 only. */
const inlineOffer =
  `<authentication xmlns='${sasl2}'><mechanism>OAUTHBEARER</mechanism><mechanism>PLAIN</mechanism><inline>` +
  `<bind xmlns='urn:xmpp:bind:0'><inline><feature var='urn:xmpp:sm:3'/></inline></bind><sm xmlns='urn:xmpp:sm:3'/>` +
  `</inline></authentication>`;
const auth = (mechanism: string, message: string): string =>
  `<auth xmlns='${sasl}' mechanism='${mechanism}'>${message}</auth>`;
const bearer = (token: string, header = 'n,,'): string =>
  auth('OAUTHBEARER', base64(`${header}\x01auth=Bearer ${token}\x01\x01`));
const plain = (token: string, authcid = 'juliet', authzid = ''): string =>
  auth('PLAIN', base64(`${authzid}\0${authcid}\0${token}`));
const failure = (condition: string, text = ''): string =>
  `<failure xmlns='${sasl}'><${condition} xmlns='${sasl}'/>${text}</failure>`;

/** A failure of the proxy's own. */
const refusal = (condition: string): string =>
  failure(condition, "<text xml:lang='en'>Support code 7K3M-Q9XW.</text>");

/** The code that is kept with the support code, by what is logged. */
function keptCode(outcome: string): string {
  const [word = '', code] = outcome.split(' ');
  const codes: Readonly<Record<string, string>> = {
    malformed: 'ERR_AUTHENTICATION_MALFORMED',
    'other-subject': 'ERR_AUTHENTICATION_SUBJECT',
    unavailable: 'ERR_AUTHENTICATION_UNAVAILABLE',
  };
  return code ?? codes[word]!;
}

async function conversation(features = offer): Promise<Conversation> {
  const talk = new Conversation();
  await talk.offered(features);
  return talk;
}

describe('the offer', () => {
  it('has the mechanisms that carry the token, whatever else the gatekeeper offers, and no channel binding', async () => {
    const talk = new Conversation();
    const version = "<config-version xmlns='urn:xmpp:iap:0' value='v'/>";
    expect(await talk.offered(`${offer}${binding}${version}<x xmlns='urn:other'/>`)).toBe(
      `<stream:features><mechanisms xmlns='${sasl}'><mechanism xmlns='${sasl}'>OAUTHBEARER</mechanism>` +
        `<mechanism xmlns='${sasl}'>PLAIN</mechanism></mechanisms><x xmlns='urn:other'/>${inlineOffer}</stream:features>`,
    );
  });

  it('has SASL 2 where the gatekeeper has it, with the inline requests that do not outlive the token', async () => {
    const talk = new Conversation();
    const own = [`OAUTHBEARER`, `PLAIN`].map((name) => `<mechanism xmlns='${sasl2}'>${name}</mechanism>`);
    expect(
      await talk.offered(
        `<authentication xmlns='${sasl2}'><mechanism>SCRAM-SHA-1-PLUS</mechanism><mechanism>OAUTHBEARER</mechanism>` +
          `<inline><bind xmlns='urn:xmpp:bind:0'/><fast xmlns='urn:xmpp:fast:0'><mechanism>HT-SHA-256-NONE</mechanism></fast></inline>` +
          `<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-SHA-512</upgrade></authentication>${mechanisms('PLAIN')}`,
      ),
    ).toBe(
      `<stream:features><authentication xmlns='${sasl2}'>${own.join('')}` +
        `<inline><bind xmlns='urn:xmpp:bind:0'/></inline></authentication></stream:features>`,
    );
  });

  it('cannot be made when the gatekeeper accepts no token', async () => {
    const talk = new Conversation();
    await expect(talk.offered(mechanisms('SCRAM-SHA-256', 'PLAIN'))).rejects.toMatchObject({
      code: 'ERR_REAUTHENTICATION_OFFER',
    });
  });
});

describe('a client that owns its identifier', () => {
  it.each([
    ['OAUTHBEARER', bearer('juliets.own.token')],
    ['OAUTHBEARER, naming itself', bearer('juliets.own.token', `n,a=${juliet},`)],
    ['OAUTHBEARER, able to bind a channel', bearer('juliets.own.token', 'y,,')],
    ['PLAIN with the token as its password', plain('juliets.own.token')],
    ['PLAIN with the whole identifier', plain('juliets.own.token', 'Juliet@capulet.example', juliet)],
  ])('gets in by %s; the gatekeeper sees the token in the words of the proxy', async (_, said) => {
    const talk = await conversation();
    await talk.client(said);
    expect(talk.heardBy('gatekeeper')).toBe(auth('OAUTHBEARER', presented));
    expect(talk.heardBy('client')).toBe('');
    await talk.gatekeeper(`<success xmlns='${sasl}'/>`);
    expect(talk.heardBy('client')).toBe(`<success xmlns='${sasl}'/>`);
    expect(talk.concluded).toEqual(['main ok']);
  });

  it('may be sent a challenge for its message first', async () => {
    const talk = await conversation();
    await talk.client(auth('PLAIN', ''));
    expect(talk.heardBy('client')).toBe(`<challenge xmlns='${sasl}'></challenge>`);
    await talk.client(`<response xmlns='${sasl}'>${base64('\0juliet\0juliets.own.token')}</response>`);
    expect(talk.heardBy('gatekeeper')).toBe(auth('OAUTHBEARER', presented));
  });

  it('keeps its inline requests, except those that outlive the token', async () => {
    const talk = await conversation(
      `<authentication xmlns='${sasl2}'><mechanism>OAUTHBEARER</mechanism></authentication>`,
    );
    await talk.client(
      `<authenticate xmlns='${sasl2}' mechanism="PLAIN"><initial-response>${base64('\0juliet\0juliets.own.token')}` +
        `</initial-response><user-agent id='u1'/><bind xmlns='urn:xmpp:bind:0'><tag>Dino</tag></bind>` +
        `<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>` +
        `<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-SHA-256</upgrade>` +
        `<config-version xmlns='urn:xmpp:iap:0' value='v'/></authenticate>`,
    );
    expect(talk.heardBy('gatekeeper')).toBe(
      `<authenticate xmlns='${sasl2}' mechanism="OAUTHBEARER"><initial-response xmlns='${sasl2}'>${presented}` +
        `</initial-response><user-agent id='u1'/><bind xmlns='urn:xmpp:bind:0'><tag>Dino</tag></bind></authenticate>`,
    );
    const success = `<success xmlns='${sasl2}'><authorization-identifier>${juliet}/Dino</authorization-identifier></success>`;
    await talk.gatekeeper(success);
    expect(talk.heardBy('client')).toBe(success);
  });

  it.each([
    `<authenticate xmlns='${sasl2}' mechanism='PLAIN'/>`,
    `<authenticate xmlns='${sasl2}' mechanism='PLAIN'></authenticate>`,
    `<s:authenticate xmlns:s='${sasl2}' mechanism='PLAIN'/>`,
  ])('is accepted when %s comes without its message', async (request) => {
    const talk = await conversation(
      `<authentication xmlns='${sasl2}'><mechanism>OAUTHBEARER</mechanism></authentication>`,
    );
    await talk.client(request);
    expect(talk.heardBy('client')).toBe(`<challenge xmlns='${sasl2}'></challenge>`);
    await talk.client(`<response xmlns='${sasl2}'>${base64('\0juliet\0juliets.own.token')}</response>`);
    const prefix = request.startsWith('<s:') ? 's:' : '';
    const declared = prefix === '' ? 'xmlns' : 'xmlns:s';
    expect(talk.heardBy('gatekeeper')).toBe(
      `<${prefix}authenticate ${declared}='${sasl2}' mechanism='OAUTHBEARER'><initial-response xmlns='${sasl2}'>` +
        `${presented}</initial-response></${prefix}authenticate>`,
    );
  });

  it('resumes inline like everywhere else: a stream that is not known here fails cleanly (XEP-0198)', async () => {
    const talk = await conversation(
      `<authentication xmlns='${sasl2}'><mechanism>OAUTHBEARER</mechanism></authentication>`,
    );
    await talk.client(
      `<authenticate xmlns='${sasl2}' mechanism='OAUTHBEARER'><initial-response>${presented}</initial-response>` +
        `<resume xmlns='urn:xmpp:sm:3' previd='elsewhere' h='2'/></authenticate>`,
    );
    expect(talk.heardBy('gatekeeper')).not.toContain('resume');
    await talk.gatekeeper(
      `<success xmlns='${sasl2}'><authorization-identifier>a@b/c</authorization-identifier></success>`,
    );
    expect(talk.heardBy('client')).toContain(`<failed xmlns='urn:xmpp:sm:3'><item-not-found`);
  });

  it('does more when the gatekeeper wants more of it (XEP-0388 §2.6.3)', async () => {
    const talk = await conversation(
      `<authentication xmlns='${sasl2}'><mechanism>OAUTHBEARER</mechanism></authentication>`,
    );
    await talk.client(
      `<authenticate xmlns='${sasl2}' mechanism='OAUTHBEARER'><initial-response>${presented}</initial-response></authenticate>`,
    );
    talk.heardBy('gatekeeper');
    const wanted = `<continue xmlns='${sasl2}'><tasks><task>TOTP</task></tasks></continue>`;
    await talk.gatekeeper(wanted);
    const next = `<next xmlns='${sasl2}' task='TOTP'><totp xmlns='urn:x'>123456</totp></next>`;
    await talk.client(next);
    expect([talk.heardBy('client'), talk.heardBy('gatekeeper')]).toEqual([wanted, next]);
    const data = `<task-data xmlns='${sasl2}'><x xmlns='urn:x'/></task-data>`;
    await talk.gatekeeper(data);
    await talk.client(data);
    expect([talk.heardBy('client'), talk.heardBy('gatekeeper')]).toEqual([data, data]);
    const anew = `<authenticate xmlns='${sasl2}' mechanism='SCRAM-SHA-1'/>`;
    await expect(talk.client(anew)).rejects.toMatchObject({ code: 'ERR_NEGOTIATION' });
    expect(talk.heardBy('gatekeeper')).toBe('');
  });

  it('has succeeded when the gatekeeper wants nothing more', async () => {
    const talk = await conversation(
      `<authentication xmlns='${sasl2}'><mechanism>OAUTHBEARER</mechanism></authentication>`,
    );
    await talk.client(
      `<authenticate xmlns='${sasl2}' mechanism='OAUTHBEARER'><initial-response>${presented}</initial-response></authenticate>`,
    );
    await talk.gatekeeper(`<continue xmlns='${sasl2}'><tasks><task>TOTP</task></tasks></continue>`);
    await talk.client(`<next xmlns='${sasl2}' task='TOTP'/>`);
    await talk.gatekeeper(`<challenge xmlns='${sasl2}'>AA==</challenge>`);
    await talk.client(`<response xmlns='${sasl2}'>AA==</response>`);
    await talk.gatekeeper(`<success xmlns='${sasl2}'/>`);
    expect(talk.concluded).toEqual(['main ok']);
  });
});

describe('the account of the session', () => {
  it.each([
    ['a token of the same user', bearer('juliets.own.token'), juliet],
    ['a name and a token', plain('juliets.own.token'), juliet],
    ['a token that proves nothing', bearer('nobodys.token'), ''],
    ["another's token", plain('romeos.own.token'), ''],
  ])('is that of the verified token: %s', async (_, xml, account) => {
    const talk = await conversation();
    talk.account = '';
    await talk.client(xml);
    expect(talk.account).toBe(account);
  });
});

describe('a client that does not', () => {
  it('receives the reason by OAUTHBEARER, and then the failure; the gatekeeper receives nothing', async () => {
    const talk = await conversation();
    await talk.client(bearer('somebody.made.this'));
    expect(talk.heardBy('client')).toBe(
      `<challenge xmlns='${sasl}'>${base64('{"status":"invalid_token"}')}</challenge>`,
    );
    await talk.client(`<response xmlns='${sasl}'>AQ==</response>`);
    expect(talk.heardBy('client')).toBe(refusal('not-authorized'));
    expect(talk.heardBy('gatekeeper')).toBe('');
    expect(talk.concluded).toEqual(['main token ERR_TOKEN_SIGNATURE']);
    expect(talk.supported).toEqual(['ERR_TOKEN_SIGNATURE']);
  });

  it.each<[string, string, string, string, boolean]>([
    [
      'a forged token by PLAIN',
      plain('somebody.made.this'),
      'not-authorized',
      'token ERR_TOKEN_SIGNATURE',
      true,
    ],
    ["another's token", plain('romeos.own.token'), 'not-authorized', 'other-subject', true],
    [
      "another's token, as itself",
      bearer('romeos.own.token', `n,a=${juliet},`),
      'invalid-authzid',
      'other-subject',
      true,
    ],
    [
      'its token, as another',
      plain('juliets.own.token', 'juliet', 'romeo@capulet.example'),
      'invalid-authzid',
      'other-subject',
      true,
    ],
    [
      'its token, of another domain',
      bearer('juliets.own.token', 'n,a=juliet@montague.example,'),
      'invalid-authzid',
      'other-subject',
      true,
    ],
    [
      'keys that cannot be had',
      bearer('while.keys.unreachable'),
      'temporary-auth-failure',
      'unavailable',
      true,
    ],
    [
      'a mechanism that was not offered',
      auth('SCRAM-SHA-256', base64('n,,n=juliet,r=x')),
      'invalid-mechanism',
      'malformed',
      false,
    ],
    ['a mechanism that binds', auth('OAUTHBEARER-PLUS', presented), 'invalid-mechanism', 'malformed', false],
    [
      'a mechanism of SASL 2 without a token',
      `<authenticate xmlns='${sasl2}' mechanism='SCRAM-SHA-1'/>`,
      '',
      'malformed',
      false,
    ],
    ['a message not in base64', auth('PLAIN', '%%%%'), 'incorrect-encoding', 'malformed', false],
    ['padding in the middle', auth('PLAIN', 'AA==AAAA'), 'incorrect-encoding', 'malformed', false],
    ['an empty message', auth('PLAIN', '='), 'malformed-request', 'malformed', false],
    [
      'a demand to bind',
      bearer('juliets.own.token', 'p=tls-exporter,,'),
      'malformed-request',
      'malformed',
      false,
    ],
    [
      'two tokens',
      auth('OAUTHBEARER', base64('n,,\x01auth=Bearer a\x01auth=Bearer b\x01\x01')),
      'malformed-request',
      'malformed',
      false,
    ],
    [
      'no token',
      auth('OAUTHBEARER', base64('n,,\x01host=x\x01\x01')),
      'malformed-request',
      'malformed',
      false,
    ],
    [
      'basic authentication',
      auth('OAUTHBEARER', base64('n,,\x01auth=Basic YTpi\x01\x01')),
      'malformed-request',
      'malformed',
      false,
    ],
    [
      'no end',
      auth('OAUTHBEARER', base64('n,,\x01auth=Bearer a\x01')),
      'malformed-request',
      'malformed',
      false,
    ],
    [
      'what is no UTF-8',
      auth('PLAIN', Buffer.from([0, 0xff, 0, 0x61]).toString('base64')),
      'malformed-request',
      'malformed',
      false,
    ],
    ['no name', plain('juliets.own.token', ''), 'malformed-request', 'malformed', false],
  ])('is refused: %s', async (_, said, condition, outcome, verified) => {
    const talk = await conversation();
    await talk.client(said);
    expect(talk.heardBy('client')).toContain(condition === '' ? '<invalid-mechanism' : refusal(condition));
    expect(talk.heardBy('gatekeeper')).toBe('');
    expect(talk.concluded).toEqual([`main ${outcome}`]);
    expect(talk.supported).toEqual([keptCode(outcome)]);
    expect(talk.verified).toHaveLength(verified ? 1 : 0);
    // And may try again.
    await talk.client(bearer('juliets.own.token'));
    expect(talk.heardBy('gatekeeper')).toBe(auth('OAUTHBEARER', presented));
  });

  it('has a bounded number of attempts, whatever is wrong with them', async () => {
    const talk = await conversation();
    await talk.client(auth('DIGEST-MD5', ''));
    await talk.client(plain('somebody.made.this'));
    await talk.client(plain('romeos.own.token'));
    await expect(talk.client(bearer('juliets.own.token'))).rejects.toMatchObject({
      code: 'ERR_AUTHENTICATION_ATTEMPTS',
      condition: 'policy-violation',
      detail: { attemptsMax: 3 },
    });
    expect(talk.heardBy('gatekeeper')).toBe('');
  });

  it('is failed by a verifier that breaks, and not let in', async () => {
    const talk = await conversation();
    talk.verifier = async () => {
      throw new Error('out of memory');
    };
    await talk.client(plain('juliets.own.token'));
    expect(talk.heardBy('client')).toBe(refusal('temporary-auth-failure'));
  });
});

describe('out of turn', () => {
  it.each([
    ['an answer to nothing', `<response xmlns='${sasl}'>AQ==</response>`],
    ['an abort of nothing', `<abort xmlns='${sasl}'/>`],
    ['a next step of nothing', `<next xmlns='${sasl2}' task='TOTP'/>`],
    ['an authentication before the offer', bearer('juliets.own.token')],
    ['a second one after the first', `${bearer('juliets.own.token')}${bearer('juliets.own.token')}`],
    [
      'a message after the message',
      `${bearer('juliets.own.token')}<response xmlns='${sasl}'>AQ==</response>`,
    ],
    ['a stanza', `<message to='romeo@montague.example'/>`],
  ])('the client is cut off: %s', async (what, said) => {
    const talk = what.includes('before') ? new Conversation() : await conversation();
    await expect(talk.client(said)).rejects.toMatchObject({ code: 'ERR_NEGOTIATION' });
    expect(talk.heardBy('gatekeeper')).toBe('');
  });

  it.each([
    ['success', `<success xmlns='${sasl}'/>`],
    ['failure', failure('not-authorized')],
    ['a challenge', `<challenge xmlns='${sasl}'/>`],
    ['success of the other profile', `<success xmlns='${sasl2}'/>`],
  ])('the gatekeeper is cut off when it answers what it was not asked: %s', async (_, said) => {
    const talk = await conversation();
    await expect(talk.gatekeeper(said)).rejects.toMatchObject({ code: 'ERR_GATEKEEPER_NEGOTIATION' });
  });

  it('the gatekeeper cannot accept a client without its token', async () => {
    const talk = await conversation();
    await talk.client(auth('PLAIN', ''));
    await expect(talk.gatekeeper(`<success xmlns='${sasl}'/>`)).rejects.toMatchObject({
      code: 'ERR_GATEKEEPER_NEGOTIATION',
    });
  });

  it('a client may abort while its token is verified, and nothing is sent', async () => {
    const talk = await conversation();
    const verification = Promise.withResolvers<OwnershipVerdict>();
    talk.verifier = () => verification.promise;
    await talk.client(bearer('juliets.own.token'));
    await talk.client(`<abort xmlns='${sasl}'/>`);
    verification.resolve(tokens['juliets.own.token']!);
    await new Promise(setImmediate);
    expect([talk.heardBy('client'), talk.heardBy('gatekeeper')]).toEqual([failure('aborted'), '']);
    // To give up is no refusal.
    expect(talk.supported).toEqual([]);
    expect(talk.concluded).toEqual(['main aborted']);
  });

  it('a session may end while a token is verified', async () => {
    const talk = await conversation();
    const verification = Promise.withResolvers<OwnershipVerdict>();
    talk.verifier = () => verification.promise;
    await talk.client(bearer('juliets.own.token'));
    talk.end();
    verification.resolve(tokens['juliets.own.token']!);
    await new Promise(setImmediate);
    expect(talk.heardBy('gatekeeper')).toBe('');
  });
});

describe('a gatekeeper that refuses the token', () => {
  it('is acknowledged by the proxy; the client receives the failure only', async () => {
    const talk = await conversation();
    await talk.client(plain('juliets.own.token'));
    talk.heardBy('gatekeeper');
    await talk.gatekeeper(
      `<challenge xmlns='${sasl}'>${base64('{"status":"insufficient_scope"}')}</challenge>`,
    );
    expect(talk.heardBy('gatekeeper')).toBe(`<response xmlns='${sasl}'>AQ==</response>`);
    await talk.gatekeeper(failure('not-authorized'));
    expect(talk.heardBy('client')).toBe(failure('not-authorized'));
    expect(talk.concluded).toEqual(['main gatekeeper']);
  });
});

describe('any messages in any order', () => {
  const fromClient = [
    bearer('juliets.own.token'),
    bearer('romeos.own.token'),
    bearer('somebody.made.this', `n,a=${juliet},`),
    plain('juliets.own.token'),
    plain('juliets.own.token', 'romeo'),
    auth('PLAIN', ''),
    auth('SCRAM-SHA-1', ''),
    `<response xmlns='${sasl}'>${base64('\0juliet\0juliets.own.token')}</response>`,
    `<response xmlns='${sasl}'>AQ==</response>`,
    `<abort xmlns='${sasl}'/>`,
    `<authenticate xmlns='${sasl2}' mechanism='PLAIN'/>`,
    `<next xmlns='${sasl2}' task='TOTP'/>`,
  ];
  const fromGatekeeper = [
    `<stream:features>${offer}</stream:features>`,
    `<challenge xmlns='${sasl}'>e30=</challenge>`,
    `<success xmlns='${sasl}'/>`,
    failure('not-authorized'),
    `<continue xmlns='${sasl2}'/>`,
  ];
  /** All that a gatekeeper ever hears: a verified token in the proxy's words, and answers to what it said itself. */
  const allowed: readonly string[] = [
    auth('OAUTHBEARER', presented),
    auth('OAUTHBEARER', base64('n,,\x01auth=Bearer romeos.own.token\x01\x01')),
    `<response xmlns='${sasl}'>AQ==</response>`,
    `<abort xmlns='${sasl}'/>`,
  ];

  it('the gatekeeper receives verified tokens only, and a client succeeds with one of those only', async () => {
    const step = fc.oneof(
      fc.constantFrom(...fromClient).map((xml) => ({ by: 'client' as const, xml })),
      fc.constantFrom(...fromGatekeeper).map((xml) => ({ by: 'gatekeeper' as const, xml })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
        const talk = await conversation();
        let told = '';
        for (const { by, xml } of steps) {
          const ended = await talk[by](xml).then(
            () => false,
            () => true,
          );
          const heard = talk.heardBy('gatekeeper');
          told += heard;
          expect(allowed.reduce((rest, each) => rest.replaceAll(each, ''), heard)).toBe('');
          if (talk.heardBy('client').includes('<success')) expect(told).toContain('mechanism=');
          expect(talk.verified.length).toBeLessThanOrEqual(3);
          if (ended) return;
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('an established stream', () => {
  it('is none of its business', async () => {
    const legs = new Legs({
      channelBinding: 'reauthenticate',
      stages: [
        reauthentication({
          attemptsMax: 3,
          verify: () => Promise.reject(new Error('never asked')),
          concluded: () => {},
          supportCode: () => '',
        }),
      ],
    });
    const features = `<stream:features>${mechanisms('PLAIN')}</stream:features>`;
    legs.read('to-client', features);
    expect(legs.out['to-client'].join('')).toBe(features);
  });
});
