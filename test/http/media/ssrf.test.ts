import type { LookupAddress } from 'node:dns';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSsrfGuard, isPublicAddress } from '../../../src/http/media/ssrf.ts';

const origins = [
  'https://media.provider.example',
  'https://*.cdn.provider.example',
  'https://[::1]',
  'https://10.0.0.1',
];
const guard = createSsrfGuard({ origins });
const code = (error: unknown): unknown => (error as { code?: unknown }).code;

function refusal(url: string): unknown {
  try {
    guard.checkUrl(url);
    return 'allowed';
  } catch (error) {
    return code(error);
  }
}

describe('an address', () => {
  it.each([
    ['0.0.0.0', 'this network'],
    ['10.1.2.3', 'private'],
    ['100.64.0.1', 'carrier-grade NAT'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['169.254.169.254', 'link-local: cloud metadata'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.0.0.192', 'protocol assignments'],
    ['192.0.2.1', 'documentation'],
    ['192.168.1.1', 'private'],
    ['198.18.0.1', 'benchmarking'],
    ['203.0.113.9', 'documentation'],
    ['224.0.0.1', 'multicast'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['::127.0.0.1', 'IPv4-compatible'],
    ['::ffff:127.0.0.1', 'IPv4-mapped loopback'],
    ['::ffff:7f00:1', 'IPv4-mapped loopback'],
    ['::ffff:0:0', 'IPv4-mapped, this network'],
    ['0:0:0:0:0:ffff:a9fe:a9fe', 'IPv4-mapped link-local'],
    ['64:ff9b::10.0.0.1', 'NAT64 of a private one'],
    ['64:ff9b:1::1', 'local NAT64'],
    ['100::1', 'discard'],
    ['2001::1', 'Teredo'],
    ['2001:db8::1', 'documentation'],
    ['2002:7f00:1::1', '6to4 of loopback'],
    ['fc00::1', 'unique local'],
    ['fd12:3456::1', 'unique local'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local with a zone'],
    ['ff02::1', 'multicast'],
    ['localhost', 'no address'],
  ])('%s is not public: %s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each([
    '1.1.1.1',
    '100.63.255.255',
    '172.32.0.1',
    '9.9.9.9',
    '2606:4700::1111',
    '64:ff9b::9.9.9.9',
    '::ffff:9.9.9.9',
  ])('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it('mapped into IPv6 is as public as it is by itself', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const mapped = isPublicAddress(`::ffff:${address}`);
        expect(mapped).toBe(isPublicAddress(address));
        expect(isPublicAddress(`64:ff9b::${address}`)).toBe(mapped);
      }),
    );
  });
});

describe('a media URL', () => {
  it.each([
    'https://media.provider.example/a',
    'https://MEDIA.provider.example:443/a',
    'https://eu1.cdn.provider.example/a?b=c',
  ])('%s may be fetched', (url) => {
    expect(refusal(url)).toBe('allowed');
  });

  it.each([
    'http://media.provider.example/a',
    'https://media.provider.example:8443/a',
    'https://media.provider.example.evil.example/a',
    'https://evil.example/https://media.provider.example',
    'https://media.provider.example@evil.example/',
    'https://user:secret@media.provider.example/',
    'https://cdn.provider.example/a',
    'https://evilcdn.provider.example/a',
    'https://evil.example/.cdn.provider.example',
    'https://eu1.cdn.provider.example:8443/',
    'file:///etc/passwd',
    'gopher://media.provider.example/',
    'media.provider.example',
    '',
  ])('%j may not', (url) => {
    expect(refusal(url)).toBe('ERR_MEDIA_ORIGIN');
  });

  it.each([
    'https://10.0.0.1/',
    'https://0xa.0.0.1/',
    'https://167772161/',
    'https://[::1]/',
    'https://[0::1]/',
  ])('with the literal address %s may not, listed or not', (url) => {
    expect(refusal(url)).toBe('ERR_MEDIA_ADDRESS');
  });

  it('may where the address is allowed by name', () => {
    const inside = createSsrfGuard({ origins, allowAddresses: ['10.0.0.0/30', '::1'] });
    expect(inside.checkUrl('https://10.0.0.1/').hostname).toBe('10.0.0.1');
    expect(inside.checkUrl('https://[::1]/').hostname).toBe('[::1]');
  });
});

const lookUp = (answers: readonly string[], all: boolean) => {
  const addresses = answers.map((address): LookupAddress => ({
    address,
    family: address.includes(':') ? 6 : 4,
  }));
  const { lookup } = createSsrfGuard({ origins, resolve: async () => addresses });
  return new Promise((resolve) => {
    lookup('media.provider.example', { all }, (error, found) =>
      resolve(error === null ? found : code(error)),
    );
  });
};

describe('the look-up', () => {
  it('gives the addresses that were checked', async () => {
    expect(await lookUp(['9.9.9.9'], false)).toBe('9.9.9.9');
    expect(await lookUp(['9.9.9.9', '2606:4700::1'], true)).toEqual([
      { address: '9.9.9.9', family: 4 },
      { address: '2606:4700::1', family: 6 },
    ]);
  });

  it.each([[['127.0.0.1']], [['9.9.9.9', '10.0.0.1']], [['::ffff:192.168.0.1']], [[]]])(
    'refuses %j',
    async (answers) => {
      expect(await lookUp(answers, true)).toBe('ERR_MEDIA_ADDRESS');
    },
  );
});
