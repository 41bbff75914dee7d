/** A value that one audience knows by one pseudonym and the other by another: what is sent back is mapped to the value before
 *  the other pseudonym is made of it. */
import { expect, it } from 'vitest';
import { deciderFor, pass, policyOf, policyText } from './fixtures.ts';

const thread = (value: string): string =>
  `<message to='a@b.example' from='a@b.example'><body>hi</body><thread>${value}</thread></message>`;
const policy = policyOf(
  policyText(
    '{ gatekeeper: { id.thread: { pseudonymise: { scope: account } } }, client: { id.thread: { pseudonymise: { scope: session } } } }',
  ),
);
const outward = (value: string): string => pass(deciderFor(policy, 'to-gatekeeper'), thread(value)).after;
const inward = (value: string): string => pass(deciderFor(policy, 'to-client'), thread(value)).after;
const valueIn = (message: string): string => /<thread>(.*)<\/thread>/.exec(message)![1]!;

it('a thread under two pseudonyms', () => {
  const [forGatekeeper, forClient] = [valueIn(outward('t-1')), valueIn(inward('t-1'))];
  expect(forGatekeeper).not.toBe(forClient);
  expect(outward(forClient)).toBe(thread(forGatekeeper));
  expect(inward(forGatekeeper)).toBe(thread(forClient));
});
