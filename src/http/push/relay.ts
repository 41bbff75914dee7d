/** POST /push/:gatekeeper: a notification from the gatekeeper to the provider, reduced to what the policy lets the
 *  provider see. 202 means that the provider has accepted it. Until then it exists only in this request, and every
 *  other answer asks the gatekeeper to send it again. */
import { createHash } from 'node:crypto';
import { Coalescer } from './coalescer.ts';
import type { HttpContext } from '../env.ts';
import type { Report } from '../events.ts';
import type { Exchange } from '../calls/exchange.ts';
import { ConcurrencyLimiter } from '../concurrency-limiter.ts';
import { applyToScalar, type HttpPolicy } from '../http-policy.ts';
import type { PushLimits } from '../limits.ts';
import { HttpProblem } from '../problem.ts';
import { authenticateCaller, checkCallerRules, type CallerRules, type PeerCertificate } from './caller.ts';
import { readJsonBody, type BodyLimits } from '../request-body.ts';
import { isScalar, type JsonObject, type JsonScalar } from '../strict-json.ts';
import type { StateStore } from '../../state/store.ts';

export interface PushOptions {
  readonly gatekeepers: ReadonlyMap<string, CallerRules>;
  readonly peerCertificate: PeerCertificate;
  readonly policy: HttpPolicy;
  /** The provider's push endpoint. */
  readonly url: URL;
  readonly exchange: Exchange;
  readonly authorization?: () => Promise<string>;
  readonly report: Report;
  /** Returns milliseconds of any clock that does not go back. */
  readonly now: () => number;
  readonly limits: BodyLimits & PushLimits;
  /** Ids of notifications, of all replicas together. */
  readonly state: StateStore;
}

/** Makes the handler.
 *  @throws TypeError when a gatekeeper has no way to authenticate */
export function createPush(options: PushOptions): (context: HttpContext) => Promise<Response> {
  const { gatekeepers, peerCertificate, limits } = options;
  for (const rules of gatekeepers.values()) checkCallerRules(rules);
  const delivery = new Delivery(options);
  const waiting = new Map<string, number>();
  return async (context) => {
    const name = context.req.param('gatekeeper') ?? '';
    const rules = gatekeepers.get(name);
    if (rules === undefined) throw new HttpProblem('ERR_GATEKEEPER_UNKNOWN');
    await authenticateCaller(context, rules, peerCertificate);
    const before = waiting.get(name) ?? 0;
    if (before >= limits.pushWaitingMax) throw busy(options);
    waiting.set(name, before + 1);
    try {
      const { id, payload } = minimise(await readJsonBody(context.req.raw, limits), name, options.policy);
      await delivery.deliver(digest(`${name}\n${id}`), payload);
    } finally {
      waiting.set(name, waiting.get(name)! - 1);
    }
    return new Response(null, { status: 202, headers: { 'cache-control': 'no-store' } });
  };
}

function busy({ limits }: PushOptions): HttpProblem {
  return new HttpProblem('ERR_PUSH_BUSY', { retryAfterS: limits.pushRetryAfterS });
}

const memberForm = /^[a-z][a-z0-9_-]{0,63}$/;

/** Reduces a notification to the allowed members. They are sorted, so that equal notifications are equal texts and
 *  the gatekeeper's order does not pass.
 *  @throws HttpProblem ERR_HTTP_MEMBER, ERR_PUSH_NOTHING_LEFT */
function minimise(
  notification: JsonObject,
  gatekeeper: string,
  policy: HttpPolicy,
): { readonly id: string; readonly payload: string } {
  const { id } = notification;
  if (typeof id !== 'string' || id === '') throw new HttpProblem('ERR_HTTP_MEMBER');
  const members = Object.entries(notification).sort(([a], [b]) => (a < b ? -1 : 1));
  const kept = members.flatMap(([member, value]): [string, JsonScalar][] => {
    if (!memberForm.test(member) || !isScalar(value)) throw new HttpProblem('ERR_HTTP_MEMBER');
    // The gatekeeper may have a pseudonym in place of the node that the client registered.
    const known =
      member === 'recipient' && typeof value === 'string'
        ? policy.unmask('push.node', value, gatekeeper)
        : value;
    const left = applyToScalar(policy, 'provider', `push.${member}`, known, gatekeeper);
    return left === undefined ? [] : [[member, left]];
  });
  if (kept.length === 0) throw new HttpProblem('ERR_PUSH_NOTHING_LEFT');
  return { id, payload: JSON.stringify(Object.fromEntries(kept)) };
}

/** Values of a record: whether its notification is on its way, or was delivered. */
const onItsWay = Uint8Array.of(0);
const delivered = Uint8Array.of(1);

/** Milliseconds in addition to both timeouts after which a notification that was not delivered may be sent again: its
 *  process has ended. */
const deliveryGraceMs = 5_000;

/** Delivers payloads to the provider: equal ones in one push, a delivered id never again, a limited number at once. */
class Delivery {
  readonly #options: PushOptions;
  readonly #bursts = new Coalescer<void>();
  readonly #limiter: ConcurrencyLimiter;
  /** Notifications that this process is delivering. */
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(options: PushOptions) {
    this.#options = options;
    // The callers' limit per gatekeeper bounds the queue.
    this.#limiter = new ConcurrencyLimiter(options.limits.pushConcurrentMax, Infinity, () => busy(options));
  }

  /** Delivers a payload.
   *  @param id digest of the notification's id and gatekeeper
   *  @throws HttpProblem when the provider did not accept it, or another process is delivering it; StateUnavailable */
  async deliver(id: string, payload: string): Promise<void> {
    const same = this.#underWay.get(id);
    if (same !== undefined) return same;
    const delivery = this.#deliver(id, payload);
    this.#underWay.set(id, delivery);
    try {
      await delivery;
    } finally {
      this.#underWay.delete(id);
    }
  }

  async #deliver(id: string, payload: string): Promise<void> {
    const { state, limits, now } = this.#options;
    const arrivedAt = now();
    const claimMs = limits.pushWaitTimeoutMs + limits.pushTimeoutMs + deliveryGraceMs;
    const earlier = await state.claim('push', id, onItsWay, claimMs);
    if (earlier?.[0] === delivered[0]) return;
    if (earlier !== undefined) throw busy(this.#options);
    try {
      await this.#bursts.run(payload, () => this.#limiter.run(() => this.#send(payload, arrivedAt)));
    } catch (error) {
      await state.delete('push', id).catch(ignored);
      throw error;
    }
    // The provider has it: a store that is lost now must not make the gatekeeper send it again.
    await state.set('push', id, delivered, limits.pushDeliveredMs).catch(ignored);
  }

  async #send(body: string, arrivedAt: number): Promise<void> {
    const { url, exchange, authorization, report, limits, now } = this.#options;
    // While the provider hangs, waiting notifications are refused at once, not after one timeout each.
    if (now() - arrivedAt > limits.pushWaitTimeoutMs) throw busy(this.#options);
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
    if (outcome.status === 429 || outcome.status === 503) throw busy(this.#options);
    if (outcome.status < 200 || outcome.status > 299) throw new HttpProblem('ERR_PROVIDER_ANSWER', retry);
    report({ event: 'push-delivered' });
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

/** The claim ends by itself. The store reports its own failures. */
function ignored(): void {}
