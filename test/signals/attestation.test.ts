import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attest, type AttestationInput } from '../../src/signals/attestation.ts';
import { SigningKeys } from '../../src/signals/keys.ts';
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

const decode = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());

describe('an attestation', () => {
  it('says this', () => {
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

  it('has an id of its own every time', () => {
    const ids = Array.from({ length: 100 }, () => attest(input, { keys, clock }).split('.')[1]);
    expect(new Set(ids).size).toBe(100);
  });

  it.each([0, 61, 1.5, Number.NaN])('does not live %s seconds', (lifetimeSeconds) => {
    expect(() => attest(input, { keys, clock, lifetimeSeconds })).toThrow(RangeError);
  });

  it('lives as long as told', () => {
    const [, payload] = attest(input, { keys, clock, lifetimeSeconds: 10 }).split('.');
    expect(decode(payload!)).toMatchObject({ exp: clock() / 1000 + 10 });
  });
});

describe('a packed attestation', () => {
  const jws = attest(input, { keys, clock, random });

  it('is the same JWS, in fewer bytes', () => {
    const packed = packAttestation(jws)!;
    expect(unpackAttestation(packed)).toBe(jws);
    expect(packed.length).toBeLessThan(0.72 * jws.length);
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
