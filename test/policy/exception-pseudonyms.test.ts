/** What a session keeps of one rule from stanza to stanza is not used for another, where an exception gives other rules. */
import { expect, it } from 'vitest';
import { deciderFor, pass, policyOf, policyText } from './fixtures.ts';

const policy = policyOf(
  policyText(
    '{ gatekeeper: { id.iq: { pseudonymise: { scope: session } }, id.presence: { pseudonymise: { scope: session } } } }',
    `  exceptions:
    - when: { contact-domain: partner.example }
      audiences:
        client: { id.thread: { pseudonymise: { scope: session } }, id.presence: { pseudonymise: { scope: session } } }
      why: w
      approved-by: a
      expires: 2027-01-01
`,
  ),
);
const request = "<iq type='get' id='i1' to='a@partner.example'><ping xmlns='urn:xmpp:ping'/></iq>";
const presence = "<presence id='i1' to='a@b.example'/>";

it.each([
  [request, presence],
  [presence, request],
])('%s, then %s', (first, second) => {
  const decider = deciderFor(policy, 'to-gatekeeper');
  pass(decider, first);
  expect(pass(decider, second).after).toBe(pass(deciderFor(policy, 'to-gatekeeper'), second).after);
});
