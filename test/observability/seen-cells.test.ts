import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SeenCells } from '../../src/observability/seen-cells.ts';

test('each combination is new once in each interval, as a set would say', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(3), fc.nat(2_000)), { maxLength: 200 }), (notes) => {
      const seen = new SeenCells();
      const model = new Set<number>();
      let interval = 0;
      for (const [step, cell] of notes) {
        if (step === 0) {
          interval += 1;
          model.clear();
        }
        const bits = seen.bits(interval, cell + 1);
        expect((bits[cell >>> 5]! >>> (cell & 31)) & 1).toBe(model.has(cell) ? 1 : 0);
        bits[cell >>> 5]! |= 1 << (cell & 31);
        model.add(cell);
      }
    }),
  );
});
