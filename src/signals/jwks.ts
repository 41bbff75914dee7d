import { createPublicKey, type KeyObject } from 'node:crypto';
import { isRecord } from './claims.ts';

/** Public keys of an issuer. */
export interface KeySource {
  /** Returns the key with this id; undefined when the issuer has none. */
  find(kid: string): Promise<KeyObject | undefined>;
}

/** Returns the keys of a JWKS (RFC 7517) that can verify attestations, by id: Ed25519 (RFC 8037) with an id and the use
 *  `sig` or `attestation`. Others are skipped, because a set may have several purposes.
 *  @returns undefined when the value is no JWKS */
export function parseJwks(value: unknown): ReadonlyMap<string, KeyObject> | undefined {
  if (!isRecord(value) || !Array.isArray(value['keys'])) return undefined;
  const keys = new Map<string, KeyObject>();
  for (const jwk of value['keys'] as unknown[]) {
    const key = isRecord(jwk) ? usableKey(jwk) : undefined;
    // The first key of an id stays; a second one must not replace it.
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

/** Returns a source of keys that never change. */
export function staticKeys(keys: ReadonlyMap<string, KeyObject>): KeySource {
  return { find: (kid) => Promise.resolve(keys.get(kid)) };
}

export interface RefreshingKeysOptions {
  /** Fetches the current JWKS. May reject. */
  readonly load: () => Promise<unknown>;
  /** Returns milliseconds of any clock that never goes back. */
  readonly clock: () => number;
  /** Milliseconds after which a set is fetched anew, so that removed keys are no longer accepted. Default 10
   *  minutes. */
  readonly ageMaxMs?: number;
  /** Milliseconds between two fetches, whatever unknown ids are requested: an attacker can invent ids. Default 5
   *  seconds. */
  readonly cooldownMs?: number;
}

/** Returns a source that follows the issuer's rotation: an unknown id fetches the JWKS again. When a fetch fails,
 *  the keys so far stay. */
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
      // Earlier keys still verify, and the cool-down spares the issuer.
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
