import { describe, expect, it } from 'vitest';
import { attestationTypeDefault } from '../../src/signals/packed-attestation.ts';
import { proxyHeader, type ProxyHeaderInput } from '../../src/signals/proxy-protocol-header.ts';
import { ProxyProtocolReader } from '../../src/signals/proxy-protocol.ts';

const plain: ProxyHeaderInput = {
  source: { address: '192.0.2.1', port: 40_000 },
  destination: { address: '198.51.100.2', port: 5222 },
  profile: 'none',
  attestation: Buffer.from('attestation'),
  uniqueId: Buffer.from([1, 2, 3]),
  authority: 'xmpp.example',
  alpn: 'xmpp-client',
  tlsVersion: 'TLSv1.3',
};

function written(change: Partial<ProxyHeaderInput>): Buffer {
  const answer = proxyHeader({ ...plain, ...change });
  if (answer.kind !== 'header') throw new Error(answer.kind);
  return answer.header;
}

function fields(bytes: Buffer): unknown {
  const progress = new ProxyProtocolReader().push(bytes);
  return progress.kind === 'header' ? progress.header.fields : progress;
}

describe('a PROXY header to the gatekeeper', () => {
  it('with profile none is the addresses, byte for byte', () => {
    expect(written({}).toString('hex')).toBe('0d0a0d0a000d0a515549540a2111000cc0000201c63364029c401466');
    expect(written({ source: { address: '2001:db8::1', port: 1 } })).toHaveLength(52);
  });

  it('fits the smallest receivers with profile none', () => {
    expect(written({ source: { address: '2001:db8::1', port: 1 } }).length).toBeLessThanOrEqual(107);
  });

  it('with profile standard has a checksum and the attestation, nothing more', () => {
    expect(fields(written({ profile: 'standard' }))).toMatchObject({
      checked: true,
      others: new Map([[attestationTypeDefault, Buffer.from('attestation')]]),
      alpn: undefined,
      authority: undefined,
      tls: undefined,
      uniqueId: undefined,
    });
    const { attestation: _, ...without } = plain;
    const bare = proxyHeader({ ...without, profile: 'standard' });
    expect(bare).toMatchObject({ kind: 'header', header: { length: 28 + 7 } });
  });

  it('with profile full has further fields', () => {
    expect(fields(written({ profile: 'full' }))).toMatchObject({
      checked: true,
      others: new Map([[attestationTypeDefault, Buffer.from('attestation')]]),
      alpn: 'xmpp-client',
      authority: 'xmpp.example',
      uniqueId: Buffer.from([1, 2, 3]),
      tls: { overTls: true, version: 'TLSv1.3', certificateInSession: false, verified: false },
    });
  });

  it('maps an IPv4 address next to an IPv6 one', () => {
    const progress = new ProxyProtocolReader().push(written({ destination: { address: '::1', port: 9 } }));
    expect(progress).toMatchObject({
      header: { source: { address: '192.0.2.1', port: 40_000 }, destination: { address: '::1', port: 9 } },
    });
  });

  it('has a limit of 536 bytes by default', () => {
    const attestation = Buffer.alloc(536 - 28 - 7 - 3);
    expect(written({ profile: 'standard', attestation })).toHaveLength(536);
    const larger = {
      ...plain,
      profile: 'standard',
      attestation: Buffer.alloc(attestation.length + 1),
    } as const;
    expect(proxyHeader(larger)).toEqual({ kind: 'too-large', bytes: 537, headerBytesMax: 536 });
    expect(proxyHeader({ ...larger, headerBytesMax: 537 }).kind).toBe('header');
    const longest = { ...larger, attestation: Buffer.alloc(70_000), headerBytesMax: 100_000 };
    expect(proxyHeader(longest).kind).toBe('too-large');
  });

  it.each([
    { source: { address: 'xmpp.example', port: 1 } },
    { source: { address: 'fe80::1%eth0', port: 1 } },
    { destination: { address: '192.0.2.1', port: 65_536 } },
    { destination: { address: '192.0.2.1', port: -1 } },
    { destination: { address: '192.0.2.1', port: 1.5 } },
  ])('needs addresses: %o', (change) => {
    expect(proxyHeader({ ...plain, ...change })).toEqual({ kind: 'invalid-address' });
  });
});
