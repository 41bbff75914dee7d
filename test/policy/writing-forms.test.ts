/** A value that is written as it is takes a shorter way through the decision than one that has to be decoded. What
 *  becomes of it, and what is counted, is the same. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { openPolicy } from '../../src/app/files/policies.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { directions } from '../../src/stanza/direction.ts';
import { deciderFor, leaving, names, policyOf, policyText, wire } from './fixtures.ts';
import { writers } from './writing.ts';

const hides = policyOf(
  policyText(
    '{ gatekeeper: { bind.resource: { pseudonymise: { scope: session } }, jid.device: { replace: "device" }, id.message: { pseudonymise: { scope: conversation } }, id.iq: { pseudonymise: { scope: session } } }, client: { jid.device: { pseudonymise: { scope: account } } } }',
  ),
);
const policies: Readonly<Record<string, Policy>> = {
  strict: openPolicy('strict'),
  balanced: openPolicy('balanced'),
  hides,
};

const resources = fc.string({ unit: fc.constantFrom('a', 'B', '.', '/', 'ü', '☎', '&', '<'), maxLength: 9 });
const jids = fc
  .tuple(
    fc.constantFrom('me@provider.example', 'Me@Provider.example', 'you@gatekeeper.example', 'room.example'),
    fc.option(resources),
  )
  .map(([bare, resource]) => (resource === null ? bare : `${bare}/${resource}`));
const stanzas = fc.record({
  name: fc.constantFrom('message', 'presence', 'iq'),
  attributes: fc.record(
    { from: jids, to: jids, id: resources, type: fc.constantFrom('get', 'set', 'result', 'chat', 'error') },
    { requiredKeys: [] },
  ),
});

/** With nothing but predefined entities, where they have to be. */
const asItIs = (value: string): string => value.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
/** Every character is a reference. */
const [, referenced] = writers;

it.each(Object.entries(policies))('under %s', (_, policy) => {
  for (const direction of directions) {
    const decider = deciderFor(policy, direction);
    const judged = (name: string, attributes: Record<string, string>, written: (value: string) => string) => {
      const text = `<${name}${Object.entries(attributes)
        .map(([key, value]) => ` ${key}='${written(value)}'`)
        .join('')}/>`;
      const stanza = wire.parse(text, names);
      const outcome = decider.decide(stanza);
      const decisions = [...outcome.decisions];
      const after = leaving(stanza, outcome);
      const left = after === '' ? undefined : wire.parse(after, names);
      return {
        decisions,
        left: left && Object.keys(attributes).map((key) => left.attributeValue(0, key)),
      };
    };
    fc.assert(
      fc.property(stanzas, ({ name, attributes }) => {
        expect(judged(name, attributes, referenced!.attribute)).toEqual(judged(name, attributes, asItIs));
      }),
      { numRuns: 500 },
    );
  }
});
