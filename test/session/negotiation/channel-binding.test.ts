/** What the default and the same-certificate mode make of an offer of channel binding, and of the client's answer. */
import { describe, expect, it } from 'vitest';
import { channelBindingGuard } from '../../../src/session/negotiation/channel-binding.ts';
import { negotiationGuard } from '../../../src/session/negotiation/guard.ts';
import type { ChannelBinding } from '../../../src/session/facts.ts';
import { Legs } from '../legs.ts';

const streams = 'http://etherx.jabber.org/streams';
const sasl = 'urn:ietf:params:xml:ns:xmpp-sasl';
const sasl2 = 'urn:xmpp:sasl:2';

const connect = (channelBinding: ChannelBinding = 'gatekeeper-without-plus'): Legs =>
  new Legs({ stages: [negotiationGuard, channelBindingGuard], phase: 'authenticating', channelBinding });

function mechanisms(...names: string[]): string {
  const listed = names.map((name) => `<mechanism>${name}</mechanism>`).join('');
  return `<mechanisms xmlns='${sasl}'>${listed}</mechanisms>`;
}

function announcement(...types: string[]): string {
  const listed = types.map((type) => `<channel-binding type='${type}'/>`).join('');
  return `<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>${listed}</sasl-channel-binding>`;
}

const features = (...offers: string[]): string =>
  `<features xmlns='${streams}'>${offers.join('')}</features>`;
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const auth = (mechanism: string, message: string): string =>
  `<auth xmlns='${sasl}' mechanism='${mechanism}'>${message}</auth>`;
const authenticate = (mechanism: string, message: string): string =>
  `<authenticate xmlns='${sasl2}' mechanism='${mechanism}'><initial-response>${message}</initial-response></authenticate>`;

const sentToClient = (legs: Legs): string => legs.out['to-client'].join('');

describe('an announcement of binding types', () => {
  it.each([['PLAIN'], ['SCRAM-SHA-256']])(
    'without a mechanism that could use it is removed: %s',
    (mechanism) => {
      const legs = connect();
      legs.read('to-client', features(mechanisms(mechanism), announcement('tls-exporter')));
      expect(sentToClient(legs)).toBe(features(mechanisms(mechanism)));
    },
  );

  it('next to one that could stays, so that the client selects from the list that the gatekeeper signs (XEP-0474)', () => {
    const legs = connect();
    const offer = features(mechanisms('SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'), announcement('tls-exporter'));
    legs.read('to-client', offer);
    expect(sentToClient(legs)).toBe(offer);
  });

  it('keeps the type that survives, in the mode in which one does', () => {
    const legs = connect('same-certificate');
    const offered = mechanisms('SCRAM-SHA-256-PLUS');
    legs.read('to-client', features(offered, announcement('tls-exporter', 'tls-server-end-point')));
    expect(sentToClient(legs)).toBe(features(offered, announcement('tls-server-end-point')));
  });

  it('is removed where no type survives; the mechanisms stay, since without them clients flag `y` (RFC 5802 §6)', () => {
    const legs = connect('same-certificate');
    const offered = mechanisms('SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256');
    legs.read('to-client', features(offered, announcement('tls-exporter', 'tls-unique')));
    expect(sentToClient(legs)).toBe(features(offered));
  });
});

describe.each([
  ['SASL', auth, mechanisms],
  [
    'SASL 2',
    authenticate,
    (...names: string[]) =>
      mechanisms(...names)
        .replace(sasl, sasl2)
        .replaceAll('mechanisms', 'authentication'),
  ],
])('in %s, a client of a gatekeeper that offers -PLUS', (_, begin, offer) => {
  const offered = (mode?: ChannelBinding): Legs => {
    const legs = connect(mode);
    legs.read('to-client', features(offer('SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256', 'PLAIN')));
    return legs;
  };

  it('may choose a mechanism without binding', () => {
    for (const [mechanism, message] of [
      ['SCRAM-SHA-256', 'n,,n=juliet,r=1'],
      ['PLAIN', '\0juliet\0secret'],
    ] as const) {
      const legs = offered();
      const request = begin(mechanism, base64(message));
      legs.read('to-gatekeeper', request);
      expect(legs.out['to-gatekeeper'].join('')).toBe(request);
    }
  });

  it('is refused with the setting to change when it chooses -PLUS', () => {
    const legs = offered();
    expect(() =>
      legs.read('to-gatekeeper', begin('SCRAM-SHA-256-PLUS', base64('p=tls-exporter,,n=j,r=1'))),
    ).toThrow(expect.objectContaining({ code: 'ERR_CHANNEL_BINDING' }));
    expect(legs.out['to-gatekeeper']).toEqual([]);
  });

  it('is refused with the reason when it states that it sees no offer', () => {
    const legs = offered();
    expect(() => legs.read('to-gatekeeper', begin('SCRAM-SHA-256', base64('y,,n=juliet,r=1')))).toThrow(
      expect.objectContaining({ code: 'ERR_CHANNEL_BINDING_FLAG' }),
    );
    expect(legs.out['to-gatekeeper']).toEqual([]);
  });

  it('may bind to the certificate, in the mode in which that survives, and to nothing else', () => {
    const message = (type: string): string => begin('SCRAM-SHA-256-PLUS', base64(`p=${type},,n=juliet,r=1`));
    const legs = offered('same-certificate');
    legs.read('to-gatekeeper', message('tls-server-end-point'));
    expect(legs.out['to-gatekeeper'].join('')).toBe(message('tls-server-end-point'));
    expect(() => offered('same-certificate').read('to-gatekeeper', message('tls-exporter'))).toThrow(
      expect.objectContaining({ code: 'ERR_CHANNEL_BINDING' }),
    );
  });
});

describe('a client that could bind channels, at a gatekeeper that offers no -PLUS', () => {
  const failure = (condition: string): string => `<failure xmlns='${sasl}'><${condition}/></failure>`;
  const flagged = (...messages: string[]): Legs => {
    const legs = connect();
    legs.read('to-client', features(mechanisms('SCRAM-SHA-256'), announcement('tls-exporter')));
    for (const message of messages) legs.read('to-gatekeeper', message);
    return legs;
  };
  const initial = auth('SCRAM-SHA-256', base64('y,,n=juliet,r=1'));

  it('falls into the trap when the gatekeeper fails at once because of the flag', () => {
    expect(() => flagged(initial).read('to-client', failure('malformed-request'))).toThrow(
      expect.objectContaining({ code: 'ERR_CHANNEL_BINDING_FLAG' }),
    );
  });

  it('is refused too when its first message answers a challenge', () => {
    const response = `<response xmlns='${sasl}'>${base64('y,,n=juliet,r=1')}</response>`;
    const legs = flagged(auth('SCRAM-SHA-256', ''));
    legs.read('to-client', `<challenge xmlns='${sasl}'/>`);
    legs.read('to-gatekeeper', response);
    expect(() => legs.read('to-client', failure('malformed-request'))).toThrow(
      expect.objectContaining({ code: 'ERR_CHANNEL_BINDING_FLAG' }),
    );
  });

  it.each([
    ['an unknown account', [initial], failure('not-authorized')],
    [
      'a malformed message without the flag',
      [auth('SCRAM-SHA-256', base64('n,,n='))],
      failure('malformed-request'),
    ],
    ['another mechanism', [auth('PLAIN', base64('y,,n=juliet'))], failure('malformed-request')],
    ['a message that is no base64', [auth('SCRAM-SHA-256', 'y,,n=juliet')], failure('malformed-request')],
  ])('hears the failure of %s as it is', (_, messages, answer) => {
    const legs = flagged(...messages);
    legs.read('to-client', answer);
    expect(sentToClient(legs)).toContain(answer);
  });

  it('receives a failure after a challenge unchanged: the flag was accepted', () => {
    const legs = flagged(initial);
    legs.read('to-client', `<challenge xmlns='${sasl}'>${base64('r=12,s=QQ==,i=1')}</challenge>`);
    legs.read('to-client', failure('malformed-request'));
    expect(sentToClient(legs)).toContain(failure('malformed-request'));
  });
});
