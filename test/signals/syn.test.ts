import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprintSyn } from '../../src/signals/p0f.ts';
import { readSyn } from '../../src/signals/syn.ts';
import { syn4, syn6 } from './packet.ts';

describe('a captured SYN', () => {
  it.each([
    ['SYN-ACK', 0x12],
    ['ACK', 0x10],
    ['SYN and FIN', 0x03],
    ['SYN and RST', 0x06],
    ['no flag', 0],
  ])('is not a packet with %s', (_, flags) => {
    expect(readSyn(syn4({ flags })).kind).toBe('not-syn');
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['another IP version', Buffer.from([0x50, ...syn4().subarray(1)])],
    ['a fragment', syn4({ fragment: 0x2000 })],
    ['a later fragment', syn4({ fragment: 9 })],
    ['UDP', syn4({ protocol: 17 })],
    ['UDP over IPv6', syn6({ protocol: 17 })],
    ['a fragment of IPv6', syn6({ extensionHeaders: [[44, [0, 0, 0, 0, 0, 0, 0]]] })],
    ['an IP header of 16 bytes', Buffer.from([0x44, ...syn4().subarray(1)])],
    ['a declared length below its headers', syn4({ totalBytes: 59 })],
    ['a declared length below its IPv6 headers', syn6({ totalBytes: 39 })],
  ])('is not %s', (_, packet) => {
    expect(readSyn(packet).kind).toBe('malformed');
  });

  it('needs all of its headers', () => {
    for (const packet of [syn4(), syn6(), syn4({ ipOptions: [1, 1, 1, 0] })])
      for (let length = 0; length < packet.length; length += 1)
        expect(readSyn(packet.subarray(0, length)).kind).toBe('malformed');
  });

  it('may be followed by the padding of its link', () => {
    expect(readSyn(Buffer.concat([syn4(), Buffer.alloc(6, 9)]))).toEqual(readSyn(syn4()));
  });

  it('keeps no numbers that name a host or a moment', () => {
    const one = syn4({ id: 0x1111, sequence: 0x22222222 });
    const other = syn4({ id: 0x3333, sequence: 0x44444444 });
    one.fill(0x55, 12, 20);
    one.writeUInt32BE(0x66666666, 20 + 20 + 4 + 2 + 2);
    expect(readSyn(one)).toEqual(readSyn(other));
  });

  it('is read or refused, never thrown at, and printed within bounds', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(fc.constantFrom(syn4(), syn6()), fc.array(fc.tuple(fc.nat(99), fc.nat(255)), { maxLength: 9 }))
        .map(([packet, changes]) => {
          for (const [at, value] of changes) packet[at % packet.length] = value;
          return packet;
        }),
    );
    fc.assert(
      fc.property(bytes, (packet) => {
        const answer = readSyn(packet);
        if (answer.kind !== 'syn') return;
        expect(fingerprintSyn(answer.syn).p0f).toMatch(
          /^[46]:\d+\+(\d+|\?):\d+:\d+:(m(ss|tu)\*)?\d+,\d+:[a-z0-9?+,]*:[a-z0-9+\-,]*:[0+]$/,
        );
      }),
      { numRuns: 3000 },
    );
  });
});
