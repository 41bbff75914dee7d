/** Verifies a captured attestation. */
import type { KeyObject } from 'node:crypto';
import { staticKeys } from '../../signals/jwks.ts';
import { createVerifier, type Verifier } from '../../signals/verify.ts';

export interface VerificationOptions {
  /** The key set of the issuer, by key id. */
  readonly keys: ReadonlyMap<string, KeyObject>;
  readonly audience: string;
  readonly issuer: string;
  /** The time of the verification in milliseconds since 1970. */
  readonly at: number;
}

/** Returns a verifier with a fixed key set and a fixed time. */
export function createFixedVerifier({ keys, at, ...parties }: VerificationOptions): Verifier {
  return createVerifier({ keys: staticKeys(keys), ...parties, clock: () => at });
}
