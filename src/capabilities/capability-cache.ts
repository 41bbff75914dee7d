/** Caches results of disco#info by their hash, for all sessions. `admit` verifies a result before it stores it, so
 *  only verified ones are found. */
import { LRUCache } from 'lru-cache';
import { allStrings, type DiscoInfo } from './disco-info.ts';
import {
  capabilityHashNode,
  verifyCapabilityHash,
  verifyLegacyCaps,
  type CapabilityHash,
  type LegacyCaps,
  type Verification,
} from './entity-capabilities.ts';
import type { HashSetErrorCode } from './errors.ts';

/** The claim in a presence: XEP-0115, XEP-0390, both or neither. */
export interface CapabilityClaim {
  readonly caps?: LegacyCaps;
  readonly hashSet: readonly CapabilityHash[];
}

export const noClaim: CapabilityClaim = { hashSet: [] };

/** Two readings of one answer: with languages inherited, and with their own only, as most clients compute it. */
export interface ClaimedInfo {
  readonly info: DiscoInfo;
  readonly hashSet?: HashSetErrorCode;
}

/** The result of a claim. `verified` is in the cache now; `session-only` is for the session that it came from. */
export type Admission = { readonly kind: 'verified' | 'session-only'; readonly info: DiscoInfo };

/** Limits of a cache. Default 4,096 results and 16 Mi characters. */
export interface CacheBounds {
  readonly entriesMax?: number;
  readonly charactersMax?: number;
}

export class CapabilityCache {
  readonly #infos: LRUCache<string, DiscoInfo>;

  /** @param entriesMax number of results; the least recently used is removed first
   *  @param charactersMax characters of all results together, so that long ones cannot fill the memory */
  constructor({ entriesMax = 4_096, charactersMax = 16_777_216 }: CacheBounds = {}) {
    this.#infos = new LRUCache({ max: entriesMax, maxSize: charactersMax, sizeCalculation: charactersOf });
  }

  /** Returns a verified result for a hash of the claim. With a hash set, a XEP-0115 `ver` does not count (XEP-0390
   *  §7.2). */
  find(claim: CapabilityClaim): DiscoInfo | undefined {
    for (const key of keysOf(claim)) {
      const info = this.#infos.get(key);
      if (info !== undefined) return info;
    }
    return undefined;
  }

  /** Verifies an answer against a claim, and stores it if it matches. `readings` are ways to read the same answer;
   *  the hash stands for the first that matches. A reading that contradicts any hash of the claim that can be
   *  computed here is not stored. Without a match the first reading is for the session only. */
  admit(claim: CapabilityClaim, readings: readonly [ClaimedInfo, ...ClaimedInfo[]]): Admission {
    for (const { info, hashSet } of readings) {
      const verdicts = verdictsOf(claim, info, hashSet);
      if (verdicts.some(({ verdict }) => verdict === 'mismatch')) continue;
      const proven = verdicts.filter(({ verdict }) => verdict === 'verified');
      for (const { key } of proven) this.#infos.set(key, info);
      if (proven.length > 0) return { kind: 'verified', info };
      if (verdicts.some(({ verdict }) => verdict === 'matching')) return { kind: 'session-only', info };
    }
    return { kind: 'session-only', info: readings[0].info };
  }

  /** Number of results. */
  get size(): number {
    return this.#infos.size;
  }
}

function verdictsOf(
  { caps, hashSet }: CapabilityClaim,
  info: DiscoInfo,
  irregular?: HashSetErrorCode,
): { key: string; verdict: Verification }[] {
  const verdicts = hashSet.map((hash) => ({
    key: capabilityHashNode(hash),
    verdict: verifyCapabilityHash(info, hash, irregular),
  }));
  if (caps !== undefined) verdicts.push({ key: capsKey(caps), verdict: verifyLegacyCaps(info, caps) });
  return verdicts;
}

function keysOf({ caps, hashSet }: CapabilityClaim): string[] {
  if (hashSet.length > 0) return hashSet.map(capabilityHashNode);
  return caps?.hash === undefined ? [] : [capsKey(caps)];
}

/** Returns the number of characters of a result, at least 1. */
export function charactersOf(info: DiscoInfo): number {
  let characters = 1;
  for (const value of allStrings(info)) characters += value.length;
  return characters;
}

/** Returns the key of a XEP-0115 hash, without the node: the hash alone identifies the information (XEP-0115 §5.4).
 *  A key of XEP-0390 has no space. */
function capsKey({ hash = '', ver }: LegacyCaps): string {
  return `0115 ${hash} ${ver}`;
}

/** Returns whether two claims are equal. */
export function sameClaim(a: CapabilityClaim, b: CapabilityClaim): boolean {
  return JSON.stringify(keyed(a)) === JSON.stringify(keyed(b));
}

function keyed({ caps, hashSet }: CapabilityClaim): unknown {
  return [caps?.node, caps?.hash, caps?.ver, hashSet.map(capabilityHashNode)];
}
