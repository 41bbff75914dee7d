import { expect, it } from 'vitest';
import { ClockAccount } from './clock-account.ts';

/** A program whose calls take a known time each, in milliseconds. */
function program(): { outer: Outer; account: ClockAccount } {
  let now = 0;
  const pass = (milliseconds: number): void => void (now += milliseconds);
  class Leaf {
    run(times: number): number {
      pass(5 * times);
      return times;
    }
  }
  const leaf = new Leaf();
  class Whole {
    run(): void {
      pass(2);
      leaf.run(1);
    }
  }
  const whole = new Whole();
  class Outer {
    run(fails = false): number {
      pass(1);
      const times = leaf.run(2);
      whole.run();
      pass(1);
      if (fails) throw new RangeError('as asked');
      return times;
    }
  }
  const account = new ClockAccount(['outer', 'leaf', 'whole'], 'whole', () => now);
  account.wrap('outer', Outer.prototype, 'run');
  account.wrap('leaf', Leaf.prototype, 'run');
  account.wrap('whole', Whole.prototype, 'run');
  account.reset();
  return { outer: new Outer(), account };
}
type Outer = { run(fails?: boolean): number };

it('counts the time of a section without those it calls, but a whole one with them', () => {
  const { outer, account } = program();
  for (let call = 0; call < 3; call += 1) expect(outer.run()).toBe(2);
  // In microseconds; the sample under way is not read.
  expect(account.read()).toEqual({ outer: [2_000, 2_000], leaf: [10_000, 10_000], whole: [7_000, 7_000] });
});

it('goes on after a section has thrown', () => {
  const { outer, account } = program();
  outer.run();
  expect(() => outer.run(true)).toThrow(RangeError);
  outer.run();
  expect(account.read()).toMatchObject({ outer: [2_000, 2_000], leaf: [10_000, 10_000] });
});
