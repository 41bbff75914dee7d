/** Faults on the way to a gatekeeper, in closed words. Whatever Node knows beyond that (addresses, host names, the
 *  peer's certificate) stays out. */
import { StreamError } from '../stanza/error.ts';
import { systemCode } from './error.ts';

/** Why no connection came about.
 *  - `dns`: the name does not resolve.
 *  - `not-offered`: the domain's SRV record says that it has no such service (RFC 2782, target `.`).
 *  - `reset`: the connection ended before it was of use. */
export type UnreachableReason =
  'refused' | 'timeout' | 'dns' | 'not-offered' | 'no-route' | 'reset' | 'other';

/** Why TLS with a gatekeeper failed.
 *  - `untrusted`: its certificate leads to no authority that is trusted here.
 *  - `expired`: its certificate, or one above it, is outside its validity.
 *  - `name-mismatch`: its certificate speaks for another domain.
 *  - `handshake`: anything else, such as no common version, or our certificate refused. */
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

/** For a fault before the connection stood. */
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

/** For a fault from the ClientHello on. In TLS 1.3 a gatekeeper refuses our certificate only after the handshake:
 *  an early error of the established socket belongs here too. */
export function gatekeeperTlsError(error: unknown): GatekeeperTlsError {
  return new GatekeeperTlsError(tls[systemCode(error)] ?? 'handshake');
}

/** What a gatekeeper did instead of STARTTLS.
 *  - `no-starttls`: its features do not offer it.
 *  - `refused`: it answered `<failure/>`.
 *  - `stream-error`, `closed`: it ended the stream.
 *  - `malformed`: not the XML of RFC 6120; `cause` says which rule, and where.
 *  - `trailing-bytes`: clear text after `<proceed/>`, an attempt to be taken for encrypted (RFC 6120 §5.4.3.3).
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
