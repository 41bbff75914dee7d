/** The messages of the SASL mechanisms that carry a token: OAUTHBEARER (RFC 7628 §3.1), and PLAIN (RFC 4616 §2) with
 *  the token in place of the password, for clients without OAUTHBEARER. */
import { ownBytes } from '../../stanza/own-bytes.ts';
import { Sensitive } from '../../stanza/sensitive.ts';

/** Mechanisms that carry a token, best first. */
export const bearerMechanisms = ['OAUTHBEARER', 'PLAIN'] as const;
export type BearerMechanism = (typeof bearerMechanisms)[number];

/** A client's message. A name that it leaves out is ''. */
export interface BearerResponse {
  readonly token: Sensitive<string>;
  /** The account that the client wants to act as (`authzid`). */
  readonly authorization: Sensitive<string>;
  /** The account that the token belongs to, by the client's word (`authcid`). OAUTHBEARER has no such field. */
  readonly authentication: Sensitive<string>;
}

const kvsep = '\u0001';
/** The client's answer to an error challenge (RFC 7628 §3.2.3). */
export const errorAcknowledgement = Buffer.from(kvsep);

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads the only message of either mechanism.
 *  @returns undefined for a malformed one */
export function readBearerResponse(
  mechanism: BearerMechanism,
  message: Uint8Array,
): BearerResponse | undefined {
  let text: string;
  try {
    text = strictUtf8.decode(message);
  } catch {
    return undefined;
  }
  return mechanism === 'PLAIN' ? readPlain(text) : readOauthBearer(text);
}

function readPlain(text: string): BearerResponse | undefined {
  const parts = text.split('\0');
  const [authorization, authentication, token] = parts;
  if (parts.length !== 3 || authentication === '' || token === '') return undefined;
  return response(token!, authorization!, authentication!);
}

/** Reads `n,a=authzid,^Akey=value^A…^A^A`. The flag `y` is accepted: no channel binding was offered. The flag `p=`
 *  belongs to another mechanism (RFC 5801 §4). `host` and `port` are not read.
 *  @returns undefined for a malformed message */
function readOauthBearer(text: string): BearerResponse | undefined {
  const [header = '', ...pairs] = text.split(kvsep);
  if (pairs.pop() !== '' || pairs.pop() !== '' || !pairs.every((pair) => /^[A-Za-z]+=/.test(pair)))
    return undefined;
  const [matched, name = ''] = /^[ny],(?:a=([^,]+))?,$/.exec(header) ?? [];
  if (matched === undefined || /=(?!2C|3D)/.test(name)) return undefined;
  const found = pairs.filter((pair) => /^auth=/i.test(pair));
  const [, token] = /^auth=Bearer +([\w.~+/-]+=*) *$/i.exec(found[0] ?? '') ?? [];
  if (found.length !== 1 || token === undefined) return undefined;
  return response(token, name.replaceAll('=2C', ',').replaceAll('=3D', '='), '');
}

function response(token: string, authorization: string, authentication: string): BearerResponse {
  return {
    token: new Sensitive(token),
    authorization: new Sensitive(authorization),
    authentication: new Sensitive(authentication),
  };
}

/** Writes the proxy's own message: without channel binding and without `authzid`, so that the token alone names the
 *  account. */
export function writeOauthBearer(token: Sensitive<string>): Buffer {
  return ownBytes(`n,,${kvsep}auth=Bearer ${token.reveal()}${kvsep}${kvsep}`);
}

/** The error challenge that a server sends before the failure (RFC 7628 §3.2.2). */
export const invalidToken = Buffer.from(JSON.stringify({ status: 'invalid_token' }));
