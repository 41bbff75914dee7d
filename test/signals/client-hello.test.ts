import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseClientHello } from '../../src/signals/client-hello.ts';
import {
  alpn,
  ascii,
  block16,
  block8,
  handshake,
  serverName,
  signatureAlgorithms,
  supportedVersions,
  u16,
} from './hello.ts';

const everything = handshake({
  sessionId: [1, 2, 3],
  ciphers: [0x0a0a, 0x1301, 0xc02b],
  extensions: [
    [0x1a1a, []],
    serverName('xmpp.example'),
    alpn(ascii('xmpp-client'), ascii('h2')),
    signatureAlgorithms(0x0403, 0x0804),
    supportedVersions(0x0304, 0x0303),
    [10, block16([...u16(29), ...u16(23)])],
    [11, block8([0, 1])],
    [0xfe0d, [1, 2, 3, 4]],
  ],
});

describe('a ClientHello', () => {
  it('has all these fields', () => {
    expect(parseClientHello(everything)).toEqual({
      kind: 'hello',
      hello: {
        legacyVersion: 0x0303,
        cipherSuites: [0x0a0a, 0x1301, 0xc02b],
        extensions: [0x1a1a, 0, 16, 13, 43, 10, 11, 0xfe0d],
        serverName: 'xmpp.example',
        alpn: ['xmpp-client', 'h2'],
        signatureAlgorithms: [0x0403, 0x0804],
        supportedVersions: [0x0304, 0x0303],
      },
    });
  });

  it('may have no extensions at all', () => {
    const answer = parseClientHello(handshake({ extensions: undefined }));
    expect(answer).toMatchObject({ kind: 'hello', hello: { extensions: [], supportedVersions: undefined } });
  });

  it('may have empty lists, which are for the TLS stack to refuse', () => {
    const hello = handshake({ ciphers: [], extensions: [alpn(), supportedVersions()] });
    expect(parseClientHello(hello)).toMatchObject({
      kind: 'hello',
      hello: { cipherSuites: [], alpn: [], supportedVersions: [] },
    });
  });

  it('is malformed at every length but its own', () => {
    for (let length = 0; length < everything.length; length += 1)
      expect(parseClientHello(everything.subarray(0, length)).kind).toBe('malformed');
    expect(parseClientHello(Buffer.concat([everything, Buffer.of(0)])).kind).toBe('malformed');
  });

  it.each<[string, readonly (readonly [number, readonly number[]])[]]>([
    [
      'an extension twice',
      [
        [5, []],
        [5, []],
      ],
    ],
    ['a list of odd length', [[13, block16([4, 3, 8])]]],
    ['a list shorter than its extension', [[13, [...block16([4, 3]), 0]]]],
    ['a list longer than its extension', [[43, [4, 3, 4]]]],
    ['a list of groups of odd length', [[10, block16([0, 29, 0])]]],
    ['a list of groups longer than its extension', [[10, [0, 4, 0, 29]]]],
    ['a list of point formats longer than its extension', [[11, [2, 0]]]],
    ['something after its point formats', [[11, [...block8([0]), 0]]]],
    ['a server name cut off', [[0, block16([0, 0, 9, 120])]]],
    ['a protocol name cut off', [[16, block16([3, 104, 50])]]],
  ])('with %s is malformed', (_, extensions) => {
    expect(parseClientHello(handshake({ extensions })).kind).toBe('malformed');
  });

  it('with a session id over 32 bytes is malformed', () => {
    const sessionId = Array.from({ length: 33 }, () => 7);
    expect(parseClientHello(handshake({ sessionId })).kind).toBe('malformed');
  });

  it('never throws, whatever byte is changed', () => {
    fc.assert(
      fc.property(fc.nat(everything.length - 1), fc.nat(255), (at, value) => {
        const altered = Buffer.from(everything);
        altered[at] = value;
        expect(['hello', 'malformed']).toContain(parseClientHello(altered).kind);
      }),
      { numRuns: 1000 },
    );
  });
});
