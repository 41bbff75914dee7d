/** Refusals. Each has a stream or stanza error condition for the peer (RFC 6120 §4.9.3, §8.3.3) and a code for the
 *  operator. Details are numbers and booleans: never bytes from the wire, never an address. */

import type { Defect } from '../errors/defect.ts';
import type { StreamErrorCode } from '../errors/stream.ts';

/** Stream error conditions that the proxy sends (RFC 6120 §4.9.3). */
export type StreamCondition =
  | 'bad-format'
  | 'bad-namespace-prefix'
  | 'conflict'
  | 'connection-timeout'
  | 'host-unknown'
  | 'internal-server-error'
  | 'invalid-namespace'
  | 'not-authorized'
  | 'not-well-formed'
  | 'policy-violation'
  | 'remote-connection-failed'
  | 'reset'
  | 'resource-constraint'
  | 'restricted-xml'
  | 'system-shutdown'
  | 'undefined-condition'
  | 'unsupported-encoding'
  | 'unsupported-feature'
  | 'unsupported-stanza-type'
  | 'unsupported-version';

/** What is logged with a code. */
export type ErrorDetail = Readonly<Record<string, number | boolean>>;

/** Ends the stream it occurs on, and with it the other direction. */
export class StreamError extends Error {
  override readonly name = 'StreamError';
  readonly condition: StreamCondition;
  readonly code: StreamErrorCode;
  readonly detail: ErrorDetail;
  /** Set for `ERR_INTERNAL`: the error that was thrown in place of a refusal. */
  readonly defect: Defect | undefined;

  /** @param detail numbers only: offsets in bytes from the start of the stream, sizes, limits. */
  constructor(
    condition: StreamCondition,
    { code, ...detail }: { code: StreamErrorCode } & ErrorDetailInput,
    defect?: Defect,
  ) {
    super(`${code}: ${condition}`);
    this.condition = condition;
    this.code = code;
    this.detail = detail as ErrorDetail;
    this.defect = defect;
  }
}

type ErrorDetailInput = Readonly<Record<string, number | boolean | string>>;
