import { describe, expect, it } from 'vitest';
import { complaints, policyText } from './fixtures.ts';

const errors = (audiences: string, spec = ''): string[] =>
  complaints(policyText(audiences, spec)).filter((line) => line.includes(': error '));

describe('a rule that HTTP cannot enforce is refused', () => {
  it.each<[string, string, RegExp]>([
    ['a header to the provider, which gets none', '{ provider: { http.user-agent: drop } }', /NEVER_MATCHES http.user-agent: can never match: the provider/],
    ['an address to the provider, which gets none', '{ provider: { conn.client-ip: drop } }', /NEVER_MATCHES conn.client-ip/],
    ['a notification to the client, which gets none', '{ client: { push.sender: drop } }', /NEVER_MATCHES push.sender: can never match: the client/],
    ['a notification without a recipient', '{ provider: { push.recipient: drop } }', /ROUTING push.recipient: drop changes what delivery depends on/],
    ['a treatment that the field does not permit', '{ provider: { push.body: { coarsen: 1h } } }', /TREATMENT push.body: coarsen/],
    ['a download under another name', '{ provider: { media.fetch: { replace: x } } }', /TREATMENT media.fetch/],
    ['a pseudonym of a missing field', '{ provider: { push.sender: { pseudonymise: { scope: session } } } }', /TREATMENT push.sender: a request has no session/],
    ['everything withheld, the recipient too', "{ provider: { '*': drop } }", /"\*": drop is not possible for push.recipient, which the provider is shown/],
  ])('%s', (_, audiences, line) => {
    expect(errors(audiences)).toEqual([expect.stringMatching(line)]);
  }); // prettier-ignore

  it('an exception, since no request is of one stanza', () => {
    const exception = `  exceptions:
    - when: { gatekeeper: gk }
      audiences: { provider: { push.count: drop } }
      why: trial
      approved-by: security@provider.example
      expires: 2027-06-30`;
    expect(errors('{}', exception)).toEqual([
      expect.stringMatching(/NEVER_MATCHES push.count: exceptions apply to stanzas/),
    ]);
  });
});
