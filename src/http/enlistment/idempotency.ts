/** Answers a repeated request with the first answer (draft-ietf-httpapi-idempotency-key-header). Stores a digest of
 *  the request, and the answer sealed under a key that is derived from the caller's idempotency key. The idempotency
 *  key is not stored, so memory reveals no answer, and only a caller that repeats the request can open it. */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { EnlistmentLimits } from '../limits.ts';
import { HttpProblem } from '../problem.ts';
import type { JsonScalar } from '../strict-json.ts';

export interface KeptAnswer {
  readonly status: 200 | 201;
  readonly body: Readonly<Record<string, JsonScalar>>;
}

type IdempotencyLimits = Pick<
  EnlistmentLimits,
  'enlistmentConcurrentMax' | 'idempotencyEntriesMax' | 'idempotencyWindowMs'
>;

interface Entry {
  /** Digest of the request, so that a key cannot be used for two requests. */
  readonly asked: string;
  readonly sealed: Buffer;
}

export class IdempotentAnswers {
  readonly #limits: IdempotencyLimits;
  readonly #underWay = new Map<string, { readonly asked: string; readonly answer: Promise<KeptAnswer> }>();
  readonly #done: LRUCache<string, Entry>;

  /** @param now returns milliseconds of any clock that does not go back */
  constructor(limits: IdempotencyLimits, now: () => number) {
    this.#limits = limits;
    this.#done = new LRUCache({
      max: limits.idempotencyEntriesMax,
      ttl: limits.idempotencyWindowMs,
      perf: { now },
      ttlResolution: 0,
    });
  }

  /** Runs the work, or returns the answer of the same work, finished or in progress. Failures are not stored.
   *  @param secret known to this caller only: the idempotency key with its owner
   *  @param request the content of the request
   *  @throws HttpProblem ERR_IDEMPOTENCY_MISMATCH, ERR_ENLISTMENT_BUSY; any error of `work` */
  async run(secret: string, request: string, work: () => Promise<KeptAnswer>): Promise<KeptAnswer> {
    const id = digest(`id\n${secret}`);
    const asked = digest(`asked\n${secret}\n${request}`);
    const done = this.#done.get(id);
    const earlier = done ?? this.#underWay.get(id);
    if (earlier !== undefined && earlier.asked !== asked) throw new HttpProblem('ERR_IDEMPOTENCY_MISMATCH');
    if (done !== undefined) return unseal(done.sealed, secret);
    return this.#underWay.get(id)?.answer ?? this.#start(id, asked, secret, work);
  }

  async #start(
    id: string,
    asked: string,
    secret: string,
    work: () => Promise<KeptAnswer>,
  ): Promise<KeptAnswer> {
    if (this.#underWay.size >= this.#limits.enlistmentConcurrentMax) {
      throw new HttpProblem('ERR_ENLISTMENT_BUSY', { retryAfterS: 1 });
    }
    const answer = work();
    this.#underWay.set(id, { asked, answer });
    try {
      this.#done.set(id, { asked, sealed: seal(await answer, secret) });
      return await answer;
    } finally {
      this.#underWay.delete(id);
    }
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

function sealingKey(secret: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', 'narthex kept answer', 32));
}

function seal(answer: KeptAnswer, secret: string): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', sealingKey(secret), nonce);
  const sealed = [cipher.update(JSON.stringify(answer)), cipher.final()];
  return Buffer.concat([nonce, cipher.getAuthTag(), ...sealed]);
}

function unseal(sealed: Buffer, secret: string): KeptAnswer {
  const decipher = createDecipheriv('aes-256-gcm', sealingKey(secret), sealed.subarray(0, 12), {
    authTagLength: 16,
  });
  decipher.setAuthTag(sealed.subarray(12, 28));
  return JSON.parse(
    Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]).toString(),
  ) as KeptAnswer;
}
