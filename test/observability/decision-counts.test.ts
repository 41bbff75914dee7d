import { describe, expect, it } from 'vitest';
import { DecisionCounts, decisionTotalsMax } from '../../src/observability/decision-counts.ts';
import { SeenCells } from '../../src/observability/seen-cells.ts';
import type { Decision } from '../../src/stanza/verdict.ts';

let decided = 0;
/** A decision with a number of its own. */
const decision = (field: string, treatment = 'drop', reason = 'policy strict'): Decision => ({
  id: (decided += 1),
  field,
  treatment,
  reason,
});
const strict = { name: 'strict' };

/** Counts on a clock that the test sets. */
function counting() {
  const clock = { now: 1_000 };
  return { clock, counts: new DecisionCounts(() => clock.now) };
}

describe('counts of decisions', () => {
  it('keep gatekeeper, audience, mode, policy, field and treatment apart', () => {
    const { counts } = counting();
    const [receipt, thread] = [decision('receipt.read'), decision('id.thread', 'keep')];
    counts.add({ gatekeeper: 'one' }, 'gatekeeper', 'enforced', [receipt, thread, receipt], strict);
    counts.add({ gatekeeper: 'one' }, 'gatekeeper', 'shadow', [receipt], strict);
    counts.add({ gatekeeper: 'one' }, 'client', 'enforced', [receipt], strict);
    counts.add({ gatekeeper: 'two' }, 'gatekeeper', 'enforced', [receipt], strict);
    counts.add({ gatekeeper: 'two' }, 'gatekeeper', 'enforced', [receipt], { name: 'other' });
    const rows = counts
      .totals()
      .map(({ gatekeeper, audience, mode, policy, field, treatment, count }) =>
        [gatekeeper, audience, mode, policy, field, treatment, count].join(' '),
      );
    expect(rows).toEqual([
      'one gatekeeper enforced strict receipt.read drop 2',
      'one gatekeeper enforced strict id.thread keep 1',
      'one gatekeeper shadow strict receipt.read drop 1',
      'one client enforced strict receipt.read drop 1',
      'two gatekeeper enforced strict receipt.read drop 1',
      'two gatekeeper enforced other receipt.read drop 1',
    ]);
  });

  it('add equal decisions of several objects: of exceptions, and of a policy that was replaced', () => {
    const { counts } = counting();
    const of = { gatekeeper: 'one' };
    counts.add(
      of,
      'client',
      'enforced',
      [decision('id.thread'), decision('id.thread', 'drop', 'exception')],
      strict,
    );
    counts.add(of, 'client', 'enforced', [decision('id.thread')], { name: 'strict' });
    expect(counts.totals()).toMatchObject([{ field: 'id.thread', count: 3 }]);
  });

  it('name the namespace of unlisted elements only where it is registered', () => {
    const { counts } = counting();
    const unlisted = [
      decision('unlisted', 'drop', 'urn:xmpp:x'),
      decision('unlisted', 'drop', 'not registered'),
    ];
    counts.add({ gatekeeper: 'one' }, 'gatekeeper', 'enforced', unlisted, strict);
    expect(counts.totals().map(({ namespace }) => namespace)).toEqual(['urn:xmpp:x', 'other']);
  });

  it('count a session once in an interval, and say between which numbers all of them lie', () => {
    const { clock, counts } = counting();
    const [long, short] = [new SeenCells(), new SeenCells()];
    const add = (seen: SeenCells): void =>
      counts.add({ gatekeeper: 'one', seen }, 'client', 'enforced', [decision('id.thread')], strict);
    add(long);
    add(long);
    add(short);
    expect(counts.totals()).toMatchObject([
      { count: 3, interval: { count: 3, sessions: 2 }, sessionsAtLeast: 2, sessionsAtMost: 2 },
    ]);
    clock.now = 5_000;
    counts.startInterval();
    add(long);
    expect([counts.startedAt, counts.intervalFrom]).toEqual([1_000, 5_000]);
    expect(counts.totals()).toMatchObject([
      { count: 4, interval: { count: 1, sessions: 1 }, sessionsAtLeast: 2, sessionsAtMost: 3 },
    ]);
    counts.startInterval();
    expect(counts.totals()).toMatchObject([
      { count: 4, interval: { count: 0, sessions: 0 }, sessionsAtLeast: 2, sessionsAtMost: 3 },
    ]);
  });

  it('sum the bytes that decisions were about', () => {
    const { counts } = counting();
    const [receipt, thread] = [decision('receipt.read'), decision('id.thread', 'keep')];
    const of = { gatekeeper: 'one' };
    counts.add(of, 'client', 'enforced', [receipt, thread, receipt], strict, [100, 20, 3]);
    counts.startInterval();
    counts.add(of, 'client', 'enforced', [receipt], strict, [7]);
    counts.add(of, 'client', 'enforced', [thread], strict);
    expect(counts.totals().map(({ bytes, interval }) => [bytes, interval.bytes])).toEqual([
      [110, 7],
      [20, 0],
    ]);
  });

  it('find the row of any decision of a policy that made thousands', () => {
    const { counts } = counting();
    const all = Array.from({ length: 5_000 }, (_, index) => ({ ...decision(`f.${index % 100}`), id: index }));
    for (const each of all.toReversed())
      counts.add({ gatekeeper: 'one' }, 'client', 'enforced', [each], strict);
    expect(counts.totals().map(({ count }) => count)).toEqual(Array.from({ length: 100 }, () => 50));
  });

  it('count decisions beyond the greatest number of rows together', () => {
    const { counts } = counting();
    const all = Array.from({ length: decisionTotalsMax }, (_, index) => decision(`field.${index}`));
    counts.add({ gatekeeper: 'one' }, 'client', 'enforced', all, strict);
    const more = [decision('one.more'), all[0]!, decision('two.more')];
    counts.add({ gatekeeper: 'one' }, 'client', 'enforced', more, strict);
    expect([counts.totals().length, counts.overflow, counts.totals()[0]!.count]).toEqual([
      decisionTotalsMax,
      2,
      2,
    ]);
    const seen = new SeenCells();
    counts.add({ gatekeeper: 'one', seen }, 'client', 'enforced', more, strict);
    expect([counts.totals().length, counts.overflow, counts.totals()[0]!.count]).toEqual([
      decisionTotalsMax,
      4,
      3,
    ]);
    expect(counts.totals().filter(({ interval }) => interval.sessions > 0)).toHaveLength(1);
  });
});
