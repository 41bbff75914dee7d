import { randomBytes } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attest, type AttestationInput } from '../../src/signals/attestation.ts';
import { SigningKeys } from '../../src/signals/keys.ts';
import { proxyHeader } from '../../src/signals/proxy-protocol-header.ts';
import { packAttestation, unpackAttestation } from '../../src/signals/packed-attestation.ts';
import { seededPem } from './key-pair.ts';

const keys = await SigningKeys.parse([{ name: 'spring.pem', pem: seededPem(1) }]);
const clock = (): number => Date.UTC(2026, 0, 1);
const random = (): Uint8Array => Buffer.alloc(16, 7);

const input: AttestationInput = {
  issuer: 'proxy.example',
  audience: 'gatekeeper.example',
  binding: { kind: 'tls-exporter', value: Buffer.alloc(32, 3) },
  policyDigest: 'digest',
  signals: { tcp: { absent: 'behind-lb' } },
};

/** A packed attestation whose payload inflates to this many bytes. */
const bomb = (bytes: number): Buffer =>
  Buffer.concat([Buffer.of(1, 0), Buffer.alloc(64), deflateRawSync(Buffer.alloc(bytes, 65))]);

const decode = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());

describe('an attestation', () => {
  it('has these claims', () => {
    const [header, payload] = attest(input, { keys, clock, random }).split('.');
    expect(decode(header!)).toEqual({ alg: 'EdDSA', typ: 'connection-signals+jwt', kid: 'spring' });
    expect(decode(payload!)).toEqual({
      iss: 'proxy.example',
      aud: 'gatekeeper.example',
      iat: clock() / 1000,
      exp: clock() / 1000 + 60,
      jti: 'BwcHBwcHBwcHBwcHBwcHBw',
      cnf: { 'tls-exporter': 'AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM' },
      policy: 'digest',
      signals: { tcp: { absent: 'behind-lb' } },
    });
  });

  it('may be bound to a certificate', () => {
    const binding = { kind: 'certificate', sha256: Buffer.alloc(32, 3) } as const;
    const [, payload] = attest({ ...input, binding }, { keys, clock, random }).split('.');
    expect(decode(payload!)).toMatchObject({
      cnf: { 'x5t#S256': 'AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM' },
    });
  });

  it('may be bound to the ephemeral key of a Noise handshake', () => {
    const binding = { kind: 'noise-ephemeral', sha256: Buffer.alloc(32, 3) } as const;
    const [, payload] = attest({ ...input, binding }, { keys, clock, random }).split('.');
    expect(decode(payload!)).toMatchObject({
      cnf: { 'noise-ephemeral#S256': 'AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM' },
    });
  });

  it('has an id of its own every time', () => {
    const ids = Array.from({ length: 100 }, () => attest(input, { keys, clock }).split('.')[1]);
    expect(new Set(ids).size).toBe(100);
  });

  it.each([0, 61, 1.5, Number.NaN])('does not live %s seconds', (lifetimeSeconds) => {
    expect(() => attest(input, { keys, clock, lifetimeSeconds })).toThrow(RangeError);
  });

  it('lives for the given seconds', () => {
    const [, payload] = attest(input, { keys, clock, lifetimeSeconds: 10 }).split('.');
    expect(decode(payload!)).toMatchObject({ exp: clock() / 1000 + 10 });
  });
});

describe('a packed attestation', () => {
  const jws = attest(input, { keys, clock, random });

  it('is the same JWS, in fewer bytes', () => {
    const packed = packAttestation(jws)!;
    expect(unpackAttestation(packed)).toBe(jws);
    expect(packed.length).toBeLessThan(0.6 * jws.length);
  });

  it('leaves room for all signals in a PROXY header of 536 bytes, also over IPv6 and with everything else', () => {
    const seen = { observed_by: 'balancer', necessity: 'anti-abuse' };
    const signals = {
      client_ip: {
        address: '2001:db8:1234:5678:9abc:def0:1234:5678',
        observed_by: 'edge',
        necessity: 'obligation',
      },
      tcp: { p0f: '6:52+12:0:1440:mss*45,10:mss,sok,ts,nop,ws:ecn,flow:0', distance: 12, ...seen },
      tls: {
        ja4: 't13d1517h2_8daaf6152771_cb7bf5808d99',
        ja4_stable_2: 't13d1516h2_8daaf6152771_b0da82dd1658',
        ...seen,
      },
      round_trip: { tcp_ms: 35, tls_ms: 110, ...seen },
    };
    const endpoint = { address: '2001:db8::1', port: 1 };
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const full = attest(
        {
          ...input,
          issuer: 'https://interop.third.example',
          audience: 'https://chat.gatekeeper.example',
          binding: { kind: 'certificate', sha256: randomBytes(32) },
          policyDigest: randomBytes(32).toString('base64url'),
          signals,
        },
        { keys },
      );
      const attestation = packAttestation(full)!;
      expect(unpackAttestation(attestation)).toBe(full);
      const header = proxyHeader({
        source: endpoint,
        destination: endpoint,
        profile: 'full',
        attestation,
        alpn: 'xmpp-client',
        authority: 'xmpp.third.example',
        tlsVersion: 'TLSv1.3',
      });
      expect(header.kind).toBe('header');
    }
  });

  it('does not unpack to more than 4 KiB', () => {
    expect(unpackAttestation(bomb(4096))).toBeDefined();
    expect(unpackAttestation(bomb(4097))).toBeUndefined();
    expect(unpackAttestation(bomb(100_000_000))).toBeUndefined();
  });

  it.each([
    ['nothing', ''],
    ['two parts', jws.split('.').slice(0, 2).join('.')],
    ['four parts', `${jws}.x`],
    [
      'another header',
      jws.replace(/^[^.]+/, Buffer.from('{"kid":"spring","alg":"EdDSA"}').toString('base64url')),
    ],
    ['a header that is no JSON', jws.replace(/^[^.]+/, 'abc')],
    ['a short signature', jws.slice(0, -4)],
    ['padding', `${jws}==`],
  ])('is not made of %s', (_, other) => {
    expect(packAttestation(other)).toBeUndefined();
  });

  it('unpacks to something a verifier can refuse, or to nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const unpacked = unpackAttestation(bytes);
        if (unpacked !== undefined) expect(unpacked).toMatch(/^[\w-]+\.[\w-]+\.[\w-]{86}$/);
      }),
    );
    expect(unpackAttestation(Buffer.alloc(66, 1))).toBeUndefined();
  });
});
