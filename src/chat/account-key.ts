/** The static Noise key of an account, derived from a secret of the operator (HKDF-SHA-256, RFC 5869). Nothing is
 *  stored: every replica with the secret derives the same key. */
import { createHmac } from 'node:crypto';
import { importPrivateKey, keyLength, type KeyPair } from '../noise/x25519.ts';

/** First field of the derivation's info; the second is its version. */
const label = 'narthex-chat-account-key';
const version = '1';

/** The names that an account's key depends on, next to the secret. */
export interface AccountKeySubject {
  /** Name of the gatekeeper in the configuration. */
  readonly gatekeeper: string;
  /** The integrator's number at the gatekeeper. */
  readonly integrator: string;
  /** Issuer of the ownership token (RFC 7519 §4.1.1). */
  readonly issuer: string;
  /** Subject of the ownership token (RFC 7519 §4.1.2), byte for byte. */
  readonly subject: string;
}

/** Returns the static key pair of an account. Different subjects have different keys: each field of the info is
 *  prefixed with its length.
 *  @param secret at least 32 bytes
 *  @throws RangeError for a shorter secret, an empty subject, or text with an unpaired surrogate, which has no UTF-8 */
export function accountKey(
  secret: Uint8Array,
  { gatekeeper, integrator, issuer, subject }: AccountKeySubject,
): KeyPair {
  if (secret.length < keyLength) throw new RangeError(`the account secret has at least ${keyLength} bytes`);
  if (subject === '') throw new RangeError('an account key needs a subject');
  const fields = [label, version, gatekeeper, integrator, issuer, subject];
  const raw = expandedKey(secret, Buffer.concat(fields.map(lengthPrefixed)));
  const pair = importPrivateKey(raw);
  raw.fill(0);
  return pair;
}

/** HKDF with an empty salt and one block of output (RFC 5869 §2.2, §2.3). `hkdfSync` takes at most 1,024 bytes of
 *  info, and a subject may be longer. */
function expandedKey(secret: Uint8Array, info: Buffer): Buffer {
  const pseudorandomKey = createHmac('sha256', Buffer.alloc(32)).update(secret).digest();
  const block = createHmac('sha256', pseudorandomKey)
    .update(info)
    .update(Buffer.from([1]))
    .digest();
  pseudorandomKey.fill(0);
  return block;
}

/** Returns a field in UTF-8 after its length in four bytes, big-endian. @throws RangeError */
function lengthPrefixed(field: string): Buffer {
  if (!field.isWellFormed()) throw new RangeError('a field of an account key has an unpaired surrogate');
  const bytes = Buffer.from(field);
  const prefixed = Buffer.alloc(4 + bytes.length);
  prefixed.writeUInt32BE(bytes.length);
  bytes.copy(prefixed, 4);
  return prefixed;
}
