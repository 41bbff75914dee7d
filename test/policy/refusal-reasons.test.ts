/** One element may have several reasons for which a stanza is refused. The condition does not depend on their order. */
import { expect, it } from 'vitest';
import { deciderFor, pass, policyOf, policyText } from './fixtures.ts';

const rules = '{ gatekeeper: { time.last-iq: { refuse: { condition: service-unavailable } } } }';
const policy = policyOf(policyText(rules).replace('unlisted: drop', 'unlisted: refuse'));
const question = (attributes: string): string =>
  `<iq type='get' id='q'><query xmlns='jabber:iq:last'${attributes}/></iq>`;

it.each([
  [" seconds='1' secret='s'", 'policy-violation'],
  [" secret='s' seconds='1'", 'policy-violation'],
  [" seconds='1'", 'service-unavailable'],
  [" secret='s'", 'policy-violation'],
])('refuses a query with%s: %s', (attributes, condition) => {
  const { reply } = pass(deciderFor(policy, 'to-gatekeeper'), question(attributes));
  expect(/<error type='[a-z]+'><([a-z-]+) /.exec(reply)?.[1]).toBe(condition);
});
