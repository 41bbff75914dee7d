import { describe, expect, it } from 'vitest';
import type { StanzaRecord } from '../../../src/recording/record.ts';
import { samplesOf, type Label } from './traces.ts';

const shiftMs = 1_000_000;

function stanza(
  at: number,
  direction: StanzaRecord['direction'],
  received: number,
  forwarded: number,
  waited = 0,
): StanzaRecord {
  return { kind: 'stanza', session: 1, at, direction, received, forwarded, waited };
}

/** From 1000 to 2000, and from 2000 to 3000, on the clock of the test. */
const labels: readonly Label[] = [
  { action: 'message', from: shiftMs + 1_000, to: shiftMs + 2_000 },
  { action: 'typing', from: shiftMs + 2_000, to: shiftMs + 3_000 },
];
const records = [
  stanza(999, 'to-gatekeeper', 7, 7),
  stanza(1_000, 'to-gatekeeper', 300, 4_096),
  stanza(1_003, 'to-client', 50, 60),
  stanza(2_100, 'to-gatekeeper', 200, 0),
];

const featuresOf = (view: 'before' | 'after', given = records) =>
  samplesOf(given, labels, shiftMs, view).map(({ action, features }) => [action, features]);

describe('a trace', () => {
  it('is what passed during the action, as if there were no proxy', () => {
    expect(featuresOf('before')).toEqual([
      ['message', [1, 1, 300, 50, 300, 0, 0, 50, 0, 0, 2, 0, 0]],
      ['typing', [1, 0, 200, 0, 200, 0, 0, 0, 0, 0, 0, 0, 0]],
    ]);
  });

  it('is what the gatekeeper was sent, and has sent, with the proxy', () => {
    expect(featuresOf('after')).toEqual([
      ['message', [1, 1, 4_096, 50, 4_096, 0, 0, 50, 0, 0, 2, 0, 0]],
      ['typing', undefined],
    ]);
  });

  it('has what waited when it left, and nothing of the proxy itself before', () => {
    const own = [stanza(1_000, 'to-gatekeeper', 300, 300, 127), stanza(1_000, 'to-gatekeeper', 0, 99)];
    expect(featuresOf('after', own)[0]).toEqual(['message', [2, 0, 399, 0, 99, 300, 0, 0, 0, 0, 7, 0, 0]]);
    expect(featuresOf('before', own)[0]).toEqual(['message', [1, 0, 300, 0, 300, 0, 0, 0, 0, 0, 0, 0, 0]]);
  });
});
