import type { BodyLimits } from './request-body.ts';
import { defaultHttp2Limits, type Http2Limits } from './server/http2/limits.ts';
import type { ServeLimits } from './server/node-server.ts';

/** Limits of enlistments. */
export interface EnlistmentLimits {
  /** Milliseconds for the gatekeeper to answer (ERR_ENLISTMENT_API_TIMEOUT). */
  readonly enlistmentTimeoutMs: number;
  /** Bytes of the gatekeeper's answer (ERR_ENLISTMENT_API_ANSWER). */
  readonly enlistmentAnswerBytesMax: number;
  /** Concurrent enlistments (ERR_ENLISTMENT_BUSY). */
  readonly enlistmentConcurrentMax: number;
  /** Sealed answers stored for repeated requests, and the milliseconds for which they are. */
  readonly idempotencyEntriesMax: number;
  readonly idempotencyWindowMs: number;
  /** Nonces of tokens that are remembered against replay until they expire. */
  readonly noncesMax: number;
}

/** Limits of push notifications. */
export interface PushLimits {
  /** Milliseconds for the provider to accept a notification (ERR_PROVIDER_TIMEOUT). */
  readonly pushTimeoutMs: number;
  /** Notifications that are sent to the provider at once. */
  readonly pushConcurrentMax: number;
  /** Notifications of one gatekeeper at once, waiting ones included (ERR_PUSH_BUSY). */
  readonly pushWaitingMax: number;
  /** Milliseconds that one may wait for its turn (ERR_PUSH_BUSY). */
  readonly pushWaitTimeoutMs: number;
  /** Seconds in Retry-After when a push cannot be accepted. */
  readonly pushRetryAfterS: number;
  /** Ids of delivered notifications that are remembered, so that a retry is not a second push, and the milliseconds
   *  for which they are. */
  readonly pushDeliveredMax: number;
  readonly pushDeliveredMs: number;
}

/** Limits of the media relay. */
export interface MediaLimits {
  /** Bytes of one download (ERR_MEDIA_TOO_LARGE). */
  readonly mediaBytesMax: number;
  /** Concurrent downloads (ERR_MEDIA_BUSY). */
  readonly mediaConcurrentMax: number;
  /** Milliseconds from the request to the media server's headers (ERR_MEDIA_TIMEOUT). */
  readonly mediaFirstByteTimeoutMs: number;
  /** Milliseconds without a byte on either side, after which both are closed. */
  readonly mediaStallTimeoutMs: number;
}

/** Limits of sealed references. */
export interface ReferenceLimits {
  /** References issued in one second (ERR_MEDIA_REFERENCE_RATE). */
  readonly mediaReferencesPerSecondMax: number;
  /** Characters of an address that a reference is made for (ERR_MEDIA_REFERENCE_LENGTH). */
  readonly mediaReferenceAddressCharsMax: number;
}

/** Limits and timeouts of the public HTTP plane. Each bounds what a caller, or a party that the proxy calls, can
 *  make it hold, do or wait for. */
export interface HttpLimits
  extends ServeLimits, Http2Limits, BodyLimits, EnlistmentLimits, PushLimits, MediaLimits, ReferenceLimits {
  /** Percent of the time of the event loop that requests and TLS handshakes may take together: the rest is for streams. */
  readonly loopPercentMax: number;
  /** Bytes of a compact JWS (ERR_TOKEN_TOO_LARGE). */
  readonly tokenBytesMax: number;
  /** Bytes of a JWK set or metadata document of another party. */
  readonly documentBytesMax: number;
  /** Keys in one set; a larger set is refused. */
  readonly keysMax: number;
  /** Milliseconds to fetch such a document. */
  readonly documentTimeoutMs: number;
  /** Milliseconds for which a fetched document is served without asking again. */
  readonly documentFreshMs: number;
  /** Milliseconds after fetching for which an old document is served while its server fails. */
  readonly documentStaleMs: number;
  /** Shortest time between two fetches in milliseconds, however many unknown key ids are requested. */
  readonly documentCooldownMs: number;
}

export const defaultHttpLimits: HttpLimits = {
  headerBytesMax: 16_384,
  headersMax: 64,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 15_000,
  requestsPerConnectionMax: 1_000,
  connectionsMax: 10_000,
  loopPercentMax: 50,

  ...defaultHttp2Limits,

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
  mediaReferencesPerSecondMax: 100,
  mediaReferenceAddressCharsMax: 2_048,
};
