/** Faults of connections to a gatekeeper, each with a cause of the closed list (`errors/causes.ts`). Addresses, host
 *  names and the peer's certificate, which Node's errors have, are left out. */
import type { DialCause } from '../errors/causes.ts';
import type { StreamErrorCode } from '../errors/stream.ts';
import { StreamError } from '../stanza/error.ts';
import { systemCode } from './error.ts';

/** A failed dial. The client is sent `remote-connection-failed`. */
export class GatekeeperError extends StreamError {
  readonly dialCause: DialCause;

  constructor(code: StreamErrorCode, dialCause: DialCause) {
    super('remote-connection-failed', { code });
    this.dialCause = dialCause;
    this.message = `${this.message} (${dialCause})`;
  }
}

/** Why no connection was made. */
export type UnreachableCause = Extract<
  DialCause,
  'refused' | 'timed-out' | 'name-unresolved' | 'not-offered' | 'no-route' | 'connection-lost' | 'unreachable'
>;

/** Why TLS with a gatekeeper failed. */
export type GatekeeperTlsCause = Extract<
  DialCause,
  | 'authority-unknown'
  | 'expired'
  | 'not-yet-valid'
  | 'name-mismatch'
  | 'plain-text'
  | 'tls-mode'
  | 'tls-failed'
>;

export class GatekeeperUnreachableError extends GatekeeperError {
  constructor(cause: UnreachableCause) {
    super('ERR_GATEKEEPER_UNREACHABLE', cause);
  }
}

export class GatekeeperTlsError extends GatekeeperError {
  constructor(cause: GatekeeperTlsCause) {
    super('ERR_GATEKEEPER_TLS', cause);
  }
}

const unreachable: Readonly<Record<string, UnreachableCause>> = {
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'timed-out',
  ENOTFOUND: 'name-unresolved',
  ENODATA: 'name-unresolved',
  EAI_AGAIN: 'name-unresolved',
  ESERVFAIL: 'name-unresolved',
  ENETUNREACH: 'no-route',
  EHOSTUNREACH: 'no-route',
  EADDRNOTAVAIL: 'no-route',
  ECONNRESET: 'connection-lost',
  ECONNABORTED: 'connection-lost',
  EPIPE: 'connection-lost',
};

/** Returns the error for a fault before the connection was made. */
export function unreachableError(error: unknown): GatekeeperUnreachableError {
  return new GatekeeperUnreachableError(unreachable[systemCode(error)] ?? 'unreachable');
}

const tls: Readonly<Record<string, GatekeeperTlsCause>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: 'name-mismatch',
  CERT_HAS_EXPIRED: 'expired',
  CERT_NOT_YET_VALID: 'not-yet-valid',
  SELF_SIGNED_CERT_IN_CHAIN: 'authority-unknown',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'authority-unknown',
  UNABLE_TO_GET_ISSUER_CERT: 'authority-unknown',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'authority-unknown',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'authority-unknown',
  CERT_SIGNATURE_FAILURE: 'authority-unknown',
  CERT_UNTRUSTED: 'authority-unknown',
  CERT_REJECTED: 'authority-unknown',
  CERT_REVOKED: 'authority-unknown',
  INVALID_CA: 'authority-unknown',
  INVALID_PURPOSE: 'authority-unknown',
  PATH_LENGTH_EXCEEDED: 'authority-unknown',
  // The first record does not have the form of any TLS version.
  ERR_SSL_WRONG_VERSION_NUMBER: 'plain-text',
};

/** Returns the error for a fault from the ClientHello on. In TLS 1.3 a gatekeeper refuses a client certificate only
 *  after the handshake, so an early error of the established socket is one too. */
export function gatekeeperTlsError(error: unknown): GatekeeperTlsError {
  return new GatekeeperTlsError(tls[systemCode(error)] ?? 'tls-failed');
}

/** What a gatekeeper did in place of STARTTLS.
 *  - `no-starttls`: its features do not offer it.
 *  - `refused`: it answered `<failure/>`.
 *  - `stream-error`, `closed`: it ended the stream.
 *  - `malformed`: not the XML of RFC 6120; `cause` has the rule and the place.
 *  - `trailing-bytes`: clear text after `<proceed/>`, which could be injected (RFC 6120 §5.4.3.3).
 *  - `no-websocket`: it refused the upgrade to a WebSocket, or the subprotocol.
 *  - `unexpected`: anything else. */
export type NegotiationReason =
  | 'no-websocket'
  | 'no-starttls'
  | 'refused'
  | 'stream-error'
  | 'closed'
  | 'malformed'
  | 'trailing-bytes'
  | 'unexpected';

const negotiation: Readonly<Record<NegotiationReason, DialCause>> = {
  'no-starttls': 'plain-text',
  'no-websocket': 'no-websocket',
  refused: 'stream-refused',
  'stream-error': 'stream-refused',
  closed: 'stream-refused',
  malformed: 'not-xmpp',
  'trailing-bytes': 'not-xmpp',
  unexpected: 'not-xmpp',
};

/** ERR_GATEKEEPER_NEGOTIATION with its reason. */
export class GatekeeperNegotiationError extends GatekeeperError {
  readonly reason: NegotiationReason;

  constructor(reason: NegotiationReason, cause?: StreamError) {
    super('ERR_GATEKEEPER_NEGOTIATION', negotiation[reason]);
    this.reason = reason;
    if (cause !== undefined) this.cause = cause;
  }
}

/** ERR_GATEKEEPER_REDIRECT: `see-other-host` before TLS, where it is not authenticated. */
export class GatekeeperRedirectError extends GatekeeperError {
  constructor() {
    super('ERR_GATEKEEPER_REDIRECT', 'redirected');
  }
}
