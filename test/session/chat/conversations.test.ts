/** Random conversations of the chat channel under random policies: both peers are models without code of the
 *  product. Stanzas are dropped, delayed, held and lowered, policies change, connections are cut, clients acknowledge
 *  what they were not sent. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Encounter } from './encounter.ts';

it('acknowledges each stanza once, answers each request once, and keeps the order of each party', () => {
  let dropped = 0;
  let repeated = 0;
  let replaced = 0;
  let surplus = 0;
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 150 }), (seed, steps) => {
      const encounter = new Encounter(seed);
      encounter.run(steps);
      encounter.settle();
      expect(encounter.failures).toEqual([]);
      ({ dropped, repeated, replaced, surplus } = {
        dropped: dropped + encounter.counts.dropped,
        repeated: repeated + encounter.counts.repeated,
        replaced: replaced + encounter.counts.replaced,
        surplus: surplus + encounter.counts.surplus,
      });
    }),
    { numRuns: 400 },
  );
  // The conversations must contain what they are about.
  for (const count of [dropped, repeated, replaced, surplus]) expect(count).toBeGreaterThan(100);
});
