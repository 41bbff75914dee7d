import { createHmac, createPublicKey, sign } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attest, type AttestationInput, type AttestationBinding } from '../../src/signals/attestation.ts';
import { protectedHeader } from '../../src/signals/attestation-header.ts';
import { parseJwks, refreshingKeys, staticKeys } from '../../src/signals/jwks.ts';
import { SigningKeys } from '../../src/signals/keys.ts';
import { packAttestation, unpackAttestation } from '../../src/signals/packed-attestation.ts';
import { createVerifier, type Verifier, type VerifierOptions } from '../../src/signals/verify.ts';
import { seededKey, seededPem } from './key-pair.ts';

const start = Date.UTC(2026, 5, 1) - 30_000;
const keys = await SigningKeys.parse([
  { name: 'spring.pem', pem: seededPem(1) },
  { name: 'summer@20260601T000000Z.pem', pem: seededPem(2) },
]);
const binding: AttestationBinding = { kind: 'tls-exporter', value: Buffer.alloc(32, 3) };
const elsewhere: AttestationBinding = { kind: 'tls-exporter', value: Buffer.alloc(32, 4) };

const input: AttestationInput = {
  issuer: 'proxy.example',
  audience: 'gatekeeper.example',
  binding,
  policyDigest: 'digest',
  signals: { tcp: { absent: 'behind-lb' } },
};

const make = (change: Partial<AttestationInput> = {}, at = start): string =>
  attest({ ...input, ...change }, { keys, clock: () => at });

function verifier(change: Partial<VerifierOptions> = {}, at = start): Verifier {
  return createVerifier({
    keys: staticKeys(parseJwks(keys.jwks())!),
    audience: 'gatekeeper.example',
    issuer: 'proxy.example',
    clock: () => at,
    ...change,
  });
}

const outcome = async (
  jws: string | undefined,
  at = start,
  on: AttestationBinding = binding,
): Promise<string> => {
  const verification = await verifier({}, at).verify(jws, on);
  return verification.kind === 'refused' ? verification.code.replace('ERR_ATTESTATION_', '') : 'accepted';
};

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Signed with the real key, whatever the content. */
function signed(header: unknown, payload: unknown): string {
  const content = `${encode(header)}.${encode(payload)}`;
  return `${content}.${sign(null, Buffer.from(content), seededKey(1)).toString('base64url')}`;
}

const header = { alg: 'EdDSA', typ: 'connection-signals+jwt', kid: 'spring' };
const claims = JSON.parse(Buffer.from(make().split('.')[1]!, 'base64url').toString()) as Record<
  string,
  unknown
>;

describe('a verifier', () => {
  it('accepts an attestation and returns its claims', async () => {
    const verification = await verifier().verify(make(), binding);
    expect(verification).toMatchObject({
      kind: 'accepted',
      kid: 'spring',
      bindingChecked: true,
      claims: { iss: 'proxy.example', policy: 'digest', signals: { tcp: { absent: 'behind-lb' } } },
    });
  });

  it.each(['certificate', 'noise-ephemeral'] as const)(
    'accepts one from a PROXY header, bound by %s, and for no other',
    async (kind) => {
      const bound = { kind, sha256: Buffer.alloc(32, 9) };
      const jws = unpackAttestation(packAttestation(make({ binding: bound }))!);
      const other = kind === 'certificate' ? 'noise-ephemeral' : 'certificate';
      expect(await outcome(jws, start, { kind: other, sha256: bound.sha256 })).toBe('BINDING');
      expect(await outcome(jws, start, { kind, sha256: Buffer.alloc(32, 8) })).toBe('BINDING');
      expect(await outcome(jws, start, bound)).toBe('accepted');
    },
  );

  it('accepts one without checking the binding only when requested, and states it', async () => {
    const verification = await verifier().verify(make(), { kind: 'unchecked' });
    expect(verification).toMatchObject({ kind: 'accepted', bindingChecked: false });
  });

  it('refuses none at all', async () => {
    expect(await outcome(undefined)).toBe('MISSING');
  });

  it('refuses another connection, and does not use the attestation up', async () => {
    const subject = verifier();
    const jws = make();
    expect(await subject.verify(jws, elsewhere)).toMatchObject({ code: 'ERR_ATTESTATION_BINDING' });
    expect(await subject.verify(jws, { kind: 'certificate', sha256: Buffer.alloc(32, 3) })).toMatchObject({
      code: 'ERR_ATTESTATION_BINDING',
      explanation: expect.stringContaining('other means'),
    });
    expect(await subject.verify(jws, binding)).toMatchObject({ kind: 'accepted' });
  });

  it('refuses a replay on the same connection, and on any', async () => {
    const subject = verifier();
    const jws = make();
    expect(await subject.verify(jws, binding)).toMatchObject({ kind: 'accepted' });
    const again = { code: 'ERR_ATTESTATION_REPLAY', explanation: expect.stringContaining('same connection') };
    expect(await subject.verify(jws, binding)).toMatchObject(again);
    expect(await subject.verify(jws, { kind: 'unchecked' })).toMatchObject(again);
    expect(await subject.verify(make(), binding)).toMatchObject({ kind: 'accepted' });
  });

  it('accepts one of two that arrive at once', async () => {
    const subject = verifier();
    const jws = make();
    const both = await Promise.all([subject.verify(jws, binding), subject.verify(jws, binding)]);
    expect(both.map(({ kind }) => kind).toSorted()).toEqual(['accepted', 'refused']);
  });

  it('remembers a used attestation for as long as it could be accepted', async () => {
    let now = start;
    const subject = verifier({ clock: () => now });
    const jws = make({}, start + 5_000);
    const codes: string[] = [];
    for (; now < start + 80_000; now += 500) {
      const verification = await subject.verify(jws, binding);
      codes.push(verification.kind === 'refused' ? verification.code : verification.kind);
    }
    expect(codes.filter((code) => code === 'accepted')).toHaveLength(1);
    expect(new Set(codes)).toEqual(
      new Set(['accepted', 'ERR_ATTESTATION_REPLAY', 'ERR_ATTESTATION_EXPIRED']),
    );
  });

  it('remembers no more than it is allowed to', async () => {
    const subject = verifier({ replayEntriesMax: 2 });
    const [first, ...others] = [make(), make(), make()];
    for (const jws of [first, ...others]) await subject.verify(jws, binding);
    for (const jws of others) expect(await subject.verify(jws, binding)).toMatchObject({ kind: 'refused' });
    expect(await subject.verify(first, binding)).toMatchObject({ kind: 'accepted' });
  });

  it('refuses another audience and another issuer', async () => {
    expect(await outcome(make({ audience: 'other.example' }))).toBe('AUDIENCE');
    expect(await outcome(make({ issuer: 'other.example' }))).toBe('ISSUER');
  });

  it.each([
    [-6, 'NOT_YET_VALID'],
    [-5, 'accepted'],
    [0, 'accepted'],
    [60, 'accepted'],
    [64.9, 'accepted'],
    [65, 'EXPIRED'],
    [100_000, 'EXPIRED'],
  ])('%s seconds after it was made: %s', async (seconds, expected) => {
    // Issued by the same key all along, so that only time changes.
    expect(await outcome(make(), start + seconds * 1000)).toBe(expected);
  });

  it.each([
    [{ exp: start / 1000 + 61 }, 'LIFETIME'],
    [{ exp: start / 1000 }, 'LIFETIME'],
    [{ iat: start / 1000 - 3600 }, 'LIFETIME'],
  ])('refuses a lifetime of its own: %o', async (change, expected) => {
    expect(await outcome(signed(header, { ...claims, ...change }))).toBe(expected);
  });

  it.each([-1, 31, Number.NaN])('has no clock skew of %s seconds', (clockSkewSeconds) => {
    expect(() => verifier({ clockSkewSeconds })).toThrow(RangeError);
  });

  it('refuses every altered claim', async () => {
    const [head, payload, signature] = make().split('.');
    const original = JSON.parse(Buffer.from(payload!, 'base64url').toString()) as Record<string, unknown>;
    const altered = { ...original, signals: { tcp: { absent: 'disabled' } } };
    expect(await outcome(`${head}.${encode(altered)}.${signature}`)).toBe('SIGNATURE');
    for (const name of Object.keys(original))
      expect(await outcome(`${head}.${encode({ ...original, [name]: 'x' })}.${signature}`)).toBe('SIGNATURE');
  });

  it('refuses every altered character', async () => {
    const jws = make();
    const subject = verifier();
    const alphabet = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.');
    await fc.assert(
      fc.asyncProperty(fc.nat(jws.length - 1), fc.constantFrom(...alphabet), async (at, character) => {
        fc.pre(jws[at] !== character);
        const altered = jws.slice(0, at) + character + jws.slice(at + 1);
        expect((await subject.verify(altered, binding)).kind).toBe('refused');
      }),
      { numRuns: 500 },
    );
  });

  it('refuses alg none, with and without the signature', async () => {
    const none = `${encode({ ...header, alg: 'none' })}.${encode(claims)}`;
    expect(await outcome(`${none}.`)).toBe('ALGORITHM');
    expect(await outcome(`${none}.${make().split('.')[2]}`)).toBe('ALGORITHM');
  });

  it('refuses HS256 with the public key as the secret', async () => {
    const content = `${encode({ ...header, alg: 'HS256' })}.${encode(claims)}`;
    const publicKey = createPublicKey(seededKey(1));
    for (const secret of [
      publicKey.export({ format: 'pem', type: 'spki' }),
      publicKey.export({ format: 'der', type: 'spki' }),
      Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url'),
    ]) {
      const mac = createHmac('sha256', secret).update(content).digest('base64url');
      expect(await outcome(`${content}.${mac}`)).toBe('ALGORITHM');
    }
  });

  it('refuses a token of another type, made with the same key', async () => {
    expect(await outcome(signed({ ...header, typ: 'JWT' }, claims))).toBe('TYPE');
    expect(await outcome(signed({ alg: 'EdDSA', kid: 'spring' }, claims))).toBe('TYPE');
  });

  it('refuses keys that the token brings along, and parameters it must not have', async () => {
    const jwk = createPublicKey(seededKey(9)).export({ format: 'jwk' });
    for (const extra of [{ jwk }, { jku: 'https://evil.example' }, { crit: ['exp'], exp: 1 }, { b64: false }])
      expect(await outcome(signed({ ...header, ...extra }, claims))).toBe('MALFORMED');
  });

  it('refuses an unknown key id, and a known one over another’s signature', async () => {
    expect(await outcome(signed({ ...header, kid: 'winter' }, claims))).toBe('UNKNOWN_KEY');
    expect(await outcome(signed({ ...header, kid: 'summer' }, claims))).toBe('SIGNATURE');
  });

  it.each<[string, string]>([
    ['nothing', ''],
    ['one part', 'abc'],
    ['four parts', `${make()}.abc`],
    ['white space', `${make()}\n`],
    ['a header that is no JSON', `abc.${encode(claims)}.abc`],
    ['a header that is a list', `${encode([])}.${encode(claims)}.abc`],
    ['more than 8 KiB', `${make()}${'A'.repeat(8192)}`],
  ])('refuses %s', async (_, text) => {
    expect(await outcome(text)).toBe('MALFORMED');
  });

  it.each<[string, unknown]>([
    ['a list', []],
    ['no jti', { ...claims, jti: undefined }],
    ['an empty jti', { ...claims, jti: '' }],
    ['two audiences', { ...claims, aud: ['gatekeeper.example', 'other.example'] }],
    ['a time as text', { ...claims, exp: '1' }],
    ['no binding', { ...claims, cnf: {} }],
    ['two bindings', { ...claims, cnf: { 'tls-exporter': 'A', 'x5t#S256': 'A' } }],
    ['an unknown binding', { ...claims, cnf: { jkt: 'A' } }],
    ['unknown signals', { ...claims, signals: { user: 'alice' } }],
  ])('refuses signed claims with %s', async (_, payload) => {
    expect(await outcome(signed(header, payload))).toBe('MALFORMED');
  });

  it('never rejects, whatever it is given', async () => {
    const subject = verifier();
    const part = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.json().map((json) => Buffer.from(json).toString('base64url')),
      fc.constant(protectedHeader('spring')),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 4 }), async (parts) => {
        expect((await subject.verify(parts.join('.'), binding)).kind).toBe('refused');
      }),
    );
  });

  it('follows a rotation without losing an attestation', async () => {
    let now = start;
    const subject = verifier({
      clock: () => now,
      keys: refreshingKeys({ load: () => Promise.resolve(keys.jwks()), clock: () => now }),
    });
    const kids = new Set<string>();
    for (; now < start + 60_000; now += 1000) {
      const verification = await subject.verify(make({}, now), binding);
      expect(verification.kind).toBe('accepted');
      if (verification.kind === 'accepted') kids.add(verification.kid);
    }
    expect([...kids]).toEqual(['spring', 'summer']);
  });
});
