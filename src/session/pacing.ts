/** Rates at which one side of a session may send. Input spends an allowance that refills with time. A side without
 *  allowance is not read until some has refilled. TCP then slows the peer, so nothing is queued or lost. */

/** Rates of one session. A rate of 0 is no limit. */
export interface RateLimits {
  /** Stanzas and nonzas per second from the client after authentication (ERR_STANZA_RATE). */
  readonly stanzasPerSecond: number;
  /** Stanzas that may come at once. */
  readonly stanzaBurst: number;
  /** Bytes per second from the client after authentication (ERR_BYTE_RATE). Ten seconds of them may come at once. */
  readonly bytesPerSecond: number;
  /** Bytes of padding per second, written because of what one side sent. Ten seconds of them may come at once. The
   *  side is slowed down and never refused: the policy causes the padding. */
  readonly paddingBytesPerSecond: number;
  /** How long a client may exceed a rate before its stream ends, in milliseconds. */
  readonly overLimitMs: number;
}

export type PacedResource = 'stanzas' | 'bytes' | 'padding';

/** Shortest pause, in milliseconds: one timer then serves several stanzas. */
const pauseMsMin = 100;
const burstSeconds = 10;

/** A token bucket. Its credit may become negative by the cost of one stanza. */
class Allowance {
  readonly #perSecond: number;
  readonly #burst: number;
  #credit: number;
  #at: number;
  /** When credit first ran out, in monotonic milliseconds; undefined since a second's worth was left. */
  #spentSince: number | undefined;

  constructor(perSecond: number, burst: number, now: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#credit = burst;
    this.#at = now;
  }

  /** Spends credit.
   *  @returns milliseconds until there is credit again, 0 while there is some */
  spend(amount: number, now: number): number {
    this.#credit = Math.min(this.#burst, this.#credit + ((now - this.#at) * this.#perSecond) / 1_000);
    this.#at = now;
    if (this.#credit >= Math.min(this.#perSecond, this.#burst)) this.#spentSince = undefined;
    this.#credit -= amount;
    if (this.#credit >= 0) return 0;
    this.#spentSince ??= now;
    return (-this.#credit * 1_000) / this.#perSecond;
  }

  /** Returns for how many milliseconds the peer has exceeded the rate, without a second's worth of rest. */
  overMs(now: number): number {
    return this.#spentSince === undefined ? 0 : now - this.#spentSince;
  }
}

/** The answer to spending: go on, pause reading, or end the stream. */
export type PaceVerdict =
  { readonly kind: 'ok' } | { readonly kind: 'pause'; readonly ms: number } | { readonly kind: 'refuse' };

const ok: PaceVerdict = { kind: 'ok' };
const refuse: PaceVerdict = { kind: 'refuse' };

/** The allowances of one side. */
export class Pace {
  readonly #allowances: Partial<Record<PacedResource, Allowance>> = {};
  readonly #overLimitMs: number;
  readonly #now: () => number;

  /** @param now returns monotonic milliseconds */
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

  /** Whether there are rates of stanzas and bytes. */
  get limitsStanzas(): boolean {
    const { stanzas, bytes } = this.#allowances;
    return stanzas !== undefined || bytes !== undefined;
  }

  /** @param at in monotonic milliseconds; now by default */
  spend(resource: PacedResource, amount: number, at?: number): PaceVerdict {
    const allowance = this.#allowances[resource];
    if (allowance === undefined) return ok;
    const now = at ?? this.#now();
    const debtMs = allowance.spend(amount, now);
    if (debtMs === 0) return ok;
    if (resource !== 'padding' && allowance.overMs(now) >= this.#overLimitMs) return refuse;
    return { kind: 'pause', ms: Math.max(pauseMsMin, Math.ceil(debtMs)) };
  }
}
