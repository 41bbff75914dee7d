/** How a session ends: what each side is sent for each cause, and the reason that is reported. */
import { dialCauses } from '../errors/causes.ts';
import { defectOf } from '../errors/defect.ts';
import type { ErrorRow } from '../errors/row.ts';
import { isStreamErrorCode, streamErrors, type StreamErrorCode } from '../errors/stream.ts';
import { StreamError, type StreamCondition } from '../stanza/error.ts';
import { GatekeeperError } from '../transport/gatekeeper-error.ts';
import type { Side } from './leg.ts';
import type { CloseReason, SessionRefusal } from './observer.ts';

export type EndCause =
  /** A side has closed its stream, or the gatekeeper's stream error was passed on. */
  | { readonly kind: 'closed'; readonly by: Side }
  /** A connection ended without a closing tag.
   *  - `resumable`: the gatekeeper has promised that the stream can be resumed (XEP-0198 §5). */
  | { readonly kind: 'lost'; readonly side: Side; readonly resumable?: boolean }
  /** The proxy refuses something that `side` sent or did. */
  | { readonly kind: 'refused'; readonly error: StreamError; readonly side: Side }
  /** A peer did not drain its connection. */
  | { readonly kind: 'stalled' }
  /** The stream may be resumed on another connection (XEP-0198 §5). */
  | { readonly kind: 'handed-over'; readonly code: StreamErrorCode };

/** What a side is sent before its connection ends.
 *  - `nothing`: not even a closing tag.
 *  - `close`: the closing tag.
 *  - otherwise a stream error and the closing tag. */
export type LastWords =
  'nothing' | 'close' | { readonly condition: StreamCondition; readonly text: string | undefined };

export interface Farewell {
  readonly client: LastWords;
  readonly gatekeeper: LastWords;
  readonly reason: CloseReason;
}

/** Returns what each side is sent. The side that caused an error gets its condition. A client whose gatekeeper
 *  caused it gets `remote-connection-failed`, a gatekeeper whose client caused it only the closing tag (RFC 6120
 *  §4.9.1). */
export function farewellFor(cause: EndCause): Farewell {
  switch (cause.kind) {
    case 'closed':
      return { client: 'close', gatekeeper: 'close', reason: `${cause.by}-closed` };
    case 'lost':
      // Without a closing tag the gatekeeper keeps the stream for a resumption (XEP-0198 §5).
      if (cause.side === 'client')
        return { client: 'nothing', gatekeeper: 'nothing', reason: 'client-closed' };
      // As for `handed-over`: after an error most libraries begin a new session, or none.
      if (cause.resumable === true)
        return { client: 'nothing', gatekeeper: 'nothing', reason: 'ERR_GATEKEEPER_CLOSED' };
      return farewellFor({ kind: 'refused', error: gatekeeperLost(), side: 'client' });
    case 'refused':
      return refusal(cause.error, cause.side);
    case 'handed-over':
      // The only form that every library of docs/draining.md resumes after. The gatekeeper keeps its side.
      return { client: 'nothing', gatekeeper: 'nothing', reason: cause.code };
    default:
      return { client: 'nothing', gatekeeper: 'nothing', reason: 'ERR_WRITE_STALL' };
  }
}

function refusal(error: StreamError, side: Side): Farewell {
  const { code, condition } = error;
  const text = textFor(error);
  if (side === 'client') return { client: { condition, text }, gatekeeper: 'close', reason: code };
  return {
    client: { condition: 'remote-connection-failed', text },
    gatekeeper: { condition, text: undefined },
    reason: code,
  };
}

/** Returns the text for the user of a client; undefined where the code has none. */
function textFor(error: StreamError): string | undefined {
  if (error instanceof GatekeeperError) return dialCauses[error.dialCause].text;
  const { text }: ErrorRow = streamErrors[error.code];
  return text;
}

function gatekeeperLost(): StreamError {
  return new StreamError('remote-connection-failed', { code: 'ERR_GATEKEEPER_CLOSED' });
}

/** Returns whether an end is a refusal. Clients that are asked to connect again are not refused. */
export function isRefusal(reason: CloseReason): reason is StreamErrorCode {
  return isStreamErrorCode(reason) && reason !== 'ERR_SHUTDOWN' && reason !== 'ERR_SESSION_AGE';
}

/** Returns what is logged of a refusal; undefined for an end without one. */
export function refusalOf(cause: EndCause): SessionRefusal | undefined {
  if (cause.kind !== 'refused') return undefined;
  const { error, side } = cause;
  const { detail, defect } = error;
  return { side, detail, defect, ...(error instanceof GatekeeperError && { cause: error.dialCause }) };
}

/** Returns a StreamError itself, and ERR_INTERNAL with class and place for any other error. */
export function asStreamError(error: unknown): StreamError {
  if (error instanceof StreamError) return error;
  return new StreamError('internal-server-error', { code: 'ERR_INTERNAL' }, defectOf(error));
}
