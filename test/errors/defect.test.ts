import { describe, expect, it } from 'vitest';
import { errorAt } from '../../src/policy/diagnostic.ts';
import { defectOf } from '../../src/errors/defect.ts';

function thrownBySource(): unknown {
  try {
    return errorAt(undefined as never, 'ERR_CATALOGUE', '');
  } catch (error) {
    return error;
  }
}

describe('a defect', () => {
  it('keeps its class and the first own frame', () => {
    expect(defectOf(thrownBySource())).toEqual({
      errorClass: 'TypeError',
      frame: expect.stringMatching(/^policy\/diagnostic\.ts:\d+:\d+$/) as string,
    });
  });

  it('keeps nothing of its message, not even what looks like a frame', () => {
    const error = new RangeError('juliet\n    at x (/src/juliet/secret.ts:1:1)');
    expect(defectOf(error)).toEqual({ errorClass: 'RangeError', frame: 'unknown' });
    error.message = 'changed';
    expect(defectOf(error)).toEqual({ errorClass: 'RangeError', frame: 'unknown' });
  });

  it.each([undefined, null, 'juliet', 7, { name: 'juliet' }])('may be %j, which is no Error', (thrown) => {
    expect(defectOf(thrown)).toEqual({ errorClass: 'unknown', frame: 'unknown' });
  });

  it('has no class name that is not an identifier', () => {
    const strange = new (class extends Error {})();
    Object.defineProperty(strange.constructor, 'name', { value: 'juliet@capulet' });
    expect(defectOf(strange).errorClass).toBe('Error');
  });
});
