/** What a client says to authenticate by a token: OAUTHBEARER (RFC 7628 §3.1), or PLAIN (RFC 4616 §2) with the token
 *  in the password's place for clients that know nothing better. */
import { Sensitive } from '../../stanza/sensitive.ts';

/** Mechanisms that carry a token, best first. */
export const bearerMechanisms = ['OAUTHBEARER', 'PLAIN'] as const;
export type BearerMechanism = (typeof bearerMechanisms)[number];

/** Names are '' where the client left them to the server. */
export interface BearerResponse {
  readonly token: Sensitive<string>;
  /** Whom the client wants to act as (`authzid`). */
  readonly authorization: Sensitive<string>;
  /** Whom it says it is (`authcid`); OAUTHBEARER has no place for it. */
  readonly authentication: Sensitive<string>;
}

const kvsep = '\u0001';
/** RFC 7628 §3.2.3: the client's answer to an error. */
export const errorAcknowledgement = Buffer.from(kvsep);

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads the only message of either mechanism; undefined when it is malformed. */
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

/** `n,a=authzid,^Akey=value^A…^A^A`. A client that could bind a channel (`y`) was offered nothing of the kind, and one
 *  that demands it (`p=`) has another mechanism (RFC 5801 §4). `host` and `port` are for servers that cannot tell. */
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

/** The proxy's own message: no channel binding, no authorization identity, so that the token alone says who it is. */
export function writeOauthBearer(token: Sensitive<string>): Buffer {
  return Buffer.from(`n,,${kvsep}auth=Bearer ${token.reveal()}${kvsep}${kvsep}`);
}

/** RFC 7628 §3.2.2: what a server says before it fails. */
export const invalidToken = Buffer.from(JSON.stringify({ status: 'invalid_token' }));
