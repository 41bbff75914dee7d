import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMediaTokens } from '../../../src/http/media/token.ts';

const old = Buffer.alloc(32, 1);
const fresh = Buffer.alloc(32, 2);
let now = 1_800_000_000_000;
const tokens = createMediaTokens({ secrets: [fresh, old], lifetimeMs: 60_000, now: () => now });
const before = createMediaTokens({ secrets: [old], lifetimeMs: 60_000, now: () => now });
const after = createMediaTokens({ secrets: [fresh], lifetimeMs: 60_000, now: () => now });
const url = 'https://media.provider.example/store/4711/juliet.jpg';

describe('a media token', () => {
  it('opens to the URL it was made of, and is safe in a path', () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true }), fc.string(), (url, audience) => {
        const token = tokens.seal(url, audience);
        expect(token).toMatch(/^[\w-]+$/);
        expect(tokens.open(token, ['b', audience])).toEqual({ kind: 'open', url, audience });
      }),
    );
  });

  it('does not open when one character differs', () => {
    const token = tokens.seal(url, 'a');
    fc.assert(
      fc.property(
        fc.nat(token.length - 1),
        fc.constantFrom('A', 'B', 'z', '0', '9', '-', '_'),
        (at, character) => {
          fc.pre(token[at] !== character);
          const changed = token.slice(0, at) + character + token.slice(at + 1);
          expect(tokens.open(changed, ['a'])).toEqual({ kind: 'not-ours' });
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each(['', 'A', 'AAAA', 'A'.repeat(400), `${tokens.seal(url, 'a')}=`, 'ä', 'A'.repeat(9_000)])(
    'is not %j',
    (token) => {
      expect(tokens.open(token, ['a'])).toEqual({ kind: 'not-ours' });
    },
  );

  it('does not open for another audience', () => {
    expect(tokens.open(tokens.seal(url, 'a'), ['b'])).toEqual({ kind: 'other-audience' });
  });

  it('expires', () => {
    const token = tokens.seal(url, 'a');
    now += 59_999;
    expect(tokens.open(token, ['a']).kind).toBe('open');
    now += 1;
    expect(tokens.open(token, ['a'])).toEqual({ kind: 'expired' });
  });

  it('outlives a rotation, not the removal of its key', () => {
    const token = before.seal(url, 'a');
    expect(tokens.open(token, ['a']).kind).toBe('open');
    expect(after.open(token, ['a'])).toEqual({ kind: 'not-ours' });
    expect(after.open(tokens.seal(url, 'a'), ['a']).kind).toBe('open');
  });

  it('differs each time and is as long for any short URL', () => {
    const made = ['https://a.example/1', 'https://a.example/1', 'https://a.example/some-name'].map((url) =>
      tokens.seal(url, 'a'),
    );
    expect(new Set(made).size).toBe(3);
    expect(new Set(made.map((token) => token.length)).size).toBe(1);
  });

  it('needs a whole secret', () => {
    expect(() => createMediaTokens({ secrets: [Buffer.alloc(16)], lifetimeMs: 1, now: () => now })).toThrow(
      RangeError,
    );
  });
});

describe('a sealed ETag', () => {
  it('is the same for the same version, and opens for its own URL only', () => {
    const sealed = tokens.sealEtag('"v1"', url);
    expect(tokens.sealEtag('"v1"', url)).toBe(sealed);
    expect(tokens.openEtag(sealed, url)).toBe('"v1"');
    expect(tokens.openEtag(sealed, `${url}?`)).toBeUndefined();
    expect(tokens.sealEtag('"v1"', `${url}?`)).not.toBe(sealed);
    expect(tokens.sealEtag('"v2"', url)).not.toBe(sealed);
  });

  it('is no token, and a token no ETag', () => {
    expect(tokens.open(tokens.sealEtag('"v1"', url), ['a'])).toEqual({ kind: 'not-ours' });
    expect(tokens.openEtag(tokens.seal(url, 'a'), url)).toBeUndefined();
  });

  it('is the same in the same scope and period, and expires with its period, at least a lifetime on', () => {
    const scope = { context: 'gatekeeper main', periodMs: 600_000 };
    const start = Math.ceil(now / 600_000) * 600_000;
    now = start;
    const token = tokens.seal(url, 'a', scope);
    now = start + 599_999;
    expect(tokens.seal(url, 'a', scope)).toBe(token);
    const others = [
      tokens.seal(url, 'b', scope),
      tokens.seal(`${url}?`, 'a', scope),
      tokens.seal(url, 'a', { ...scope, context: 'gatekeeper other' }),
      tokens.seal(url, 'a'),
    ];
    now = start + 600_000;
    expect(new Set([token, ...others, tokens.seal(url, 'a', scope)]).size).toBe(6);
    now = start + 600_000 + 59_999;
    expect(tokens.open(token, ['a']).kind).toBe('open');
    now += 1;
    expect(tokens.open(token, ['a'])).toEqual({ kind: 'expired' });
  });

  it('is opened for its audience only, also when it has expired', () => {
    const token = tokens.seal(url, 'a');
    now += 60_000;
    expect(tokens.open(token, ['a'])).toEqual({ kind: 'expired' });
    expect(tokens.reveal(token, 'a')).toBe(url);
    expect(tokens.reveal(token, 'b')).toBeUndefined();
    expect(tokens.reveal('AAAA', 'a')).toBeUndefined();
  });
});
