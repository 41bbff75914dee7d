/** What survives the strictest policy of stanzas that it was not written for. */
import { describe, expect, it } from 'vitest';
import { corpus } from './corpus.ts';
import { context, deciderFor, pass, policyOf } from './fixtures.ts';

/** The user's own resource, a time that only the device knows, and whatever is marked. */
const marks = /laptop|23:41:07|mk-[\w-]+/g;
/** Where the gatekeeper assigns the resource, as under `strict`, the client has no name of its own that could show. */
const strict = policyOf(`apiVersion: narthex/v1
kind: MetadataPolicy
metadata: { name: named }
spec:
  extends: strict
  unlisted: drop
  audiences: { gatekeeper: { bind.resource: { pseudonymise: { scope: account } } } }
`);
const bind =
  "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>laptop</resource></bind></iq>";
const resource = /<resource>([^<]+)</.exec(pass(deciderFor(strict, 'to-gatekeeper'), bind).after)![1]!;

describe('of what a client says of itself', () => {
  it('has sixty stanzas', () => {
    expect(corpus).toHaveLength(60);
    expect(corpus.filter(({ stanza }) => /laptop|23:41:07|mk-/.test(stanza)).length).toBeGreaterThan(50);
  });

  it.each(corpus)('$by: $stanza', ({ stanza, survives = {} }) => {
    const { after } = pass(deciderFor(strict, 'to-gatekeeper', { ...context, resource }), stanza);
    expect([...new Set(after.match(marks))].toSorted()).toEqual(Object.keys(survives).toSorted());
  });
});
