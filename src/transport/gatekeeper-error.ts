/** Faults of connections to a gatekeeper, in closed words. Addresses, host names and the peer's certificate, which
 *  Node's errors have, are left out. */
import { StreamError } from '../stanza/error.ts';
import { systemCode } from './error.ts';

/** Why no connection was made.
 *  - `dns`: the name does not resolve.
 *  - `not-offered`: the domain's SRV record says that it has no such service (RFC 2782, target `.`).
 *  - `refused`, `timeout`, `no-route`: as the system reports it.
 *  - `reset`: the connection ended before it could be used. */
export type UnreachableReason =
  'refused' | 'timeout' | 'dns' | 'not-offered' | 'no-route' | 'reset' | 'other';

/** Why TLS with a gatekeeper failed.
 *  - `untrusted`: its certificate leads to no trusted authority.
 *  - `expired`: its certificate, or one above it, is outside its validity.
 *  - `name-mismatch`: its certificate is for another domain.
 *  - `handshake`: any other fault, such as no common version, or a refused client certificate. */
export type GatekeeperTlsReason = 'untrusted' | 'expired' | 'name-mismatch' | 'handshake';

/** ERR_GATEKEEPER_UNREACHABLE with its reason. */
export class GatekeeperUnreachableError extends StreamError {
  readonly reason: UnreachableReason;

  constructor(reason: UnreachableReason) {
    super('remote-connection-failed', { code: 'ERR_GATEKEEPER_UNREACHABLE' });
    this.reason = reason;
    this.message = `${this.message} (${reason})`;
  }
}

/** ERR_GATEKEEPER_TLS with its reason. */
export class GatekeeperTlsError extends StreamError {
  readonly reason: GatekeeperTlsReason;

  constructor(reason: GatekeeperTlsReason) {
    super('remote-connection-failed', { code: 'ERR_GATEKEEPER_TLS' });
    this.reason = reason;
    this.message = `${this.message} (${reason})`;
  }
}

const unreachable: Readonly<Record<string, UnreachableReason>> = {
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'timeout',
  ENOTFOUND: 'dns',
  ENODATA: 'dns',
  EAI_AGAIN: 'dns',
  ESERVFAIL: 'dns',
  ENETUNREACH: 'no-route',
  EHOSTUNREACH: 'no-route',
  EADDRNOTAVAIL: 'no-route',
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  EPIPE: 'reset',
};

/** Returns the error for a fault before the connection was made. */
export function unreachableError(error: unknown): GatekeeperUnreachableError {
  return new GatekeeperUnreachableError(unreachable[systemCode(error)] ?? 'other');
}

const tls: Readonly<Record<string, GatekeeperTlsReason>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: 'name-mismatch',
  CERT_HAS_EXPIRED: 'expired',
  CERT_NOT_YET_VALID: 'expired',
  SELF_SIGNED_CERT_IN_CHAIN: 'untrusted',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'untrusted',
  UNABLE_TO_GET_ISSUER_CERT: 'untrusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'untrusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'untrusted',
  CERT_SIGNATURE_FAILURE: 'untrusted',
  CERT_UNTRUSTED: 'untrusted',
  CERT_REJECTED: 'untrusted',
  CERT_REVOKED: 'untrusted',
  INVALID_CA: 'untrusted',
  INVALID_PURPOSE: 'untrusted',
  PATH_LENGTH_EXCEEDED: 'untrusted',
};

/** Returns the error for a fault from the ClientHello on. In TLS 1.3 a gatekeeper refuses a client certificate only
 *  after the handshake, so an early error of the established socket is one too. */
export function gatekeeperTlsError(error: unknown): GatekeeperTlsError {
  return new GatekeeperTlsError(tls[systemCode(error)] ?? 'handshake');
}

/** What a gatekeeper did in place of STARTTLS.
 *  - `no-starttls`: its features do not offer it.
 *  - `refused`: it answered `<failure/>`.
 *  - `stream-error`, `closed`: it ended the stream.
 *  - `malformed`: not the XML of RFC 6120; `cause` has the rule and the place.
 *  - `trailing-bytes`: clear text after `<proceed/>`, which could be injected (RFC 6120 §5.4.3.3).
 *  - `unexpected`: anything else. */
export type NegotiationReason =
  'no-starttls' | 'refused' | 'stream-error' | 'closed' | 'malformed' | 'trailing-bytes' | 'unexpected';

/** ERR_GATEKEEPER_NEGOTIATION with its reason. */
export class GatekeeperNegotiationError extends StreamError {
  readonly reason: NegotiationReason;

  constructor(reason: NegotiationReason, cause?: StreamError) {
    super('remote-connection-failed', { code: 'ERR_GATEKEEPER_NEGOTIATION' });
    this.reason = reason;
    this.message = `${this.message} (${reason})`;
    if (cause !== undefined) this.cause = cause;
  }
}

/** ERR_GATEKEEPER_REDIRECT: `see-other-host` before TLS, where it is not authenticated. */
export class GatekeeperRedirectError extends StreamError {
  constructor() {
    super('remote-connection-failed', { code: 'ERR_GATEKEEPER_REDIRECT' });
  }
}
