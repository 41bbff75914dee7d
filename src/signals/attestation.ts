import { randomBytes } from 'node:crypto';
import { asBuffer } from './as-buffer.ts';
import type { SignalClaims } from './claims.ts';
import type { SigningKeys } from './keys.ts';

/** An attestation is for one connection being opened now. */
export const lifetimeSecondsMax = 60;

/** What an attestation belongs to, so that it is worth nothing anywhere else (RFC 7800, `cnf`).
 *
 *  - `tls-exporter`: the TLS connection it travels in, by 32 bytes that only its two ends can compute (RFC 9266: label
 *    `EXPORTER-Channel-Binding`, no context). Carriers `stream` and `http`.
 *  - `certificate`: the SHA-256 of the proxy's client certificate in DER (RFC 8705), for the PROXY header, which is sent
 *    before there is TLS. */
export type AttestationBinding =
  | { readonly kind: 'tls-exporter'; readonly value: Uint8Array }
  | { readonly kind: 'certificate'; readonly sha256: Uint8Array };

/** The `cnf` claim. */
export type Confirmation = { readonly 'tls-exporter': string } | { readonly 'x5t#S256': string };

/** The payload. Nothing in it names the user. */
export interface AttestationClaims {
  readonly iss: string;
  readonly aud: string;
  /** Seconds since the epoch. */
  readonly iat: number;
  readonly exp: number;
  readonly jti: string;
  readonly cnf: Confirmation;
  /** Digest of the policy in force, as the proxy computes it. */
  readonly policy: string;
  readonly signals: SignalClaims;
}

export interface AttestationInput {
  /** The proxy: what the gatekeeper knows it as. */
  readonly issuer: string;
  /** The gatekeeper. */
  readonly audience: string;
  readonly binding: AttestationBinding;
  readonly policyDigest: string;
  readonly signals: SignalClaims;
}

export interface AttesterOptions {
  readonly keys: SigningKeys;
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly clock?: () => number;
  /** 16 bytes, never the same twice. Default `randomBytes`. */
  readonly random?: () => Uint8Array;
  /** 1 to 60. Default 60. */
  readonly lifetimeSeconds?: number;
}

/** Signs a statement about one connection: a JWS in compact form (RFC 7515). About 30 µs, nearly all of it Ed25519.
 *  @throws RangeError when the lifetime is out of bounds.
 *  @throws KeyError `ERR_KEY_NONE` when no key may sign yet. */
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
  return keys.sign(Buffer.from(JSON.stringify(claims)).toString('base64url'), iat);
}

/** The `cnf` claim of a binding. */
export function confirmation(binding: AttestationBinding): Confirmation {
  return binding.kind === 'tls-exporter'
    ? { 'tls-exporter': base64url(binding.value) }
    : { 'x5t#S256': base64url(binding.sha256) };
}

function base64url(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('base64url');
}
