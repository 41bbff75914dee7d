import { expectLinear } from '../support/linear.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MediaAddresses,
  replaceAddresses,
  sealedAddressesMax,
} from '../../src/minimisation/media-address.ts';

const marked = (text: string): string => replaceAddresses(text, (address) => `[${address}]`);

describe('addresses in a text', () => {
  it.each([
    ['https://a.example/x', '[https://a.example/x]'],
    [
      'see https://a.example/x, or <https://b.example>',
      'see [https://a.example/x], or <[https://b.example]>',
    ],
    ['https://a.example/x_', '[https://a.example/x_]'],
    [' https://a.example/x!\n', ' [https://a.example/x!]\n'],
    ['(https://a.example/x_(y)).', '([https://a.example/x_(y])).'],
    ['a://b://c', '[a://b://c]'],
    ['a://b. c://d.', '[a://b]. [c://d].'],
    ['ahttps://a.example', '[ahttps://a.example]'],
    ['über https://a.example/ä!', 'über [https://a.example/ä]!'],
    ['://', '[://]'],
    ['no address: a:/b //c', 'no address: a:/b //c'],
    ['', ''],
  ])('%s', (text, result) => expect(marked(text)).toBe(result));

  it('are all there is that changes', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab:/ .é<(h') }), (text) => {
        expect(replaceAddresses(text, (address) => address)).toBe(text);
        expect(marked(text).replaceAll(/[[\]]/g, '')).toBe(text);
      }),
    );
  });

  it.each([
    ['marks and quotes', '://"'],
    ['marks apart', ':// '],
    ['punctuation', '.'],
  ])('cost one pass: %s', (name, unit) => {
    // Within what a stanza may hold: beyond that, caches and the garbage collector are measured.
    const [single, double] = [20_000, 40_000].map((times) => `see https://a.example/${unit.repeat(times)}`);
    expectLinear(
      name,
      () => void marked(single!),
      () => void marked(double!),
    );
  });
});

describe('sealed addresses', () => {
  const addresses = new MediaAddresses({
    base: 'https://proxy.example/media/',
    provider: ['https://bücher.example', 'https://[2001:db8::1]:8443'],
    gatekeepers: new Map([['main', ['https://up.example']]]),
    seal: { seal: (url) => Buffer.from(url).toString('base64url'), unseal: () => undefined },
  });
  const gatekeeper = { audience: 'gatekeeper', gatekeeper: 'main' } as const;
  const client = { audience: 'client', gatekeeper: 'main' } as const;
  const scope = { context: 'c', periodMs: undefined };

  it.each([
    ['an internationalised name', 'https://bücher.example/x', 'sealed'],
    ['the same in its other form', 'https://XN--BCHER-KVA.example/x', 'sealed'],
    ['an address in brackets', 'https://[2001:db8::1]:8443/x', 'sealed'],
    ['the same written out', 'https://[2001:db8:0:0:0:0:0:1]:8443/x', 'sealed'],
    ['white space around', ' https://bücher.example/x\n', 'sealed'],
    ['another port', 'https://bücher.example:444/x', 'withheld'],
    ['another scheme', 'ftp://xn--bcher-kva.example/x', 'withheld'],
    ['a key', 'aesgcm://elsewhere.example/x#00', 'refused'],
    ['elsewhere', 'https://up.example/x', 'as-is'],
    ['no host', 'cid:sha1+00@bob.xmpp.org', 'as-is'],
    ['a path alone', '/u/17/holiday.jpg', 'unreadable'],
  ])('the gatekeeper: %s', (_, address, kind) => {
    expect(addresses.seal(URL.parse(address), gatekeeper, scope).kind).toBe(kind);
  });

  it.each([
    ['https://xn--bcher-kva.example/x', 'refused'],
    ['https://up.example/x', 'as-is'],
  ])('once there are enough of them, only what would be sealed is refused: %s', (address, kind) => {
    expect(addresses.seal(URL.parse(address), gatekeeper, undefined).kind).toBe(kind);
  });

  it('are as many as a stanza of its size may have', () => {
    expect([0, 1_199, 1_200, 12_800, 100_000].map(sealedAddressesMax)).toEqual([5, 5, 6, 64, 64]);
  });

  it('clients see those of their own gatekeeper sealed', () => {
    const url = URL.parse('https://up.example/x');
    expect(addresses.seal(url, client, scope).kind).toBe('sealed');
    expect(addresses.seal(url, { ...client, gatekeeper: 'other' }, scope).kind).toBe('as-is');
  });
});
