import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBindAddress, isDomainName, isHost, parseHostPort } from '../../src/config/address.ts';

describe('parseHostPort', () => {
  it.each([
    ['xmpp.example:5222', { host: 'xmpp.example', port: 5222 }],
    ['192.0.2.1:1', { host: '192.0.2.1', port: 1 }],
    ['[2001:db8::1]:65535', { host: '2001:db8::1', port: 65_535 }],
    ['[::]:5222', { host: '::', port: 5222 }],
  ])('reads %s', (text, address) => expect(parseHostPort(text)).toEqual({ kind: 'address', address }));

  it.each([
    ['xmpp.example', 'has no port'],
    ['xmpp.example:', 'is not of the form host:port'],
    ['xmpp.example:0', 'has a port outside 1 to 65535'],
    ['xmpp.example:65536', 'has a port outside 1 to 65535'],
    ['2001:db8::1', 'needs brackets around its IPv6 address'],
    ['2001:db8:1:2:3:4:5:6:5222', 'needs brackets around its IPv6 address'],
    ['[2001:db8::g]:5222', 'has no IPv6 address in its brackets'],
    [':5222', 'has no valid host name or IPv4 address'],
    ['256.1.1.1:5222', 'has no valid host name or IPv4 address'],
    ['0x7f.1:5222', 'has no valid host name or IPv4 address'],
    ['a b:5222', 'has no valid host name or IPv4 address'],
    ['xmpp.example:5222/x', 'is not of the form host:port'],
  ])('%s %s', (text, why) => expect(parseHostPort(text)).toEqual({ kind: 'malformed', why }));

  it('returns what it was given', () => {
    const host = fc.oneof(
      fc.ipV4(),
      fc.ipV6().map((address) => `[${address}]`),
      fc.constant('a-b.example'),
    );
    fc.assert(
      fc.property(host, fc.integer({ min: 1, max: 65_535 }), (name, port) => {
        const parsed = parseHostPort(`${name}:${port}`);
        expect(parsed).toEqual({ kind: 'address', address: { host: name.replace(/[[\]]/g, ''), port } });
      }),
    );
  });

  it('answers every text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseHostPort(text).kind).toMatch(/^(address|malformed)$/);
      }),
    );
  });
});

describe('names', () => {
  it.each(['localhost', 'a.example', 'xn--mnchen-3ya.example', 'a1-b.c'])('%s is a domain name', (text) => {
    expect(isDomainName(text)).toBe(true);
  });

  it.each([
    '',
    '-a',
    'a-',
    'a..b',
    'a.',
    'a_b',
    'a b',
    'ä.example',
    `${'a'.repeat(64)}.example`,
    'a.'.repeat(127) + 'abcd',
  ])('%s is none', (text) => expect(isDomainName(text)).toBe(false));

  it('a number at the end is an IPv4 address or nothing', () => {
    expect([isHost('192.0.2.1'), isHost('192.0.2'), isHost('1'), isHost('host1')]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  it('listening takes IPv6 without brackets', () => {
    expect([isBindAddress('::'), isBindAddress('[::]'), isBindAddress('127.0.0.1')]).toEqual([
      true,
      false,
      true,
    ]);
  });
});
