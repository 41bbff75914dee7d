import { expect, it } from 'vitest';
import { RecentNames } from '../../src/minimisation/recent-names.ts';

it('caches the last eight, wherever they are in a buffer', () => {
  const names = new RecentNames(10);
  const value = (n: number): string => `id-${'x'.repeat(n % 6)}${n}`;
  for (let n = 0; n < 20; n += 1) {
    const bytes = Buffer.from(`<iq id='${value(n)}'/>`);
    names.remember(Buffer.from(`name ${n}`), bytes, 8, bytes.length - 3);
  }
  const found = (name: string): string | undefined => {
    const bytes = Buffer.from(`'${name}'`);
    return names.valueAt(bytes, 1, bytes.length - 1)?.toString();
  };
  for (let n = 12; n < 20; n += 1) expect(found(`name ${n}`)).toBe(value(n));
  expect(found('name 11')).toBeUndefined();
  expect(found('name 1')).toBeUndefined();
  expect(found('name 19 ')).toBeUndefined();
});

it('returns copies', () => {
  const names = new RecentNames(4);
  names.remember(Buffer.from('name'), Buffer.from('id'), 0, 2);
  names.valueAt(Buffer.from('name'), 0, 4)!.fill(0);
  expect(names.valueAt(Buffer.from('name'), 0, 4)!.toString()).toBe('id');
});
