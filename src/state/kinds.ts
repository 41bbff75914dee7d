/** The kinds of shared state: a closed list, with what a record of each holds and how large and how old it may become. The
 *  table of docs/shared-state.md is held against it. */

const dayMs = 86_400_000;

export interface StateKindRow {
  /** What the value of a record has, in one sentence. */
  readonly holds: string;
  /** What of it belongs to a person; undefined for nothing. Values are sealed before they leave the process. */
  readonly personal?: string;
  /** Longest life of a record, in milliseconds. */
  readonly ttlMsMax: number;
  /** Bytes of the largest value. */
  readonly valueBytesMax: number;
  /** Values are padded to a multiple of this many bytes before they are sealed. */
  readonly paddedToBytes: number;
}

export const stateKinds = {
  nonce: {
    holds: 'A digest of the request that the nonce of an ownership token was used for.',
    ttlMsMax: 2 * dayMs,
    valueBytesMax: 64,
    paddedToBytes: 64,
  },
  answer: {
    holds:
      'A digest of an enlistment request, and its answer, which is sealed under the idempotency key of the caller as well.',
    personal: 'The identifier of the enlistment, which only the caller can open.',
    ttlMsMax: dayMs,
    valueBytesMax: 1_114_112,
    paddedToBytes: 1_024,
  },
  push: {
    holds:
      'Whether a notification is being delivered or was delivered; a digest of the notification that a token was used for.',
    ttlMsMax: dayMs,
    valueBytesMax: 64,
    paddedToBytes: 64,
  },
  resumption: {
    holds:
      'Counts of a stream (XEP-0198), the start and random identifier of its session, its account, and the resource with the name that the client knows it by.',
    personal: 'The account and the resource names.',
    ttlMsMax: dayMs,
    valueBytesMax: 65_536,
    paddedToBytes: 1_024,
  },
} as const satisfies Readonly<Record<string, StateKindRow>>;

export type StateKind = keyof typeof stateKinds;

export const stateKindNames = Object.keys(stateKinds) as readonly StateKind[];
