/** Public keys for another party's signatures, from a JWK set (RFC 7517): given at start, or fetched and cached. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { CachedDocument, type CacheTimes } from '../calls/cached-document.ts';
import type { Exchange } from '../calls/exchange.ts';
import { HttpProblem } from '../problem.ts';
import { isObject, parseStrictJson, type JsonObject, type JsonValue } from '../strict-json.ts';

/** Signature algorithms of tokens. All are asymmetric, so that a public key is never used as a secret. */
export const signatureAlgorithms = ['ES256', 'ES384', 'EdDSA', 'PS256', 'RS256'] as const;
export type SignatureAlgorithm = (typeof signatureAlgorithms)[number];

export interface VerificationKey {
  readonly key: KeyObject;
  /** Public members only, so that it may be published again. */
  readonly jwk: JsonObject;
  fits(algorithm: SignatureAlgorithm): boolean;
}

export type KeySet = ReadonlyMap<string, VerificationKey>;

export interface KeySource {
  /** Returns the key with this id, undefined without one.
   *  @throws HttpProblem ERR_KEYS_UNAVAILABLE when no keys could be fetched */
  find(kid: string): Promise<VerificationKey | undefined>;
}

/** Reads a JWK set. Keys that cannot verify a signature (symmetric, for encryption, of another curve) are left out.
 *  @returns undefined for a set that is malformed, too large, ambiguous, or without one usable key */
export function readKeySet(set: JsonObject, keysMax: number): KeySet | undefined {
  const { keys } = set;
  if (!Array.isArray(keys) || keys.length > keysMax) return undefined;
  const found = new Map<string, VerificationKey>();
  for (const jwk of keys as readonly JsonValue[]) {
    const entry = isObject(jwk) ? readKey(jwk) : undefined;
    if (entry === undefined) continue;
    // Of two keys under one id, parsers would take different ones.
    if (found.has(entry.kid)) return undefined;
    found.set(entry.kid, entry.key);
  }
  return found.size === 0 ? undefined : found;
}

const publicMembers = ['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'use', 'alg'];
const rsaBitsMin = 2048;

function readKey(jwk: JsonObject): { readonly kid: string; readonly key: VerificationKey } | undefined {
  const { kid, use = 'sig', alg, key_ops: operations } = jwk;
  if (typeof kid !== 'string' || kid === '' || use !== 'sig') return undefined;
  if (Array.isArray(operations) && !operations.includes('verify')) return undefined;
  const published = Object.fromEntries(Object.entries(jwk).filter(([name]) => publicMembers.includes(name)));
  const key = importKey(published);
  if (key === undefined) return undefined;
  const fits = (algorithm: SignatureAlgorithm): boolean =>
    (alg === undefined || alg === algorithm) && keyTypes[algorithm](key);
  if (!signatureAlgorithms.some(fits)) return undefined;
  return { kid, key: { key, jwk: published, fits } };
}

function importKey(jwk: JsonObject): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    return undefined;
  }
}

const isRsa = (key: KeyObject): boolean =>
  key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= rsaBitsMin;

const keyTypes: Readonly<Record<SignatureAlgorithm, (key: KeyObject) => boolean>> = {
  ES256: (key) => key.asymmetricKeyDetails?.namedCurve === 'prime256v1',
  ES384: (key) => key.asymmetricKeyDetails?.namedCurve === 'secp384r1',
  EdDSA: (key) => key.asymmetricKeyType === 'ed25519',
  PS256: isRsa,
  RS256: isRsa,
};

/** Returns a source of keys that are given at start.
 *  @throws TypeError when the set has no usable key */
export function heldKeys(set: JsonObject): KeySource {
  const keys = readKeySet(set, Infinity);
  if (keys === undefined) throw new TypeError('the key set has no usable verification key');
  return { find: async (kid) => keys.get(kid) };
}

export interface RemoteKeysOptions {
  readonly url: URL;
  readonly exchange: Exchange;
  readonly limits: CacheTimes & {
    readonly documentBytesMax: number;
    readonly documentTimeoutMs: number;
    readonly jsonDepthMax: number;
    readonly keysMax: number;
  };
  readonly now: () => number;
}

export interface RemoteKeys extends KeySource {
  /** Returns the whole set, for publishing it.
   *  @throws HttpProblem ERR_KEYS_UNAVAILABLE */
  all(): Promise<{ readonly keys: KeySet; readonly stale: boolean }>;
}

/** Returns a source of keys at a URL. An unknown key id fetches the set again, at most once per cool-down. */
export function remoteKeys(options: RemoteKeysOptions): RemoteKeys {
  const { limits, now } = options;
  const document = new CachedDocument(() => fetchKeySet(options), limits, now);
  const read = async (): Promise<{ keys: KeySet; stale: boolean }> => {
    const cached = await document.read();
    if (cached.kind === 'value') return { keys: cached.value, stale: cached.stale };
    throw new HttpProblem('ERR_KEYS_UNAVAILABLE', {
      retryAfterS: Math.ceil(limits.documentCooldownMs / 1000),
    });
  };
  return {
    all: read,
    find: async (kid) => {
      const known = (await read()).keys.get(kid);
      if (known !== undefined) return known;
      await document.refresh();
      return (await read()).keys.get(kid);
    },
  };
}

async function fetchKeySet({ url, exchange, limits }: RemoteKeysOptions): Promise<KeySet> {
  const keys = readKeySet(await fetchJson(exchange, url, limits), limits.keysMax);
  if (keys === undefined) throw new Error('not a usable key set');
  return keys;
}

/** Fetches a JSON document.
 *  @throws Error when the answer is missing, not 200, too large, or not strict JSON */
export async function fetchJson(
  exchange: Exchange,
  url: URL,
  limits: Pick<RemoteKeysOptions['limits'], 'documentBytesMax' | 'documentTimeoutMs' | 'jsonDepthMax'>,
): Promise<JsonObject> {
  const outcome = await exchange({
    method: 'GET',
    url,
    headers: { accept: 'application/json' },
    timeoutMs: limits.documentTimeoutMs,
    answerBytesMax: limits.documentBytesMax,
  });
  if (outcome.kind !== 'answer') throw new Error(outcome.kind);
  const json = parseStrictJson(outcome.body, { depthMax: limits.jsonDepthMax });
  if (outcome.status !== 200 || json.kind !== 'object') throw new Error('not a usable document');
  return json.value;
}
