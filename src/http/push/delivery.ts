/** Delivers payloads to the provider: equal ones in one push, a delivered notification never again, a limited number at
 *  once. A notification exists only in its request until the provider has accepted it. */
import { createHash } from 'node:crypto';
import { Coalescer } from './coalescer.ts';
import type { Report } from '../events.ts';
import type { Exchange } from '../calls/exchange.ts';
import { ConcurrencyLimiter } from '../concurrency-limiter.ts';
import type { PushLimits } from '../limits.ts';
import { HttpProblem } from '../problem.ts';
import type { BodyLimits } from '../request-body.ts';
import type { StateStore } from '../../state/store.ts';

export interface DeliveryOptions {
  /** The provider's push endpoint. */
  readonly url: URL;
  readonly exchange: Exchange;
  readonly authorization?: () => Promise<string>;
  readonly report: Report;
  /** Returns milliseconds of any clock that does not go back. */
  readonly now: () => number;
  readonly limits: Pick<BodyLimits, 'bodyBytesMax'> & PushLimits;
  /** Ids of notifications, of all replicas together. */
  readonly state: StateStore;
}

/** Values of a record: whether its notification is on its way, or was delivered. */
const onItsWay = Uint8Array.of(0);
const delivered = Uint8Array.of(1);

/** Milliseconds in addition to both timeouts after which a notification that was not delivered may be sent again: its
 *  process has ended. */
const deliveryGraceMs = 5_000;

export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #bursts = new Coalescer<void>();
  readonly #limiter: ConcurrencyLimiter;
  /** Notifications that this process is delivering. */
  readonly #underWay = new Map<string, Promise<void>>();
  /** Requests of each gatekeeper that wait for their notification. */
  readonly #waiting = new Map<string, number>();

  constructor(options: DeliveryOptions) {
    this.#options = options;
    // The callers' limit per gatekeeper bounds the queue.
    this.#limiter = new ConcurrencyLimiter(options.limits.pushConcurrentMax, Infinity, () => this.#busy());
  }

  /** Runs the work of one request, unless too many of its gatekeeper wait.
   *  @throws HttpProblem ERR_PUSH_BUSY; any error of `work` */
  async admit(gatekeeper: string, work: () => Promise<void>): Promise<void> {
    const before = this.#waiting.get(gatekeeper) ?? 0;
    if (before >= this.#options.limits.pushWaitingMax) throw this.#busy();
    this.#waiting.set(gatekeeper, before + 1);
    try {
      await work();
    } finally {
      this.#waiting.set(gatekeeper, this.#waiting.get(gatekeeper)! - 1);
    }
  }

  /** Delivers a payload.
   *  @param id digest of the notification's id and gatekeeper; undefined for one that has none and is never the same
   *  @throws HttpProblem when the provider did not accept it, or another process is delivering it; StateUnavailable */
  async deliver(id: string | undefined, payload: string): Promise<void> {
    if (id === undefined) return this.#push(payload);
    const same = this.#underWay.get(id);
    if (same !== undefined) return same;
    const delivery = this.#deliverOnce(id, payload);
    this.#underWay.set(id, delivery);
    try {
      await delivery;
    } finally {
      this.#underWay.delete(id);
    }
  }

  async #deliverOnce(id: string, payload: string): Promise<void> {
    const { state, limits } = this.#options;
    const claimMs = limits.pushWaitTimeoutMs + limits.pushTimeoutMs + deliveryGraceMs;
    const earlier = await state.claim('push', id, onItsWay, claimMs);
    if (earlier?.[0] === delivered[0]) return;
    if (earlier !== undefined) throw this.#busy();
    try {
      await this.#push(payload);
    } catch (error) {
      await state.delete('push', id).catch(ignored);
      throw error;
    }
    // The provider has it: a store that is lost now must not make the gatekeeper send it again.
    await state.set('push', id, delivered, limits.pushDeliveredMs).catch(ignored);
  }

  #push(payload: string): Promise<void> {
    const arrivedAt = this.#options.now();
    return this.#bursts.run(payload, () => this.#limiter.run(() => this.#send(payload, arrivedAt)));
  }

  async #send(body: string, arrivedAt: number): Promise<void> {
    const { url, exchange, authorization, report, limits, now } = this.#options;
    // While the provider hangs, waiting notifications are refused at once, not after one timeout each.
    if (now() - arrivedAt > limits.pushWaitTimeoutMs) throw this.#busy();
    const outcome = await exchange({
      method: 'POST',
      url,
      headers: {
        'content-type': 'application/json',
        ...(authorization === undefined ? {} : { authorization: await authorization() }),
      },
      body,
      timeoutMs: limits.pushTimeoutMs,
      answerBytesMax: limits.bodyBytesMax,
    });
    const retry = { retryAfterS: limits.pushRetryAfterS };
    if (outcome.kind === 'timeout') throw new HttpProblem('ERR_PROVIDER_TIMEOUT', retry);
    if (outcome.kind === 'unreachable' || outcome.kind === 'unsent')
      throw new HttpProblem('ERR_PROVIDER_UNREACHABLE', retry);
    if (outcome.kind === 'too-large') throw new HttpProblem('ERR_PROVIDER_ANSWER', retry);
    if (outcome.status === 410) throw new HttpProblem('ERR_PUSH_GONE');
    if (outcome.status === 429 || outcome.status === 503) throw this.#busy();
    if (outcome.status < 200 || outcome.status > 299) throw new HttpProblem('ERR_PROVIDER_ANSWER', retry);
    report({ event: 'push-delivered' });
  }

  #busy(): HttpProblem {
    return new HttpProblem('ERR_PUSH_BUSY', { retryAfterS: this.#options.limits.pushRetryAfterS });
  }
}

/** Returns SHA-256 of a text in base64url, by which records of notifications are named. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

/** The claim ends by itself. The store reports its own failures. */
function ignored(): void {}
