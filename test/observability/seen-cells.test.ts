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
        expect(seen.note(interval, cell)).toBe(!model.has(cell));
        model.add(cell);
      }
    }),
  );
});
