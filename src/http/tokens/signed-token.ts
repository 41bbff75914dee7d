/** Verifies a signed token (JWT, RFC 7519) by the rules of RFC 8725. A fault is one code of a closed list, checked
 *  in a fixed order, and nothing of the token is repeated. The library jose verifies the signature. */
import * as errors from 'jose/errors';
import { compactVerify } from 'jose/jws/compact/verify';
import { HttpProblem, type ProblemCode } from '../problem.ts';
import { parseStrictJson, type JsonObject, type JsonValue } from '../strict-json.ts';
import {
  signatureAlgorithms,
  type KeySource,
  type SignatureAlgorithm,
  type VerificationKey,
} from './verification-keys.ts';

export interface SignedTokenRules {
  /** The exact value of `iss`. */
  readonly issuer: string;
  /** Allowed values of `aud`. A token with any other value is refused: its other receivers could replay it. */
  readonly audiences: readonly string[];
  readonly algorithms: readonly SignatureAlgorithm[];
  /** Allowed values of `typ`, compared without case and without `application/`; undefined allows a token without
   *  one. */
  readonly types: readonly (string | undefined)[];
  readonly keys: KeySource;
  /** Whether a token needs a `sub`. */
  readonly needsSubject: boolean;
  /** Most seconds between `iat` and `exp`. */
  readonly lifetimeMaxS: number;
  /** Most seconds by which the issuer's clock may differ from the proxy's. */
  readonly clockToleranceS: number;
  readonly limits: { readonly tokenBytesMax: number; readonly jsonDepthMax: number };
  /** Returns milliseconds since 1970. */
  readonly now: () => number;
}

/** The claims that the rules read, parsed, and all claims of the token. */
export interface TokenClaims {
  /** Undefined for a token without one, where none is needed. */
  readonly subject: string | undefined;
  /** Until when the token is accepted: `exp` and the tolerance. Milliseconds since 1970. */
  readonly acceptedUntil: number;
  readonly all: JsonObject;
}

/** Verifies a token, and returns its claims.
 *  @throws HttpProblem with an ERR_TOKEN_ code, or ERR_KEYS_UNAVAILABLE */
export async function verifySignedToken(token: string, rules: SignedTokenRules): Promise<TokenClaims> {
  const { header, payload } = open(token, rules.limits);
  const algorithm = checkHeader(header, rules);
  const key = await findKey(header['kid'], algorithm, rules.keys);
  await checkSignature(token, key, algorithm);
  return checkClaims(payload, rules);
}

/** Returns the `iss` of a token whose signature was not verified, to find the rules to verify it by.
 *  @throws HttpProblem ERR_TOKEN_TOO_LARGE, ERR_TOKEN_MALFORMED, ERR_TOKEN_DUPLICATE */
export function claimedIssuer(token: string, limits: SignedTokenRules['limits']): string | undefined {
  const { iss } = open(token, limits).payload;
  return typeof iss === 'string' ? iss : undefined;
}

/** Returns the token of an `Authorization: Bearer` header (RFC 6750 §2.1).
 *  @throws HttpProblem ERR_TOKEN_MISSING */
export function bearerToken(headers: Headers): string {
  const [, token] = /^Bearer +([^ ]+)$/i.exec(headers.get('authorization') ?? '') ?? [];
  if (token === undefined) throw new HttpProblem('ERR_TOKEN_MISSING');
  return token;
}

function open(
  token: string,
  limits: SignedTokenRules['limits'],
): { header: JsonObject; payload: JsonObject } {
  const { tokenBytesMax } = limits;
  if (token.length > tokenBytesMax) throw new HttpProblem('ERR_TOKEN_TOO_LARGE', { tokenBytesMax });
  // Three parts without padding or white space (RFC 7515 §7.1). The third of an unsecured token is empty.
  const [, header, payload] = /^([\w-]+)\.([\w-]+)\.[\w-]*$/.exec(token) ?? [];
  if (header === undefined || payload === undefined) throw new HttpProblem('ERR_TOKEN_MALFORMED');
  return { header: openPart(header, limits), payload: openPart(payload, limits) };
}

function openPart(part: string, { jsonDepthMax: depthMax }: SignedTokenRules['limits']): JsonObject {
  const json = parseStrictJson(Buffer.from(part, 'base64url'), { depthMax });
  if (json.kind === 'duplicate-member') throw new HttpProblem('ERR_TOKEN_DUPLICATE');
  if (json.kind === 'malformed') throw new HttpProblem('ERR_TOKEN_MALFORMED');
  return json.value;
}

/** Header members by which a token would choose its own key (RFC 7515 §4.1.2, §4.1.3, §4.1.5, §4.1.6). */
const embeddedKeys = ['jku', 'jwk', 'x5u', 'x5c'];

function checkHeader(header: JsonObject, rules: SignedTokenRules): SignatureAlgorithm {
  const { alg, typ } = header;
  if (typeof alg === 'string' && alg.toLowerCase() === 'none') throw new HttpProblem('ERR_TOKEN_UNSECURED');
  const algorithm = signatureAlgorithms.find((known) => known === alg && rules.algorithms.includes(known));
  if (algorithm === undefined) throw new HttpProblem('ERR_TOKEN_ALGORITHM');
  // No extension is implemented, so none may be critical (RFC 7515 §4.1.11); b64 (RFC 7797) would be one.
  if ('crit' in header || 'b64' in header) throw new HttpProblem('ERR_TOKEN_CRITICAL');
  if (embeddedKeys.some((name) => name in header)) throw new HttpProblem('ERR_TOKEN_EMBEDDED_KEY');
  if (!rules.types.some((type) => sameType(type, typ))) throw new HttpProblem('ERR_TOKEN_TYPE');
  return algorithm;
}

function sameType(wanted: string | undefined, found: JsonValue | undefined): boolean {
  if (typeof found !== 'string') return wanted === found;
  return wanted?.toLowerCase() === found.toLowerCase().replace(/^application\//, '');
}

async function findKey(
  kid: JsonValue | undefined,
  algorithm: SignatureAlgorithm,
  keys: KeySource,
): Promise<VerificationKey> {
  const key = typeof kid === 'string' ? await keys.find(kid) : undefined;
  if (key === undefined) throw new HttpProblem('ERR_TOKEN_KEY_UNKNOWN');
  if (!key.fits(algorithm)) throw new HttpProblem('ERR_TOKEN_KEY_MISMATCH');
  return key;
}

async function checkSignature(
  token: string,
  { key }: VerificationKey,
  algorithm: SignatureAlgorithm,
): Promise<void> {
  try {
    await compactVerify(token, key, { algorithms: [algorithm] });
  } catch (error) {
    const forged = error instanceof errors.JWSSignatureVerificationFailed;
    throw new HttpProblem(forged ? 'ERR_TOKEN_SIGNATURE' : 'ERR_TOKEN_MALFORMED');
  }
}

function checkClaims(claims: JsonObject, rules: SignedTokenRules): TokenClaims {
  const { iss, aud, sub, nbf } = claims;
  // Text with an unpaired surrogate has no UTF-8, so two parsers could take it for two users.
  const subject = typeof sub === 'string' && sub !== '' && sub.isWellFormed() ? sub : undefined;
  const mayLack = !rules.needsSubject && sub === undefined;
  demand(typeof iss === 'string' && (subject !== undefined || mayLack), 'ERR_TOKEN_CLAIM_MISSING');
  demand(iss === rules.issuer, 'ERR_TOKEN_ISSUER');
  const audiences = Array.isArray(aud) ? (aud as readonly JsonValue[]) : [aud];
  const isOurs = (value: JsonValue | undefined): boolean => rules.audiences.some((ours) => ours === value);
  demand(audiences.length > 0 && audiences.every(isOurs), 'ERR_TOKEN_AUDIENCE');
  const nowS = rules.now() / 1000;
  const exp = seconds(claims['exp']);
  const iat = seconds(claims['iat']);
  demand(nowS < exp + rules.clockToleranceS, 'ERR_TOKEN_EXPIRED');
  const notBefore = nbf === undefined ? iat : Math.max(iat, seconds(nbf));
  demand(notBefore <= nowS + rules.clockToleranceS, 'ERR_TOKEN_NOT_YET_VALID');
  demand(exp - iat <= rules.lifetimeMaxS, 'ERR_TOKEN_LIFETIME');
  return { subject, acceptedUntil: (exp + rules.clockToleranceS) * 1000, all: claims };
}

function seconds(value: JsonValue | undefined): number {
  demand(typeof value === 'number' && Number.isFinite(value) && value >= 0, 'ERR_TOKEN_CLAIM_MISSING');
  return value;
}

function demand(condition: boolean, code: ProblemCode): asserts condition {
  if (!condition) throw new HttpProblem(code);
}
