/** The computations of both sides of SCRAM (RFC 5802 §3, §5, §7; RFC 7677). */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';

export type ScramHash = 'sha1' | 'sha256';

/** Fewest iterations that a client should accept (RFC 7677 §4). */
export const iterationsMin = 4096;

/** The supported channel binding type (RFC 9266): 32 bytes exported from the TLS session. */
export const channelBindingType = 'tls-exporter';

/** The stored form of a password (RFC 5802 §2.1): it verifies a proof, and cannot make one. */
export interface ScramCredentials {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

export function deriveCredentials(
  hash: ScramHash,
  password: string,
  salt: Buffer,
  iterations: number,
): ScramCredentials {
  const { clientKey, serverKey } = deriveKeys(hash, password, salt, iterations);
  return { salt, iterations, storedKey: digest(hash, clientKey), serverKey };
}

export function deriveKeys(hash: ScramHash, password: string, salt: Buffer, iterations: number) {
  const salted = pbkdf2Sync(preparePassword(password), salt, iterations, hash === 'sha1' ? 20 : 32, hash);
  return { clientKey: hmac(hash, salted, 'Client Key'), serverKey: hmac(hash, salted, 'Server Key') };
}

export function digest(hash: ScramHash, data: Buffer): Buffer {
  return createHash(hash).update(data).digest();
}

export function hmac(hash: ScramHash, key: Buffer, data: string): Buffer {
  return createHmac(hash, key).update(data).digest();
}

export function xor(left: Buffer, right: Buffer): Buffer {
  return Buffer.from(left.map((byte, index) => byte ^ right[index]!));
}

/** Prepares a password by the common part of SASLprep (RFC 4013): spaces mapped, soft hyphens dropped, NFKC. ASCII
 *  is unchanged. */
function preparePassword(password: string): string {
  return password
    .replaceAll(/\p{Zs}/gu, ' ')
    .replaceAll(/[\u00AD\u200B-\u200D\u2060\uFEFF]/gu, '')
    .normalize('NFKC');
}

/** Returns the attributes of a SCRAM message in order: `a=value`, separated by commas; undefined for another text. */
export function parseAttributes(message: string): readonly (readonly [string, string])[] | undefined {
  const parts = message.split(',');
  if (!parts.every((part) => /^[A-Za-z]=/.test(part))) return undefined;
  return parts.map((part) => [part[0]!, part.slice(2)] as const);
}

/** Escapes `,` and `=` in a name (RFC 5802 §5.1). */
export function escapeName(name: string): string {
  return name.replaceAll('=', '=3D').replaceAll(',', '=2C');
}

/** Unescapes a name; undefined when an `=` starts neither `=2C` nor `=3D`. */
export function unescapeName(name: string): string | undefined {
  if (/=(?!2C|3D)/.test(name)) return undefined;
  return name.replaceAll('=2C', ',').replaceAll('=3D', '=');
}

/** Decodes canonical base64 (RFC 4648 §4, padded); undefined for other text, which `Buffer.from` would accept. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
