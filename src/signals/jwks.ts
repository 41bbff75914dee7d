import { createPublicKey, type KeyObject } from 'node:crypto';
import { isRecord } from './claims.ts';

/** Where a verifier finds public keys. */
export interface KeySource {
  /** The key with this id; undefined when the issuer has none. */
  find(kid: string): Promise<KeyObject | undefined>;
}

/** The keys of a JWKS (RFC 7517) that can verify attestations: Ed25519 (RFC 8037), with an id, for signatures (`sig`) or
 *  for nothing but these (`attestation`). Others are skipped, because a set may serve more than one purpose. Undefined when the value is no JWKS. */
export function parseJwks(value: unknown): ReadonlyMap<string, KeyObject> | undefined {
  if (!isRecord(value) || !Array.isArray(value['keys'])) return undefined;
  const keys = new Map<string, KeyObject>();
  for (const jwk of value['keys'] as unknown[]) {
    const key = isRecord(jwk) ? usableKey(jwk) : undefined;
    // The first of an id wins, and a second one must not be able to replace it.
    if (key !== undefined && !keys.has(key.kid)) keys.set(key.kid, key.key);
  }
  return keys;
}

function usableKey(jwk: Record<string, unknown>): { kid: string; key: KeyObject } | undefined {
  const { kty, crv, x, kid, use = 'sig', alg = 'EdDSA' } = jwk;
  if (kty !== 'OKP' || crv !== 'Ed25519') return undefined;
  if ((use !== 'sig' && use !== 'attestation') || (alg !== 'EdDSA' && alg !== 'Ed25519')) return undefined;
  if (typeof kid !== 'string' || typeof x !== 'string') return undefined;
  try {
    return { kid, key: createPublicKey({ key: { kty, crv, x }, format: 'jwk' }) };
  } catch {
    return undefined;
  }
}

/** A set that does not change. */
export function staticKeys(keys: ReadonlyMap<string, KeyObject>): KeySource {
  return { find: (kid) => Promise.resolve(keys.get(kid)) };
}

export interface RefreshingKeysOptions {
  /** Fetches the current JWKS; may reject. */
  readonly load: () => Promise<unknown>;
  /** Milliseconds, of any origin, never going back. */
  readonly clock: () => number;
  /** A set older than this is fetched anew, so that removed keys stop counting. Default 10 minutes. */
  readonly ageMaxMs?: number;
  /** Between two fetches, whatever unknown ids are asked for: an attacker can invent ids. Default 5 seconds. */
  readonly cooldownMs?: number;
}

/** A set that follows the issuer's rotation: an unknown id fetches the JWKS again. When a fetch fails, the keys known so
 *  far keep counting. */
export function refreshingKeys(options: RefreshingKeysOptions): KeySource {
  const { load, clock, ageMaxMs = 600_000, cooldownMs = 5_000 } = options;
  let keys: ReadonlyMap<string, KeyObject> = new Map();
  let loadedAt = -Infinity;
  let triedAt = -Infinity;
  let loading: Promise<void> | undefined;

  async function reload(): Promise<void> {
    triedAt = clock();
    try {
      const parsed = parseJwks(await load());
      if (parsed === undefined) return;
      keys = parsed;
      loadedAt = triedAt;
    } catch {
      // Kept: what was known still verifies, and the cooldown spares the issuer.
    } finally {
      loading = undefined;
    }
  }

  return {
    async find(kid) {
      const wanted = !keys.has(kid) || clock() - loadedAt > ageMaxMs;
      if (wanted && (loading !== undefined || clock() - triedAt >= cooldownMs)) await (loading ??= reload());
      return keys.get(kid);
    },
  };
}
