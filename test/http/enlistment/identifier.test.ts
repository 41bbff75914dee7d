import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  enlistmentUrl,
  identifierBytesMax,
  isIdentifier,
  readEnlistmentId,
  writeEnlistmentId,
} from '../../../src/http/enlistment/identifier.ts';

const base64url = (text: string): string => Buffer.from(text).toString('base64url');

describe('the identifier of an enlistment', () => {
  it.each([
    ['the folder above', base64url('..')],
    ['this folder', base64url('.')],
    ['nothing', ''],
    ['padding', 'NDI='],
    ['bits that are not used', 'NDJ'],
    ['no UTF-8', Buffer.from([0xff]).toString('base64url')],
    ['an overlong sequence for a full stop', Buffer.from([0xc0, 0xae]).toString('base64url')],
    ['one byte too many', base64url('x'.repeat(identifierBytesMax + 1))],
  ])('is refused: %s', (_, encoded) => {
    expect(readEnlistmentId(`main~${encoded}`)).toBeUndefined();
  });

  it.each(['', '.', '..', '\ud800', 'ü'.repeat(identifierBytesMax / 2 + 1)])(
    'is refused of a gatekeeper: %j',
    (id) => {
      expect(isIdentifier(id)).toBe(false);
      expect(() => enlistmentUrl(new URL('https://gatekeeper.example/enlistments'), id)).toThrow();
    },
  );

  it('is read back, and is one segment below the collection, whatever it holds', () => {
    const odd = fc.string({
      unit: fc.constantFrom('.', '/', '\\', '%', '2', 'e', '?', '#', '~', "'", 'ü', '\n', ';'),
    });
    fc.assert(
      fc.property(
        fc.oneof(odd, fc.string({ unit: 'binary' })),
        fc.constantFrom(
          'https://gatekeeper.example/',
          'https://gatekeeper.example/api/enlistments?v=1',
          'https://gatekeeper.example/api/',
        ),
        (id, base) => {
          fc.pre(isIdentifier(id));
          expect(readEnlistmentId(writeEnlistmentId('main', id))).toEqual({ gatekeeper: 'main', id });
          const collection = new URL(base);
          const url = enlistmentUrl(collection, id);
          const above = collection.pathname.replace(/\/$/, '');
          expect([url.origin, url.search]).toEqual([collection.origin, collection.search]);
          expect(url.pathname.split('/').slice(0, -1).join('/')).toBe(above);
          expect(decodeURIComponent(url.pathname.split('/').at(-1)!)).toBe(id);
        },
      ),
    );
  });
});
