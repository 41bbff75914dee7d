import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../../src/signals/crc32c.ts';
import { ProxyProtocolReader, type ProxyProgress } from '../../src/signals/proxy-protocol.ts';
import { field, signedHeader, unsignedHeader } from '../support/proxy-hmac.ts';

const secrets = ['a'.repeat(32), 'b'.repeat(32)] as const;
const [current, former] = secrets;
const ja4 = field(0xe2, 't13d1516h2_8daaf6152771_e5627efa2ab1');
const authority = field(0x02, 'xmpp.example');
/** PP2_TYPE_SSL: over TLS, no certificate. */
const ssl = field(0x20, Buffer.of(1, 0, 0, 0, 1));
const checksumField = field(0x03, Buffer.alloc(4));

function read(header: Uint8Array, keys: readonly string[] = secrets, type = 0xed): ProxyProgress {
  const secretKeys = keys.map((key) => createSecretKey(Buffer.from(key)));
  return new ProxyProtocolReader({ authentication: { type, keys: () => secretKeys } }).push(header);
}

const believed = (fields: Record<string, unknown>, ignoredFields = 0): object => ({
  kind: 'header',
  header: { source: { address: '192.0.2.77', port: 40_000 }, fields, ignoredFields },
});

/** The header with the right checksum in the field of four zeros. */
function checksummed(header: Buffer): Buffer {
  const at = header.lastIndexOf(checksumField);
  header.writeUInt32BE(crc32c(header), at + 3);
  return header;
}

describe('fields before an HMAC', () => {
  it.each(secrets)('count, whichever of the two shared secrets made it: %s', (key) => {
    const header = signedHeader({ key, before: [authority, ja4] });
    expect(read(header)).toMatchObject(
      believed({ authority: 'xmpp.example', others: new Map([[0xe2, ja4.subarray(3)]]) }),
    );
  });

  it('count with a checksum, which stands after the HMAC or before it', () => {
    const after = signedHeader({ key: current, before: [authority], after: [checksumField] });
    const before = signedHeader({ key: current, before: [checksumField, authority] });
    for (const header of [after, before])
      expect(read(checksummed(header))).toMatchObject(believed({ authority: 'xmpp.example', checked: true }));
  });

  it('are left out of what the HMAC does not cover, which is counted', () => {
    const header = signedHeader({ key: current, before: [authority], after: [ja4, field(0x05, 'id')] });
    expect(read(header)).toMatchObject(
      believed({ authority: 'xmpp.example', uniqueId: undefined, others: new Map() }, 2),
    );
  });

  it('need a field of the type that was agreed', () => {
    const header = signedHeader({ key: current, before: [authority], type: 0xe9 });
    expect(read(header, secrets, 0xe9)).toMatchObject(believed({ authority: 'xmpp.example' }));
    expect(read(header)).toMatchObject(believed({ authority: undefined }, 2));
  });
});

describe('fields without an HMAC', () => {
  it('are ignored and counted, padding and checksum apart; the addresses stay', () => {
    const header = unsignedHeader([authority, ja4, field(0x04, ''), checksumField]);
    expect(read(checksummed(header))).toMatchObject(
      believed({ authority: undefined, others: new Map(), checked: true }, 2),
    );
  });

  it('all count where no HMAC is expected', () => {
    const progress = new ProxyProtocolReader().push(unsignedHeader([authority]));
    expect(progress).toMatchObject(believed({ authority: 'xmpp.example' }));
  });

  it('still make the fingerprint of TLS absent that the balancer ended', () => {
    expect(read(unsignedHeader([ssl]))).toMatchObject(
      believed({ tls: { overTls: true, verified: false, version: undefined } }, 1),
    );
  });

  it('are none of version 1, which is as it was', () => {
    const line = Buffer.from('PROXY TCP4 192.0.2.77 198.51.100.2 40000 5222\r\n');
    expect(read(line)).toMatchObject(believed({ authority: undefined }));
  });

  it('are malformed as ever', () => {
    expect(read(unsignedHeader([authority, authority])).kind).toBe('malformed');
    expect(read(unsignedHeader([field(0x20, Buffer.of(1))])).kind).toBe('malformed');
  });
});

describe('a wrong HMAC', () => {
  const header = signedHeader({ key: current, before: [authority, ja4] });

  it('of a secret that is not shared, or no longer', () => {
    expect(read(signedHeader({ key: 'c'.repeat(32), before: [authority] })).kind).toBe('unauthentic');
    const old = signedHeader({ key: former, before: [authority] });
    expect(read(old, [current, former]).kind).toBe('header');
    expect(read(old, [current]).kind).toBe('unauthentic');
  });

  it.each([
    ['too short', field(0xed, Buffer.alloc(31))],
    ['empty', field(0xed, '')],
    ['too long', field(0xed, Buffer.alloc(33))],
  ])('is one that is %s', (_, hmac) => {
    expect(read(unsignedHeader([authority, hmac])).kind).toBe('unauthentic');
  });

  it('is what remains when any bit before it was changed, and nothing of such a header is believed', () => {
    const covered = header.length - 32 - 3;
    for (let bit = 12 * 8; bit < covered * 8; bit += 1) {
      const altered = Buffer.from(header);
      altered[bit >> 3]! ^= 1 << (bit & 7);
      expect(['unauthentic', 'malformed', 'incomplete', 'too-large']).toContain(read(altered).kind);
    }
  });

  it('is the right one of another client’s header', () => {
    const other = Buffer.from('c000024ec63364029c401466', 'hex');
    const moved = Buffer.from(header);
    other.copy(moved, 16);
    expect(read(moved).kind).toBe('unauthentic');
  });
});
