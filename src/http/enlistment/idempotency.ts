/** Answers a repeated request with the first answer (draft-ietf-httpapi-idempotency-key-header), on every replica that has the
 *  same state. Keeps a digest of the request, and the answer sealed under a key that is derived from the caller's
 *  idempotency key. The idempotency key is not kept, so a record reveals no answer, and only a caller that repeats the
 *  request can open it. */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import type { StateStore } from '../../state/store.ts';
import type { ConcurrencyLimiter } from '../concurrency-limiter.ts';
import type { EnlistmentLimits } from '../limits.ts';
import { HttpProblem } from '../problem.ts';
import type { JsonScalar } from '../strict-json.ts';

export interface KeptAnswer {
  readonly status: 200 | 201;
  readonly body: Readonly<Record<string, JsonScalar>>;
}

type IdempotencyLimits = Pick<EnlistmentLimits, 'enlistmentTimeoutMs' | 'idempotencyWindowMs'>;

/** A record: the digest of its request, so that a key cannot be used for two requests, then the sealed answer. While the
 *  request is in progress there is no answer yet. */
const digestBytes = 32;

/** Milliseconds in addition to `enlistmentTimeoutMs` after which a request that has no answer may be sent again: its
 *  process has ended. Attestation and the connection to the gatekeeper take time too. */
const progressGraceMs = 20_000;

export class IdempotentAnswers {
  readonly #limits: IdempotencyLimits;
  readonly #state: StateStore;
  /** Requests that this process has in progress. */
  readonly #underWay = new Map<string, { readonly asked: Buffer; readonly answer: Promise<KeptAnswer> }>();

  readonly #limiter: ConcurrencyLimiter;

  /** @param limiter bounds the work that is done at once */
  constructor(limits: IdempotencyLimits, state: StateStore, limiter: ConcurrencyLimiter) {
    this.#limits = limits;
    this.#state = state;
    this.#limiter = limiter;
  }

  /** Runs the work, or returns the answer of the same work, finished or in progress. Failures are not kept.
   *  @param secret known to this caller only: the idempotency key with its owner
   *  @param request the content of the request
   *  @throws HttpProblem ERR_IDEMPOTENCY_MISMATCH, ERR_ENLISTMENT_UNDER_WAY; StateUnavailable; any error of `work` or of
   *  the limiter */
  async run(secret: string, request: string, work: () => Promise<KeptAnswer>): Promise<KeptAnswer> {
    const id = digest(`id\n${secret}`).toString('base64url');
    const asked = digest(`asked\n${secret}\n${request}`);
    const same = this.#underWay.get(id);
    if (same !== undefined) {
      if (!same.asked.equals(asked)) throw new HttpProblem('ERR_IDEMPOTENCY_MISMATCH');
      return same.answer;
    }
    const answer = this.#answer({ id, asked, secret }, work);
    this.#underWay.set(id, { asked, answer });
    try {
      return await answer;
    } finally {
      this.#underWay.delete(id);
    }
  }

  async #answer(
    { id, asked, secret }: { readonly id: string; readonly asked: Buffer; readonly secret: string },
    work: () => Promise<KeptAnswer>,
  ): Promise<KeptAnswer> {
    const { enlistmentTimeoutMs, idempotencyWindowMs } = this.#limits;
    const earlier = await this.#state.claim('answer', id, asked, enlistmentTimeoutMs + progressGraceMs);
    if (earlier !== undefined) return keptIn(earlier, asked, secret);
    let answer: KeptAnswer;
    try {
      answer = await this.#limiter.run(work);
    } catch (error) {
      await this.#state.delete('answer', id).catch(ignored);
      throw error;
    }
    // The work is done: a store that is lost now must not make it fail.
    await this.#state
      .set('answer', id, Buffer.concat([asked, seal(answer, secret)]), idempotencyWindowMs)
      .catch(ignored);
    return answer;
  }
}

/** The claim ends by itself. The store reports its own failures. */
function ignored(): void {}

/** Reads the answer of a record.
 *  @throws HttpProblem */
function keptIn(record: Uint8Array, asked: Buffer, secret: string): KeptAnswer {
  if (!asked.equals(record.subarray(0, digestBytes))) throw new HttpProblem('ERR_IDEMPOTENCY_MISMATCH');
  if (record.length === digestBytes) throw new HttpProblem('ERR_ENLISTMENT_UNDER_WAY', { retryAfterS: 1 });
  return unseal(record.subarray(digestBytes), secret);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
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

function unseal(sealed: Uint8Array, secret: string): KeptAnswer {
  const decipher = createDecipheriv('aes-256-gcm', sealingKey(secret), sealed.subarray(0, 12), {
    authTagLength: 16,
  });
  decipher.setAuthTag(sealed.subarray(12, 28));
  return JSON.parse(
    Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]).toString(),
  ) as KeptAnswer;
}
