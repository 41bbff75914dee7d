import { compactVerify } from 'jose/jws/compact/verify';
import { LRUCache } from 'lru-cache';
import { attestationAlgorithm, attestationType } from './attestation-header.ts';
import {
  confirmation,
  lifetimeSecondsMax,
  type AttestationClaims,
  type AttestationBinding,
} from './attestation.ts';
import { isRecord, isSignalClaims } from './claims.ts';
import type { KeySource } from './jwks.ts';

/** Why an attestation is refused. docs/connection-signals.md lists the reasons; a test compares. */
export const refusals = {
  ERR_ATTESTATION_MISSING: 'There is no attestation, and one is required.',
  ERR_ATTESTATION_MALFORMED:
    'This is not a JWS in compact form with the header and claims of an attestation.',
  ERR_ATTESTATION_TYPE: `The header's typ is not ${attestationType}: this token was made for something else.`,
  ERR_ATTESTATION_ALGORITHM: `The header's alg is not ${attestationAlgorithm}, the only one accepted.`,
  ERR_ATTESTATION_UNKNOWN_KEY:
    'The issuer publishes no key with this id: removed, not fetched yet, or invented.',
  ERR_ATTESTATION_SIGNATURE:
    'The signature does not fit the content: altered on the way, or signed by another key.',
  ERR_ATTESTATION_ISSUER: 'The issuer is not the intermediary that is expected here.',
  ERR_ATTESTATION_AUDIENCE: 'It was made for another gatekeeper.',
  ERR_ATTESTATION_EXPIRED: 'Its time is over.',
  ERR_ATTESTATION_NOT_YET_VALID: 'It claims to be from the future; one of the two clocks is wrong.',
  ERR_ATTESTATION_LIFETIME: `It claims to live longer than ${lifetimeSecondsMax} seconds.`,
  ERR_ATTESTATION_BINDING: 'It belongs to another connection: stolen, or relayed by someone in between.',
  ERR_ATTESTATION_REPLAY: 'It was already used.',
} as const;

export type RefusalCode = keyof typeof refusals;

/** - `accepted`: the attestation is the issuer's, fresh, for this audience, and, unless `bindingChecked` is false, for
 *    this connection.
 *  - `refused`: the first reason found, in words and numbers, without content of the token. */
export type Verification =
  | {
      readonly kind: 'accepted';
      readonly claims: AttestationClaims;
      readonly kid: string;
      readonly bindingChecked: boolean;
    }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly explanation: string };

export interface VerifierOptions {
  readonly keys: KeySource;
  /** This gatekeeper's name in `aud`. */
  readonly audience: string;
  /** The intermediary's name in `iss`. */
  readonly issuer: string;
  /** Returns milliseconds since 1970. Default `Date.now`. */
  readonly clock?: () => number;
  /** Most seconds by which the issuer's clock may differ, 0 to 30. Default 5. */
  readonly clockSkewSeconds?: number;
  /** Used attestations that are remembered. Only genuine ones are, and none longer than it could be accepted again,
   *  so this bounds connections per 70 seconds. Default 100,000. */
  readonly replayEntriesMax?: number;
}

/** The binding of the connection that carried the attestation; `unchecked` to read a token offline. */
export type ExpectedBinding = AttestationBinding | { readonly kind: 'unchecked' };

export interface Verifier {
  /** Verifies one attestation, and remembers it as used. Never rejects because of the token; rejects when `keys.find`
   *  does.
   *  @param jws compact JWS; undefined when the peer sent none */
  verify(jws: string | undefined, binding: ExpectedBinding): Promise<Verification>;
}

const jwsCharsMax = 8192;
const clockSkewSecondsMax = 30;

/** Makes a verifier with its own memory of used attestations, one per gatekeeper process. Across processes, the binding
 *  to the connection prevents a replay.
 *  @throws RangeError when the clock skew is out of bounds */
export function createVerifier(options: VerifierOptions): Verifier {
  const { keys, clock = Date.now, clockSkewSeconds = 5, replayEntriesMax = 100_000 } = options;
  if (!(clockSkewSeconds >= 0 && clockSkewSeconds <= clockSkewSecondsMax))
    throw new RangeError(`clockSkewSeconds must be 0 to ${clockSkewSecondsMax}`);
  const used = new LRUCache<string, string>({
    max: replayEntriesMax,
    ttl: (lifetimeSecondsMax + 2 * clockSkewSeconds + 1) * 1000,
    ttlResolution: 0,
    perf: { now: clock },
  });

  return {
    async verify(jws, binding) {
      if (jws === undefined) return refuse('ERR_ATTESTATION_MISSING');
      const header = readHeader(jws);
      if (typeof header === 'string') return refuse(header);
      const key = await keys.find(header.kid);
      if (key === undefined) return refuse('ERR_ATTESTATION_UNKNOWN_KEY');
      const claims = await verifiedClaims(jws, key);
      if (typeof claims === 'string') return refuse(claims);
      const refusal =
        checkParties(claims, options) ??
        checkTime(claims, clock() / 1000, clockSkewSeconds) ??
        checkBinding(claims, binding) ??
        checkReplay(claims, used);
      const bindingChecked = binding.kind !== 'unchecked';
      return refusal ?? { kind: 'accepted', claims, kid: header.kid, bindingChecked };
    },
  };
}

function refuse(code: RefusalCode, detail = ''): Verification & { readonly kind: 'refused' } {
  return {
    kind: 'refused',
    code,
    explanation: detail === '' ? refusals[code] : `${refusals[code]} ${detail}`,
  };
}

type Refusal = ReturnType<typeof refuse> | undefined;

/** Reads the header. It may have only the three parameters of an attestation: any other (`crit`, `jwk`, `jku`,
 *  `x5c`, `b64`) could influence the verification, and is refused (RFC 8725 §3). */
function readHeader(jws: string): { readonly kid: string } | RefusalCode {
  if (jws.length > jwsCharsMax || !isCompact(jws)) return 'ERR_ATTESTATION_MALFORMED';
  const header = decodeJson(jws.slice(0, jws.indexOf('.')));
  if (!isRecord(header)) return 'ERR_ATTESTATION_MALFORMED';
  const { alg, typ, kid, ...others } = header;
  if (alg !== attestationAlgorithm) return 'ERR_ATTESTATION_ALGORITHM';
  if (typ !== attestationType) return 'ERR_ATTESTATION_TYPE';
  return typeof kid === 'string' && Object.keys(others).length === 0 ? { kid } : 'ERR_ATTESTATION_MALFORMED';
}

/** Returns whether the token is three parts in base64url, each in its only spelling: unused bits of a last character
 *  are 0. */
function isCompact(jws: string): boolean {
  const parts = jws.split('.');
  const canonical = parts.every((part) => Buffer.from(part, 'base64url').toString('base64url') === part);
  return parts.length === 3 && canonical;
}

async function verifiedClaims(
  jws: string,
  key: Parameters<typeof compactVerify>[1],
): Promise<AttestationClaims | RefusalCode> {
  try {
    const { payload } = await compactVerify(jws, key, { algorithms: [attestationAlgorithm] });
    const claims = parseJson(Buffer.from(payload).toString());
    return isAttestationClaims(claims) ? claims : 'ERR_ATTESTATION_MALFORMED';
  } catch {
    return 'ERR_ATTESTATION_SIGNATURE';
  }
}

function isAttestationClaims(claims: unknown): claims is AttestationClaims {
  if (!isRecord(claims)) return false;
  const { iss, aud, iat, exp, jti, cnf, policy, signals } = claims;
  const texts = [iss, aud, jti, policy].every((text) => typeof text === 'string' && text !== '');
  const times = [iat, exp].every((time) => Number.isSafeInteger(time));
  const confirmations = isRecord(cnf) ? Object.entries(cnf) : [];
  const bound =
    confirmations.length === 1 &&
    confirmations.every(([name, value]) => bindingNames.has(name) && typeof value === 'string');
  return texts && times && bound && isSignalClaims(signals);
}

const bindingNames: ReadonlySet<string> = new Set(['tls-exporter', 'x5t#S256', 'noise-ephemeral#S256']);

function checkParties(claims: AttestationClaims, { issuer, audience }: VerifierOptions): Refusal {
  if (claims.iss !== issuer) return refuse('ERR_ATTESTATION_ISSUER');
  return claims.aud === audience ? undefined : refuse('ERR_ATTESTATION_AUDIENCE');
}

/** Checks the times, in seconds. */
function checkTime({ iat, exp }: AttestationClaims, now: number, skew: number): Refusal {
  if (exp - iat > lifetimeSecondsMax || exp <= iat)
    return refuse('ERR_ATTESTATION_LIFETIME', `It says ${exp - iat} seconds.`);
  if (now >= exp + skew)
    return refuse(
      'ERR_ATTESTATION_EXPIRED',
      `It ended ${Math.ceil(now - exp)} seconds ago; ${skew} are allowed.`,
    );
  if (now < iat - skew)
    return refuse(
      'ERR_ATTESTATION_NOT_YET_VALID',
      `It begins in ${Math.ceil(iat - now)} seconds; ${skew} are allowed.`,
    );
  return undefined;
}

function checkBinding({ cnf }: AttestationClaims, expected: ExpectedBinding): Refusal {
  if (expected.kind === 'unchecked') return undefined;
  const [[wantedName, wanted] = []] = Object.entries(confirmation(expected));
  const [[name, value] = []] = Object.entries(cnf);
  if (name !== wantedName)
    return refuse('ERR_ATTESTATION_BINDING', 'It is bound by other means than expected.');
  return value === wanted ? undefined : refuse('ERR_ATTESTATION_BINDING');
}

/** Checks for a replay. The last check, so that a copy that fails another one does not use up the original. */
function checkReplay({ jti, cnf }: AttestationClaims, used: LRUCache<string, string>): Refusal {
  const binding = Object.values(cnf).join('');
  const before = used.get(jti);
  if (before === undefined) {
    used.set(jti, binding);
    return undefined;
  }
  const where = before === binding ? 'On this same connection.' : 'On another connection.';
  return refuse('ERR_ATTESTATION_REPLAY', where);
}

function decodeJson(part: string): unknown {
  return parseJson(Buffer.from(part, 'base64url').toString());
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
