/** The attack table in short: work is counted instead of timed, so that the bound holds, or fails, on every machine alike.
 *  `npm run long -- attacks` measures CPU time and memory. */
import { countWork, type Work } from '../../support/linear.ts';
import { describe, expect, it } from 'vitest';
import type { Shape } from './shapes.ts';
import { honest, measured, ratioMax, ratioOf } from './measure.ts';
import { Sender } from './sender.ts';

const stanzas = 1;

/** Steps of code and bytes visited by native functions. A native visit costs far less than a step. */
function workOf(shape: Shape, policy: string): number {
  const sender = new Sender(shape, policy);
  try {
    sender.send(sender.next());
    const batch = Array.from({ length: stanzas }, () => sender.next());
    const { steps, visited }: Work = countWork(() => {
      for (const pieces of batch) sender.send(pieces);
    });
    return (steps + visited / 16) / stanzas;
  } finally {
    sender.end();
  }
}

describe(`no stanza takes more than ${ratioMax} times the work of an honest message`, () => {
  it.each(measured.map(([policy, shape]) => [policy, shape.direction, shape.name, shape] as const))(
    'under %s, %s: %s',
    (policy, direction, _, shape) => {
      const ratio = ratioOf(shape, workOf(shape, policy), workOf(honest(direction), policy));
      expect(ratio).toBeLessThanOrEqual(ratioMax);
    },
  );
});
