import { expectLinear } from '../support/linear.ts';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../../src/signals/crc32c.ts';
import { proxyHeader } from '../../src/signals/proxy-protocol-header.ts';
import { ProxyProtocolReader, type ProxyProgress } from '../../src/signals/proxy-protocol.ts';
import { ascii, block16, cut, u16 } from './hello.ts';

const signature = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const ipv4 = [192, 0, 2, 1, 198, 51, 100, 2, ...u16(40_000), ...u16(5222)];

const tlv = (type: number, value: readonly number[]): number[] => [type, ...block16(value)];

/** A version 2 header: command and version, family, what follows. */
function binary(command: number, family: number, ...payload: readonly number[]): Buffer {
  return Buffer.from([...signature, command, family, ...block16(payload)]);
}

function checksummed(...payload: readonly number[]): Buffer {
  const header = binary(0x21, 0x11, ...payload, ...tlv(3, [0, 0, 0, 0]));
  header.writeUInt32BE(crc32c(header), header.length - 4);
  return header;
}

function feed(chunks: readonly Uint8Array[], headerBytesMax = 4096): ProxyProgress {
  const reader = new ProxyProtocolReader({ headerBytesMax });
  for (const chunk of chunks) {
    const progress = reader.push(chunk);
    if (progress.kind !== 'incomplete') return progress;
  }
  return { kind: 'incomplete' };
}

const bytewise = (bytes: Uint8Array): Uint8Array[] =>
  Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
const line = (text: string): Buffer => Buffer.from(`${text}\r\n`, 'latin1');

function header(bytes: Buffer): Extract<ProxyProgress, { kind: 'header' }>['header'] {
  const progress = feed([bytes]);
  expect(feed(bytewise(bytes))).toEqual(progress);
  if (progress.kind !== 'header') throw new Error(progress.kind);
  expect(progress.bytes).toBe(bytes.length);
  return progress.header;
}

describe('PROXY protocol version 1', () => {
  it.each([
    ['PROXY TCP4 192.0.2.1 198.51.100.2 40000 5222', '192.0.2.1', 40_000],
    ['PROXY TCP4 0.0.0.0 198.51.100.2 0 5222', '0.0.0.0', 0],
    ['PROXY TCP6 2001:db8::1 2001:DB8::2 65535 5222', '2001:db8::1', 65_535],
  ])('%s', (text, address, port) => {
    expect(header(line(text))).toMatchObject({ version: 1, command: 'proxy', source: { address, port } });
  });

  it('without addresses', () => {
    for (const text of ['PROXY UNKNOWN', 'PROXY UNKNOWN ffff::1 what ever 1 2'])
      expect(header(line(text))).toMatchObject({ source: undefined, destination: undefined });
  });

  it.each([
    'PROXY TCP4 192.0.2.1 198.51.100.2 40000',
    'PROXY TCP4 192.0.2.1 198.51.100.2 40000 5222 ',
    'PROXY TCP4 192.0.2.1  198.51.100.2 40000 5222',
    'PROXY TCP4 192.0.2.1 198.51.100.2 040 5222',
    'PROXY TCP4 192.0.2.1 198.51.100.2 65536 5222',
    'PROXY TCP4 192.0.2.01 198.51.100.2 1 5222',
    'PROXY TCP4 ::1 ::2 1 5222',
    'PROXY TCP6 192.0.2.1 198.51.100.2 1 5222',
    'PROXY TCP6 fe80::1%0 ::2 1 5222',
    'PROXY UDP4 192.0.2.1 198.51.100.2 1 5222',
    'PROXY UNKNOWNS',
    'PROXY ',
  ])('refuses %s', (text) => {
    expect(feed([line(text)]).kind).toBe('malformed');
    expect(feed(bytewise(line(text))).kind).toBe('malformed');
  });

  it('ends in CR LF within 107 bytes', () => {
    expect(feed([Buffer.from('PROXY UNKNOWN\rx')]).kind).toBe('malformed');
    expect(feed([Buffer.from('PROXY UNKNOWN\n')]).kind).toBe('incomplete');
    for (const split of [(bytes: Uint8Array) => [bytes], bytewise]) {
      expect(feed(split(line(`PROXY UNKNOWN ${'x'.repeat(91)}`))).kind).toBe('header');
      expect(feed(split(line(`PROXY UNKNOWN ${'x'.repeat(92)}`))).kind).toBe('too-large');
    }
  });
});

describe('PROXY protocol version 2', () => {
  it('has addresses', () => {
    expect(header(binary(0x21, 0x11, ...ipv4))).toMatchObject({
      version: 2,
      command: 'proxy',
      source: { address: '192.0.2.1', port: 40_000 },
      destination: { address: '198.51.100.2', port: 5222 },
    });
    const ipv6 = [...Array.from({ length: 15 }, () => 0), 1, 0x20, 1, ...Array.from({ length: 14 }, () => 0)];
    expect(header(binary(0x21, 0x21, ...ipv6, ...u16(1), ...u16(2)))).toMatchObject({
      source: { address: '::1', port: 1 },
      destination: { address: '2001::', port: 2 },
    });
  });

  it.each([
    ['a health check', binary(0x20, 0x00), 'local'],
    ['a health check with addresses', binary(0x20, 0x11, ...ipv4), 'local'],
    ['a health check in an unknown family', binary(0x20, 0x77, 1, 2, 3), 'local'],
    ['an unknown client', binary(0x21, 0x00), 'proxy'],
    ['a local socket', binary(0x21, 0x31, ...Array.from({ length: 216 }, () => 0)), 'proxy'],
  ])('has no addresses for %s', (_, bytes, command) => {
    expect(header(bytes)).toMatchObject({ command, source: undefined, destination: undefined });
  });

  it('has fields', () => {
    const ssl = [
      7,
      0,
      0,
      0,
      0,
      ...tlv(0x21, ascii('TLSv1.3')),
      ...tlv(0x22, ascii('alice')),
      ...tlv(0x23, ascii('AES')),
    ];
    const fields = header(
      checksummed(
        ...ipv4,
        ...tlv(1, ascii('xmpp-client')),
        ...tlv(2, ascii('xmpp.example')),
        ...tlv(4, [0, 0, 0]),
        ...tlv(4, []),
        ...tlv(5, [9, 9]),
        ...tlv(0x20, ssl),
        ...tlv(0x30, ascii('blue')),
        ...tlv(0xe1, [1, 2, 3]),
        ...tlv(0xe2, ascii('t13')),
      ),
    ).fields;
    expect(fields).toEqual({
      alpn: 'xmpp-client',
      authority: 'xmpp.example',
      uniqueId: Buffer.of(9, 9),
      tls: {
        overTls: true,
        certificateOnConnection: true,
        certificateInSession: true,
        verified: true,
        version: 'TLSv1.3',
        commonName: 'alice',
        cipher: 'AES',
        signatureAlgorithm: undefined,
        keyAlgorithm: undefined,
      },
      netns: 'blue',
      checked: true,
      others: new Map([
        [0xe1, Buffer.of(1, 2, 3)],
        [0xe2, Buffer.from('t13')],
      ]),
    });
  });

  it('does not call a certificate verified that never was there', () => {
    expect(header(binary(0x21, 0x11, ...ipv4, ...tlv(0x20, [1, 0, 0, 0, 0]))).fields.tls).toMatchObject({
      overTls: true,
      verified: false,
    });
  });

  const valid = checksummed(...ipv4, ...tlv(2, ascii('xmpp.example')));

  it('notices every changed bit under a checksum', () => {
    for (let bit = 0; bit < valid.length * 8; bit += 1) {
      const altered = Buffer.from(valid);
      altered[bit >> 3]! ^= 1 << (bit & 7);
      const progress = feed([altered]);
      if (progress.kind !== 'header') continue;
      // Two bytes can take the checksum out of sight: the one that says it is a checksum, and the family, when it
      // turns the addresses into fields. Neither makes an altered header look checked.
      expect(progress.header.fields.checked).toBe(false);
    }
  });

  it.each([
    ['another version', binary(0x31, 0x11, ...ipv4)],
    ['another command', binary(0x22, 0x11, ...ipv4)],
    ['datagrams', binary(0x21, 0x12, ...ipv4)],
    ['an unknown family', binary(0x21, 0x41, ...ipv4)],
    ['half an address', binary(0x21, 0x11, 1, 2, 3)],
    ['a field cut off', binary(0x21, 0x11, ...ipv4, 1, 0, 5, 65)],
    ['a field of two bytes', binary(0x21, 0x11, ...ipv4, 1, 0)],
    ['a name twice', binary(0x21, 0x11, ...ipv4, ...tlv(2, [65]), ...tlv(2, [66]))],
    ['a checksum of two bytes', binary(0x21, 0x11, ...ipv4, ...tlv(3, [1, 2]))],
    ['a wrong checksum', binary(0x21, 0x11, ...ipv4, ...tlv(3, [1, 2, 3, 4]))],
    [
      'an id over 128 bytes',
      binary(
        0x21,
        0x11,
        ...ipv4,
        ...tlv(
          5,
          Array.from({ length: 129 }, () => 1),
        ),
      ),
    ],
    ['TLS cut off', binary(0x21, 0x11, ...ipv4, ...tlv(0x20, [1, 0, 0]))],
    ['TLS with a field cut off', binary(0x21, 0x11, ...ipv4, ...tlv(0x20, [1, 0, 0, 0, 0, 0x21, 0, 9]))],
  ])('refuses %s', (_, bytes) => {
    expect(feed([bytes]).kind).toBe('malformed');
  });

  it('has a limit, known from the length alone', () => {
    expect(feed([binary(0x21, 0x11, ...ipv4).subarray(0, 16)], 27).kind).toBe('too-large');
    expect(feed([binary(0x21, 0x11, ...ipv4)], 28).kind).toBe('header');
  });

  it('leaves later bytes to the client', () => {
    const reader = new ProxyProtocolReader();
    reader.push(valid.subarray(0, 20));
    reader.push(Buffer.concat([valid.subarray(20), Buffer.from('<stream')]));
    reader.push(Buffer.from(':stream>'));
    expect(Buffer.from(reader.rest()).toString()).toBe('<stream:stream>');
  });

  it('is distinguished from everything else at the first byte that differs', () => {
    expect(feed([Buffer.from('<')]).kind).toBe('not-proxy');
    expect(feed([Buffer.from('PROXI')]).kind).toBe('not-proxy');
    expect(feed([Buffer.from('\r\n\r\n\0\r\nQUIX')]).kind).toBe('not-proxy');
    const reader = new ProxyProtocolReader();
    reader.push(Buffer.from('\r\nhello'));
    expect(Buffer.from(reader.rest()).toString()).toBe('\r\nhello');
  });
});

/** With this much padding, in single bytes. */
function longHeader(bytes: number): Uint8Array[] {
  const header = binary(0x21, 0x11, ...ipv4, ...tlv(4, []));
  header.writeUInt16BE(ipv4.length + 3 + bytes, 14);
  header.writeUInt16BE(bytes, header.length - 2);
  return bytewise(Buffer.concat([header, Buffer.alloc(bytes)]));
}

describe('any PROXY header', () => {
  it('is read alike however it is cut, and never thrown at', () => {
    const wire = fc.oneof(
      fc.uint8Array({ maxLength: 64 }).map((payload) => binary(0x21, 0x11, ...ipv4, ...payload)),
      fc.uint8Array({ maxLength: 64 }).map((payload) => Buffer.from([...signature, ...payload])),
      fc.string({ maxLength: 120 }).map((text) => line(`PROXY ${text}`)),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(wire, fc.array(fc.nat(140)), (bytes, places) => {
        expect(feed(cut(bytes, places))).toEqual(feed([bytes]));
      }),
      { numRuns: 2000 },
    );
  });

  it('costs as much as it is long, byte by byte', () => {
    const reading = (size: number): (() => void) => {
      const chunks = longHeader(size);
      return () => expect(feed(chunks, 70_000).kind).toBe('header');
    };
    expectLinear('a PROXY header', reading(15_000), reading(30_000));
  });

  it('that we write is one that we read', () => {
    const endpoint = fc.record({ address: fc.oneof(fc.ipV4(), fc.ipV6()), port: fc.nat(65_535) });
    fc.assert(
      fc.property(
        endpoint,
        endpoint,
        fc.constantFrom('none', 'standard', 'full'),
        (source, destination, profile) => {
          const written = proxyHeader({
            source,
            destination,
            profile,
            attestation: Buffer.from('x'),
            alpn: 'h2',
          });
          if (written.kind !== 'header') throw new Error(written.kind);
          const read = header(written.header);
          expect(read.source?.port).toBe(source.port);
          expect(read.destination?.port).toBe(destination.port);
          expect(read.fields.checked).toBe(profile !== 'none');
        },
      ),
    );
  });
});
