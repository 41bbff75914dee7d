import { randomBytes } from 'node:crypto';
import { ownBytes } from '../stanza/own-bytes.ts';
import { asBuffer } from './as-buffer.ts';
import type { SignalClaims } from './claims.ts';
import type { SigningKeys } from './keys.ts';

/** Longest lifetime in seconds: an attestation is for one connection that is being opened. */
export const lifetimeSecondsMax = 60;

/** The connection or key that an attestation is bound to, so that it is worthless elsewhere (RFC 7800, `cnf`).
 *
 *  - `tls-exporter`: the TLS connection that carries it, by 32 bytes that only its two ends can compute (RFC 9266:
 *    label `EXPORTER-Channel-Binding`, no context). For carriers `stream` and `http`.
 *  - `certificate`: the SHA-256 of the proxy's client certificate in DER (RFC 8705), for the PROXY header, which is
 *    sent before TLS.
 *  - `noise-ephemeral`: the SHA-256 of the 32-byte ephemeral key in the first message of the Noise handshake that
 *    follows the PROXY header. The proxy makes the key before it connects. */
export type AttestationBinding =
  | { readonly kind: 'tls-exporter'; readonly value: Uint8Array }
  | { readonly kind: 'certificate'; readonly sha256: Uint8Array }
  | { readonly kind: 'noise-ephemeral'; readonly sha256: Uint8Array };

/** The `cnf` claim. */
export type Confirmation =
  | { readonly 'tls-exporter': string }
  | { readonly 'x5t#S256': string }
  | { readonly 'noise-ephemeral#S256': string };

/** The payload. No claim names the user. */
export interface AttestationClaims {
  readonly iss: string;
  readonly aud: string;
  /** Seconds since 1970. */
  readonly iat: number;
  readonly exp: number;
  readonly jti: string;
  readonly cnf: Confirmation;
  /** Digest of the policy in force. */
  readonly policy: string;
  readonly signals: SignalClaims;
}

export interface AttestationInput {
  /** The proxy's name in `iss`. */
  readonly issuer: string;
  /** The gatekeeper's name in `aud`. */
  readonly audience: string;
  readonly binding: AttestationBinding;
  readonly policyDigest: string;
  readonly signals: SignalClaims;
}

export interface AttesterOptions {
  readonly keys: SigningKeys;
  /** Returns milliseconds since 1970. Default `Date.now`. */
  readonly clock?: () => number;
  /** Returns 16 bytes that never repeat. Default `randomBytes`. */
  readonly random?: () => Uint8Array;
  /** Lifetime in seconds, 1 to 60. Default 60. */
  readonly lifetimeSeconds?: number;
}

/** Signs an attestation of one connection.
 *  @returns a JWS in compact form (RFC 7515), in about 30 µs, nearly all for Ed25519
 *  @throws RangeError when the lifetime is out of bounds
 *  @throws KeyError `ERR_KEY_NONE` when no key is valid yet */
export function attest(input: AttestationInput, options: AttesterOptions): string {
  const { keys, clock = Date.now, random = () => randomBytes(16) } = options;
  const { lifetimeSeconds = lifetimeSecondsMax } = options;
  if (!Number.isInteger(lifetimeSeconds) || lifetimeSeconds < 1 || lifetimeSeconds > lifetimeSecondsMax)
    throw new RangeError(`lifetimeSeconds must be 1 to ${lifetimeSecondsMax}`);
  const iat = Math.floor(clock() / 1000);
  const claims: AttestationClaims = {
    iss: input.issuer,
    aud: input.audience,
    iat,
    exp: iat + lifetimeSeconds,
    jti: base64url(random()),
    cnf: confirmation(input.binding),
    policy: input.policyDigest,
    signals: input.signals,
  };
  return keys.sign(ownBytes(JSON.stringify(claims)).toString('base64url'), iat);
}

/** Returns the `cnf` claim of a binding. */
export function confirmation(binding: AttestationBinding): Confirmation {
  switch (binding.kind) {
    case 'tls-exporter':
      return { 'tls-exporter': base64url(binding.value) };
    case 'certificate':
      return { 'x5t#S256': base64url(binding.sha256) };
    default:
      return { 'noise-ephemeral#S256': base64url(binding.sha256) };
  }
}

function base64url(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('base64url');
}
