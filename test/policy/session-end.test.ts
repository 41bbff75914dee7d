/** Values of a session leave the caches that sessions share when it ends. */
import { afterEach, expect, it, vi } from 'vitest';
import { RecentNames } from '../../src/minimisation/recent-names.ts';
import { CompiledPolicy } from '../../src/policy/compile.ts';
import { Decider } from '../../src/policy/decide.ts';
import {
  catalogue,
  context,
  media,
  names,
  pass,
  policyOf,
  policyText,
  pseudonyms,
  today,
} from './fixtures.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

const compiled = new CompiledPolicy(
  policyOf(policyText('{ gatekeeper: { "*": keep, id.iq: { pseudonymise: { scope: session } } } }')),
  { catalogue, names, pseudonyms, media },
);
const decider = (direction: 'to-gatekeeper' | 'to-client'): Decider =>
  new Decider(compiled, direction, { ...context }, { clock: () => today, random: () => 1 });
const request =
  "<iq xmlns='jabber:client' type='get' id='i-17' to='b.example'><ping xmlns='urn:xmpp:ping'/></iq>";

it.each([
  ['is mapped back from the cache while the session lasts', false, 1],
  ['is in no cache when the session has ended, and still mapped back', true, 0],
])('an identifier %s', (_, ends, lookups) => {
  const outward = decider('to-gatekeeper');
  const shown = / id='([^']+)'/.exec(pass(outward, request).after)![1]!;
  expect(shown).not.toBe('i-17');
  const valueAt = vi.spyOn(RecentNames.prototype, 'valueAt');
  if (ends) outward.end();
  const answer = `<iq xmlns='jabber:client' type='result' id='${shown}' from='b.example'/>`;
  expect(pass(decider('to-client'), answer).after).toContain("id='i-17'");
  expect(valueAt.mock.calls.filter(([, from, to]) => to - from === shown.length)).toHaveLength(lookups);
});
