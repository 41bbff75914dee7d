import { describe, expect, it } from 'vitest';
import { claimedAccount } from '../../../src/session/authentication/account.ts';
import { stanzaOf } from '../../capabilities/stanza-of.ts';
import { vocabulary } from '../../support/scan.ts';

const sasl = 'urn:ietf:params:xml:ns:xmpp-sasl';
const claimed = (message: string): string | undefined =>
  claimedAccount(
    stanzaOf(
      `<auth xmlns='${sasl}' mechanism='X'>${Buffer.from(message).toString('base64')}</auth>`,
      vocabulary,
    ),
    'capulet.example',
  );

describe('the account that a client authenticates as', () => {
  it.each([
    ['PLAIN', '\0Juliet\0secret', 'juliet@capulet.example'],
    [
      'PLAIN with an authorization identity',
      'nurse@capulet.example\0juliet\0secret',
      'nurse@capulet.example',
    ],
    ['SCRAM', 'n,,n=juliet,r=nonce', 'juliet@capulet.example'],
    ['SCRAM with a comma in the name', 'n,,n=ju=2Cliet,r=nonce', 'ju,liet@capulet.example'],
    ['OAUTHBEARER', 'n,a=juliet@capulet.example,\x01auth=Bearer a.b.c\x01\x01', 'juliet@capulet.example'],
    ['OAUTHBEARER that says no name', 'n,,\x01auth=Bearer a.b.c\x01\x01', undefined],
    ['OAUTHBEARER with a name in its token', 'n,,\x01auth=Bearer n=mallory,\x01\x01', undefined],
  ])('%s', (_, message, account) => expect(claimed(message)).toBe(account));

  it('is found before a token of any length', () => {
    expect(claimed(`n,a=juliet@capulet.example,\x01auth=Bearer ${'t'.repeat(9_000)}\x01\x01`)).toBe(
      'juliet@capulet.example',
    );
  });
});
