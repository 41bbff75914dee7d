/** FAST (XEP-0484) through the proxy: only tokens that bind to no channel, or to the certificate where both sides show the
 *  same, are offered, issued and used. */
import { describe, expect, it } from 'vitest';
import type { ChannelBinding } from '../../../src/session/facts.ts';
import { boundTokens } from '../../../src/session/negotiation/bound-tokens.ts';
import { negotiationGuard } from '../../../src/session/negotiation/guard.ts';
import { Legs } from '../legs.ts';

const sasl = 'urn:ietf:params:xml:ns:xmpp-sasl';
const sasl2 = 'urn:xmpp:sasl:2';
const fast = 'urn:xmpp:fast:0';

const connect = (channelBinding: ChannelBinding = 'gatekeeper-without-plus'): Legs =>
  new Legs({ stages: [negotiationGuard, boundTokens], phase: 'authenticating', channelBinding });

const offer = (mechanisms: readonly string[], attributes = ''): string =>
  `<features xmlns='http://etherx.jabber.org/streams'><authentication xmlns='${sasl2}'><mechanism>SCRAM-SHA-256</mechanism>` +
  `<inline><bind xmlns='urn:xmpp:bind:0'/>` +
  `<fast xmlns='${fast}'${attributes}>${mechanisms.map((name) => `<mechanism>${name}</mechanism>`).join('')}</fast>` +
  `</inline></authentication></features>`;
const authenticate = (mechanism: string, inside: string): string =>
  `<authenticate xmlns='${sasl2}' mechanism='${mechanism}'><initial-response>AA==</initial-response>${inside}</authenticate>`;

describe('the offer of tokens', () => {
  const all = ['HT-SHA-256-ENDP', 'HT-SHA-256-EXPR', 'HT-SHA-512-UNIQ', 'HT-SHA-256-NONE', 'HT-SHA-512-NONE'];

  it('has the mechanisms without channel binding, and no early data of TLS, which this connection has not', () => {
    const legs = connect();
    legs.read('to-client', offer(all, " tls-0rtt='true'"));
    expect(legs.out['to-client'].join('')).toBe(offer(['HT-SHA-256-NONE', 'HT-SHA-512-NONE']));
  });

  it('has those that bind to the certificate too, in the mode in which that is the same', () => {
    const legs = connect('same-certificate');
    legs.read('to-client', offer(all));
    expect(legs.out['to-client'].join('')).toBe(
      offer(['HT-SHA-256-ENDP', 'HT-SHA-256-NONE', 'HT-SHA-512-NONE']),
    );
  });

  it('is removed when nothing is left of it', () => {
    const legs = connect();
    legs.read('to-client', offer(['HT-SHA-256-EXPR', 'HT-SHA-256-ENDP']));
    expect(legs.out['to-client'].join('')).toBe(offer([]).replace(/<fast .*<\/fast>/, ''));
  });

  it('is untouched when it is of these mechanisms only', () => {
    const legs = connect();
    legs.read('to-client', offer(['HT-SHA-256-NONE']));
    expect(legs.out['to-client'].join('')).toBe(offer(['HT-SHA-256-NONE']));
  });
});

describe('a client', () => {
  it.each(['HT-SHA-256-NONE', 'HT-SHA-512-NONE'])('may ask for a token, and use it: %s', (mechanism) => {
    const legs = connect();
    const asking = authenticate('SCRAM-SHA-256', `<request-token xmlns='${fast}' mechanism='${mechanism}'/>`);
    const using = authenticate(mechanism, `<fast xmlns='${fast}' count='7' invalidate='true'/>`);
    legs.read('to-gatekeeper', asking);
    legs.read('to-gatekeeper', using);
    expect(legs.out['to-gatekeeper']).toEqual([asking, using]);
  });

  it('is not issued a token that it could never use', () => {
    const legs = connect();
    legs.read(
      'to-gatekeeper',
      authenticate('SCRAM-SHA-256', `<request-token xmlns='${fast}' mechanism='HT-SHA-256-EXPR'/>`),
    );
    expect(legs.out['to-gatekeeper']).toEqual([authenticate('SCRAM-SHA-256', '')]);
  });

  it.each(['HT-SHA-256-ENDP', 'HT-SHA-256-EXPR', 'HT-SHA-256-UNIQ', 'HT-SHA3-512-OTHER'])(
    'that has one discards it, and authenticates otherwise: %s',
    (mechanism) => {
      const legs = connect();
      legs.read('to-gatekeeper', authenticate(mechanism, `<fast xmlns='${fast}'/>`));
      // The gatekeeper would count it as a wrong password.
      expect(legs.out['to-gatekeeper']).toEqual([]);
      expect(legs.out['to-client'].splice(0)).toEqual([
        `<failure xmlns='${sasl2}'><credentials-expired xmlns='${sasl}'/></failure>`,
      ]);
      const again = authenticate('SCRAM-SHA-256', '');
      legs.read('to-gatekeeper', again);
      expect(legs.out['to-gatekeeper']).toEqual([again]);
    },
  );

  it('may use one that binds to the certificate, in the mode in which that is the same', () => {
    const legs = connect('same-certificate');
    const using = authenticate('HT-SHA-256-ENDP', `<fast xmlns='${fast}'/>`);
    legs.read('to-gatekeeper', using);
    expect(legs.out['to-gatekeeper']).toEqual([using]);
  });

  it('is refused in SASL 1 likewise', () => {
    const legs = connect();
    legs.read('to-gatekeeper', `<auth xmlns='${sasl}' mechanism='HT-SHA-256-EXPR'>AA==</auth>`);
    expect(legs.out['to-gatekeeper']).toEqual([]);
    expect(legs.out['to-client']).toEqual([
      `<failure xmlns='${sasl}'><credentials-expired xmlns='${sasl}'/></failure>`,
    ]);
  });
});
