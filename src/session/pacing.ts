/** How fast one side of a session may send. What arrives spends an allowance that refills with time; a side that has
 *  spent it is not read until some of it is back. TCP then holds the peer, so nothing is queued and nothing is lost. */

/** Rates of one session. A rate of 0 is no limit. */
export interface RateLimits {
  /** Stanzas and nonzas from the client after authentication. ERR_STANZA_RATE */
  readonly stanzasPerSecond: number;
  /** As many at once, before the rate counts. */
  readonly stanzaBurst: number;
  /** Bytes from the client after authentication, ten seconds of them at once. ERR_BYTE_RATE */
  readonly bytesPerSecond: number;
  /** Padding written because of what one side sent, in bytes, ten seconds of it at once. The side is slowed down and
   *  never refused: padding is the policy's doing. */
  readonly paddingBytesPerSecond: number;
  /** How long a client may be over a rate of its own before its stream ends, in milliseconds. */
  readonly overLimitMs: number;
}

export type PacedResource = 'stanzas' | 'bytes' | 'padding';

/** The shortest pause, in milliseconds: one timer for several stanzas. */
const pauseMsMin = 100;
const burstSeconds = 10;

/** A token bucket. Credit may become negative by what one stanza costs. */
class Allowance {
  readonly #perSecond: number;
  readonly #burst: number;
  #credit: number;
  #at: number;
  /** When it was first spent; undefined since a whole second's worth was left. */
  #spentSince: number | undefined;

  constructor(perSecond: number, burst: number, now: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#credit = burst;
    this.#at = now;
  }

  /** @returns milliseconds until there is credit again, 0 while there is. */
  spend(amount: number, now: number): number {
    this.#credit = Math.min(this.#burst, this.#credit + ((now - this.#at) * this.#perSecond) / 1_000);
    this.#at = now;
    if (this.#credit >= Math.min(this.#perSecond, this.#burst)) this.#spentSince = undefined;
    this.#credit -= amount;
    if (this.#credit >= 0) return 0;
    this.#spentSince ??= now;
    return (-this.#credit * 1_000) / this.#perSecond;
  }

  /** For how many milliseconds the peer has sent more than the rate, without a second's worth of rest. */
  overMs(now: number): number {
    return this.#spentSince === undefined ? 0 : now - this.#spentSince;
  }
}

/** What spending comes to: `ok`, a pause, or the end. */
export type PaceVerdict =
  { readonly kind: 'ok' } | { readonly kind: 'pause'; readonly ms: number } | { readonly kind: 'refuse' };

const ok: PaceVerdict = { kind: 'ok' };
const refuse: PaceVerdict = { kind: 'refuse' };

/** The allowances of one side. */
export class Pace {
  readonly #allowances: Partial<Record<PacedResource, Allowance>> = {};
  readonly #overLimitMs: number;
  readonly #now: () => number;

  /** @param now monotonic milliseconds */
  constructor(side: 'client' | 'gatekeeper', limits: RateLimits, now: () => number) {
    this.#now = now;
    this.#overLimitMs = limits.overLimitMs;
    this.#add('padding', limits.paddingBytesPerSecond, burstSeconds * limits.paddingBytesPerSecond);
    if (side === 'gatekeeper') return;
    this.#add('stanzas', limits.stanzasPerSecond, limits.stanzaBurst);
    this.#add('bytes', limits.bytesPerSecond, burstSeconds * limits.bytesPerSecond);
  }

  #add(resource: PacedResource, perSecond: number, burst: number): void {
    if (perSecond > 0) this.#allowances[resource] = new Allowance(perSecond, burst, this.#now());
  }

  spend(resource: PacedResource, amount: number): PaceVerdict {
    const allowance = this.#allowances[resource];
    if (allowance === undefined) return ok;
    const now = this.#now();
    const debtMs = allowance.spend(amount, now);
    if (debtMs === 0) return ok;
    if (resource !== 'padding' && allowance.overMs(now) >= this.#overLimitMs) return refuse;
    return { kind: 'pause', ms: Math.max(pauseMsMin, Math.ceil(debtMs)) };
  }
}
