/** What the catalogue says of any name of a namespace holds for every name that it does not name at that place. */
import { describe, expect, it } from 'vitest';
import { deciderFor, pass, policyOf, policyText } from './fixtures.ts';

const condition = "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>";
const error = (inside: string): string =>
  `<message type='error' from='a@b.example'><error type='cancel'>${condition}${inside}</error></message>`;
const toClient = (rules: string, unlisted = 'drop') =>
  deciderFor(
    policyOf(policyText(`{ client: { ${rules} } }`).replace('unlisted: drop', `unlisted: ${unlisted}`)),
    'to-client',
  );

describe('the text of an error (`error/client:*`)', () => {
  it.each(['text', 'gone', 'body', 'status', 'thread', 'show'])('is dropped in <%s/>', (name) => {
    const given = error(`<${name} xmlns='jabber:client'>marker</${name}>`);
    expect(pass(toClient('error.text: drop'), given).after).toBe(error(''));
    expect(pass(toClient('error.text: keep'), given).after).toBe(given);
  });

  it('leaves the same names elsewhere', () => {
    const given = "<message from='a@b.example'><body>hi</body><thread>t</thread></message>";
    expect(pass(toClient('error.text: drop'), given).after).toBe(given);
  });
});

it('the condition of an application has the name of a field', () => {
  const given = error("<command xmlns='http://jabber.org/protocol/commands'>marker</command>");
  expect(pass(toClient('error.application: keep, error.text: keep'), given).after).toBe(given);
  expect(pass(toClient('error.application: drop', 'keep'), given).after).toBe(error(''));
});

it('what is named is not treated as unnamed', () => {
  const given =
    "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><user-agent><software>marker</software><system>x</system></user-agent></authenticate>";
  const decider = deciderFor(
    policyOf(policyText('{ gatekeeper: { sasl.user-agent.other: drop } }')),
    'to-gatekeeper',
  );
  expect(pass(decider, given).after).toBe(given.replace('<system>x</system>', ''));
});
