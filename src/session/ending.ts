/** How a session ends: for each cause, what either side is sent, and the reason that is reported. */
import { StreamError, type StreamCondition } from '../stanza/error.ts';
import type { Side } from './leg.ts';
import type { CloseReason } from './observer.ts';

export type EndCause =
  /** A side has closed its stream, or the gatekeeper's stream error was passed on. */
  | { readonly kind: 'closed'; readonly by: Side }
  /** A connection ended without a closing tag. */
  | { readonly kind: 'lost'; readonly side: Side }
  /** The proxy refuses what `side` did. */
  | { readonly kind: 'refused'; readonly error: StreamError; readonly side: Side }
  /** A peer takes none of what was written. */
  | { readonly kind: 'stalled' };

/** What one side is sent before its connection ends:
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

/** @returns what is sent to whom. The side that caused an error gets its condition; a client whose gatekeeper caused it
 *  gets `remote-connection-failed`, a gatekeeper whose client caused it only the closing tag (RFC 6120 §4.9.1). */
export function farewellFor(cause: EndCause): Farewell {
  switch (cause.kind) {
    case 'closed':
      return { client: 'close', gatekeeper: 'close', reason: `${cause.by}-closed` };
    case 'lost':
      // Without a closing tag the gatekeeper keeps the stream for a resumption (XEP-0198 §5).
      if (cause.side === 'client')
        return { client: 'nothing', gatekeeper: 'nothing', reason: 'client-closed' };
      return farewellFor({ kind: 'refused', error: gatekeeperLost(), side: 'client' });
    case 'refused':
      return refusal(cause.error, cause.side);
    default:
      return { client: 'nothing', gatekeeper: 'nothing', reason: 'ERR_WRITE_STALL' };
  }
}

function refusal({ code, condition }: StreamError, side: Side): Farewell {
  const text = explanations[code];
  if (side === 'client') return { client: { condition, text }, gatekeeper: 'close', reason: code };
  return {
    client: { condition: 'remote-connection-failed', text },
    gatekeeper: { condition, text: undefined },
    reason: code,
  };
}

function gatekeeperLost(): StreamError {
  return new StreamError('remote-connection-failed', { code: 'ERR_GATEKEEPER_CLOSED' });
}

/** @returns the error itself, or ERR_INTERNAL for one that is no refusal. */
export function asStreamError(error: unknown): StreamError {
  if (error instanceof StreamError) return error;
  return new StreamError('internal-server-error', { code: 'ERR_INTERNAL' });
}

const noStatement =
  'The messaging server cannot be told what this connection looks like, which it must be; its operator and that of ' +
  'this service have to agree on how.';

/** Text for the client beside the condition. */
const explanations: Readonly<Partial<Record<StreamError['code'], string>>> = {
  ERR_GATEKEEPER_UNREACHABLE: 'The messaging server cannot be reached; try again later.',
  ERR_GATEKEEPER_CLOSED: 'The messaging server has closed the connection.',
  ERR_UNKNOWN_DOMAIN: 'This service does not serve that domain.',
  ERR_SNI_MISMATCH: 'The server name in TLS is not the domain of the stream.',
  ERR_STARTTLS_REQUIRED: 'STARTTLS comes first.',
  ERR_CHANNEL_BINDING:
    'Channel binding cannot pass this intermediary. The messaging server must not offer it (disable_sasl_mechanisms), ' +
    'or the intermediary must present its certificate or authenticate by itself.',
  ERR_CHANNEL_BINDING_FLAG:
    'The messaging server can bind channels and refuses clients that can too but see no such offer. Channel binding ' +
    'must be switched off there altogether, or the intermediary must present its certificate or authenticate by itself.',
  ERR_REAUTHENTICATION_OFFER: 'The messaging server does not take ownership tokens.',
  ERR_AUTHENTICATION_ATTEMPTS: 'Too many attempts to authenticate.',
  ERR_SHUTDOWN: 'Connect again.',
  ERR_SESSION_AGE: 'Connect again.',
  ERR_OVERLOAD: 'The service is busy; try again later.',
  ERR_STANZA_RATE: 'Too many stanzas for too long.',
  ERR_BYTE_RATE: 'Too many bytes for too long.',
  ERR_SIGNALS_NOT_OFFERED: noStatement,
  ERR_SIGNALS_TLS_VERSION: noStatement,
  ERR_SIGNALS_CERTIFICATE: noStatement,
  ERR_SIGNALS_NO_KEY: noStatement,
  ERR_SIGNALS_TOO_LARGE: noStatement,
};
