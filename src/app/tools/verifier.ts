/** Verifies an attestation that was captured. */
import type { KeyObject } from 'node:crypto';
import { staticKeys } from '../../signals/jwks.ts';
import { createVerifier, type Verifier } from '../../signals/verify.ts';

export interface VerificationOptions {
  /** The key set of the issuer, by key id. */
  readonly keys: ReadonlyMap<string, KeyObject>;
  readonly audience: string;
  readonly issuer: string;
  /** The moment to verify at, in milliseconds since 1970. */
  readonly at: number;
}

/** A verifier of attestations against a fixed key set, at a fixed moment. */
export function createFixedVerifier({ keys, at, ...parties }: VerificationOptions): Verifier {
  return createVerifier({ keys: staticKeys(keys), ...parties, clock: () => at });
}
