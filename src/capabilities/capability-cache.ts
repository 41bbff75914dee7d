/** Results of disco#info by the hash that stands for them, shared by all sessions. Only what has been verified gets
 *  in, under the hash it was verified against: `put` verifies by itself, so that no caller can forget to. */
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

/** What an entity claims in a presence: XEP-0115, XEP-0390, both or neither. */
export interface CapabilityClaim {
  readonly caps?: LegacyCaps;
  readonly hashSet: readonly CapabilityHash[];
}

export const noClaim: CapabilityClaim = { hashSet: [] };

/** Readings of one answer: with languages inherited, and as most clients compute it, with their own only. */
export interface ClaimedInfo {
  readonly info: DiscoInfo;
  readonly hashSet?: HashSetErrorCode;
}

/** What became of a claim. `verified` is in the cache now; `session-only` serves the session it came from. */
export type Admission = { readonly kind: 'verified' | 'session-only'; readonly info: DiscoInfo };

/** Bounds of a cache. Default 4,096 results and 16 Mi characters. */
export interface CacheBounds {
  readonly entriesMax?: number;
  readonly charactersMax?: number;
}

export class CapabilityCache {
  readonly #infos: LRUCache<string, DiscoInfo>;

  /** @param entriesMax results kept; the least recently used goes first.
   *  @param charactersMax of all results together: long results cannot fill the memory. */
  constructor({ entriesMax = 4_096, charactersMax = 16_777_216 }: CacheBounds = {}) {
    this.#infos = new LRUCache({ max: entriesMax, maxSize: charactersMax, sizeCalculation: charactersOf });
  }

  /** A verified result for a hash of the claim. Where there is a hash set, a XEP-0115 `ver` does not count
   *  (XEP-0390 §7.2). */
  find(claim: CapabilityClaim): DiscoInfo | undefined {
    for (const key of keysOf(claim)) {
      const info = this.#infos.get(key);
      if (info !== undefined) return info;
    }
    return undefined;
  }

  /** Verifies an answer against a claim and keeps it if it holds. `readings` are ways to read the same answer; the
   *  first that matches is what the hash stands for. A reading that contradicts any hash of the claim that can be
   *  computed here is never kept. Without a match the first reading serves the session. */
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

  /** Results held now. */
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

/** The size of a result, at least 1. */
export function charactersOf(info: DiscoInfo): number {
  let characters = 1;
  for (const value of allStrings(info)) characters += value.length;
  return characters;
}

/** Without the node: the hash alone stands for the information (XEP-0115 §5.4). A space is in no XEP-0390 key. */
function capsKey({ hash = '', ver }: LegacyCaps): string {
  return `0115 ${hash} ${ver}`;
}

/** Whether two claims say the same. */
export function sameClaim(a: CapabilityClaim, b: CapabilityClaim): boolean {
  return JSON.stringify(keyed(a)) === JSON.stringify(keyed(b));
}

function keyed({ caps, hashSet }: CapabilityClaim): unknown {
  return [caps?.node, caps?.hash, caps?.ver, hashSet.map(capabilityHashNode)];
}
