import type { ServeLimits } from './server/node-server.ts';

/** Limits and waits of the public HTTP plane. Every number bounds what a caller, or a party the proxy calls, can
 *  make it hold, do or wait for. */
export interface HttpLimits extends ServeLimits {
  // Bodies we read.
  /** JSON body of a request, in bytes. ERR_HTTP_BODY_TOO_LARGE */
  readonly bodyBytesMax: number;
  /** From the start of reading a body to its end. ERR_HTTP_BODY_TIMEOUT */
  readonly bodyTimeoutMs: number;
  /** Nested arrays and objects of any JSON that is read. */
  readonly jsonDepthMax: number;

  // Tokens and keys.
  /** A compact JWS. ERR_TOKEN_TOO_LARGE */
  readonly tokenBytesMax: number;
  /** A JWK set or metadata document of another party, in bytes. */
  readonly documentBytesMax: number;
  /** Keys taken of one set; a larger set is refused. */
  readonly keysMax: number;
  /** Time to fetch such a document. */
  readonly documentTimeoutMs: number;
  /** How long a fetched document is used without asking again. */
  readonly documentFreshMs: number;
  /** How long, since it was fetched, an old document serves while its server fails. */
  readonly documentStaleMs: number;
  /** The least time between two fetches, however many unknown key ids are asked for. */
  readonly documentCooldownMs: number;

  // Enlistment.
  /** Time for the gatekeeper to answer. ERR_ENLISTMENT_API_TIMEOUT */
  readonly enlistmentTimeoutMs: number;
  /** Body of the gatekeeper's answer, in bytes. ERR_ENLISTMENT_API_ANSWER */
  readonly enlistmentAnswerBytesMax: number;
  /** Enlistments under way at once. ERR_ENLISTMENT_BUSY */
  readonly enlistmentConcurrentMax: number;
  /** Sealed answers kept for repeated requests, and for how long. */
  readonly idempotencyEntriesMax: number;
  readonly idempotencyWindowMs: number;
  /** Nonces of tokens remembered against replay, until they expire. */
  readonly noncesMax: number;

  // Push.
  /** Time for the provider to take a notification. ERR_PROVIDER_TIMEOUT */
  readonly pushTimeoutMs: number;
  /** Notifications on their way to the provider at once. */
  readonly pushConcurrentMax: number;
  /** Notifications of one gatekeeper under way at once, waiting ones included. ERR_PUSH_BUSY */
  readonly pushWaitingMax: number;
  /** How long one may wait for its turn. ERR_PUSH_BUSY */
  readonly pushWaitTimeoutMs: number;
  /** What Retry-After says when a push cannot be taken, in seconds. */
  readonly pushRetryAfterS: number;
  /** Notification ids remembered after delivery, and for how long, so that a retry is not a second push. */
  readonly pushDeliveredMax: number;
  readonly pushDeliveredMs: number;

  // Media.
  /** Bytes of one download. ERR_MEDIA_TOO_LARGE */
  readonly mediaBytesMax: number;
  /** Downloads at once. ERR_MEDIA_BUSY */
  readonly mediaConcurrentMax: number;
  /** From the request to the media server until its headers. ERR_MEDIA_TIMEOUT */
  readonly mediaFirstByteTimeoutMs: number;
  /** Without a byte moving, on either side; then both are closed. */
  readonly mediaStallTimeoutMs: number;
}

export const defaultHttpLimits: HttpLimits = {
  headerBytesMax: 16_384,
  headersMax: 64,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 15_000,
  requestsPerConnectionMax: 1_000,
  connectionsMax: 10_000,

  bodyBytesMax: 16_384,
  bodyTimeoutMs: 10_000,
  jsonDepthMax: 16,

  tokenBytesMax: 8_192,
  documentBytesMax: 65_536,
  keysMax: 32,
  documentTimeoutMs: 3_000,
  documentFreshMs: 300_000,
  documentStaleMs: 24 * 3_600_000,
  documentCooldownMs: 30_000,

  enlistmentTimeoutMs: 10_000,
  enlistmentAnswerBytesMax: 16_384,
  enlistmentConcurrentMax: 256,
  idempotencyEntriesMax: 10_000,
  idempotencyWindowMs: 120_000,
  noncesMax: 100_000,

  pushTimeoutMs: 10_000,
  pushConcurrentMax: 64,
  pushWaitingMax: 4_096,
  pushWaitTimeoutMs: 10_000,
  pushRetryAfterS: 5,
  pushDeliveredMax: 50_000,
  pushDeliveredMs: 600_000,

  mediaBytesMax: 4 * 1024 ** 3,
  mediaConcurrentMax: 512,
  mediaFirstByteTimeoutMs: 10_000,
  mediaStallTimeoutMs: 30_000,
};
