/** Sealed media tokens: the proxy's URL for a file, for one audience and a limited time. Sealed by AES-256-GCM under a
 *  ring of keys. The first key seals and all of them open, so a key is rotated by adding a new one in front, and
 *  removing the old one when its last token has expired.
 *
 *  Token: base64url of version (1) | key id (4) | nonce (12) | ciphertext | tag (16), the first two authenticated.
 *  In messages the nonce is a MAC of the content, so that the same address in the same scope has the same token.
 *  ETags are sealed with such a nonce too, and bound to the URL: the same file keeps the same ETag, and the media
 *  server's own never leaves. */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSecretKey,
  hash,
  hkdfSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import { ownBytes, ownCopy } from '../../stanza/own-bytes.ts';

export interface MediaTokenOptions {
  /** Secrets of 32 bytes or more, newest first. */
  readonly secrets: readonly [Uint8Array, ...Uint8Array[]];
  /** Milliseconds for which a token can be opened. */
  readonly lifetimeMs: number;
  /** Returns milliseconds since 1970. */
  readonly now: () => number;
}

export type OpenedToken =
  | { readonly kind: 'open'; readonly url: string; readonly audience: string }
  /** Not sealed by this ring, incomplete, or under a key that was removed. */
  | { readonly kind: 'not-ours' }
  | { readonly kind: 'expired' }
  | { readonly kind: 'other-audience' };

/** Name of the provider's own clients as an audience; no gatekeeper can have it. */
export const clientsAudience = ':clients';

/** Returns the audience of references that the provider was issued for a gatekeeper. It is not the gatekeeper's name,
 *  so that an address in a message is no reference, and a reference is opened in no stanza. */
export function referenceAudience(gatekeeper: string): string {
  return `:reference ${gatekeeper}`;
}

/** The scope in which the same URL has the same token. */
export interface TokenScope {
  readonly context: string;
  /** Period in milliseconds. Tokens of one period expire together, at least a lifetime after they were made. */
  readonly periodMs: number;
  /** Milliseconds in place of the lifetime of other tokens. */
  readonly lifetimeMs?: number;
}

/** A token, and when it expires, in seconds since 1970. */
export interface IssuedToken {
  readonly token: string;
  readonly expiresAtS: number;
}

export interface MediaTokens {
  /** Returns a token for a URL.
   *  @param audience a gatekeeper's name, or `clientsAudience`
   *  @param scope in which the same URL has the same token; without it each token is different */
  seal(url: string, audience: string, scope?: TokenScope): string;
  /** Seals, and returns when the token expires too. */
  issue(url: string, audience: string, scope?: TokenScope): IssuedToken;
  /** Returns the URL that was sealed for this audience, expired or not, to be read and not fetched; undefined for
   *  other text. */
  reveal(token: string, audience: string): string | undefined;
  /** Opens a token for fetching.
   *  @param audiences those of the caller */
  open(token: string, audiences: readonly string[]): OpenedToken;
  sealEtag(etag: string, url: string): string;
  /** Returns the ETag; undefined when it was not sealed here for this URL. */
  openEtag(sealed: string, url: string): string | undefined;
}

const secretBytesMin = 32;
const version = 1;
const idBytes = 4;
const nonceBytes = 12;
const tagBytes = 16;
const headBytes = 1 + idBytes;
/** Step by which tokens grow, in bytes, so that their length reveals little about the URL. */
const padBytes = 128;
const tokenCharsMax = 8_192;

interface RingKey {
  readonly head: Buffer;
  // KeyObjects: a key in bytes is imported for each token, which costs more than using it.
  readonly token: KeyObject;
  /** Key of the nonce in bytes, for hashing in one call, which costs a third of an HMAC. */
  readonly tokenNonce: Buffer;
  readonly etag: KeyObject;
  readonly etagNonce: KeyObject;
}

/** Makes the tokens of a ring.
 *  @throws RangeError when a secret is shorter than 32 bytes */
export function createMediaTokens({ secrets, lifetimeMs, now }: MediaTokenOptions): MediaTokens {
  const ring = secrets.map(ringKey);
  const newest = ring[0]!;
  const issue = (url: string, audience: string, scope?: TokenScope): IssuedToken => {
    const from = scope === undefined ? now() : (Math.floor(now() / scope.periodMs) + 1) * scope.periodMs;
    const expiresAtS = Math.ceil((from + (scope?.lifetimeMs ?? lifetimeMs)) / 1000);
    const text = JSON.stringify([expiresAtS, audience, url]);
    const nonce = scope === undefined ? randomBytes(nonceBytes) : syntheticNonce(newest, scope.context, text);
    const token = seal(newest.head, newest.token, nonce, pad(text), newest.head).toString('base64url');
    return { token, expiresAtS };
  };
  return {
    issue,
    seal: (url, audience, scope) => issue(url, audience, scope).token,
    reveal: (token, audience) => {
      const [, sealedFor, url] = read(ring, token) ?? [];
      return sealedFor === audience ? url : undefined;
    },
    open: (token, audiences) => {
      const content = read(ring, token);
      if (content === undefined) return { kind: 'not-ours' };
      const [expiresAtS, audience, url] = content;
      if (now() >= expiresAtS * 1000) return { kind: 'expired' };
      return audiences.includes(audience) ? { kind: 'open', url, audience } : { kind: 'other-audience' };
    },
    sealEtag: (etag, url) => {
      const bound = boundTo(newest.head, url);
      const nonce = createHmac('sha256', newest.etagNonce).update(bound).update(etag).digest();
      const sealed = seal(newest.head, newest.etag, nonce.subarray(0, nonceBytes), ownBytes(etag), bound);
      return sealed.toString('base64url');
    },
    openEtag: (sealed, url) =>
      unseal(ring, sealed, ({ etag: key, head }) => ({ key, bound: boundTo(head, url) })),
  };
}

type TokenContent = [expiresAtS: number, audience: string, url: string];

function read(ring: readonly RingKey[], token: string): TokenContent | undefined {
  // Most forgeries have another length, and trying the keys costs more than this check.
  if (!isTokenLength(token.length)) return undefined;
  const text = unseal(ring, token, ({ token: key, head }) => ({ key, bound: head }));
  return text === undefined ? undefined : (JSON.parse(text) as TokenContent);
}

/** Returns whether a token may have this many characters: its content is padded. */
function isTokenLength(characters: number): boolean {
  const sealedBytes = Math.floor((characters * 3) / 4) - headBytes - nonceBytes - tagBytes;
  return sealedBytes > 0 && sealedBytes % padBytes === 0;
}

/** Returns a MAC of everything that is sealed, so that one nonce never serves two texts. A length separates its parts.
 *  It is the one-step key derivation of NIST SP 800-56C rev. 2 §4.1 with SHA-256. Less than half of the hash is shown,
 *  so that it cannot be continued without the key. */
function syntheticNonce({ tokenNonce }: RingKey, context: string, text: string): Buffer {
  const info = ownBytes(`${Buffer.byteLength(context)}:${context}${text}`);
  const mac = hash('sha256', ownCopy(firstBlock, tokenNonce, info), 'binary');
  return Buffer.from(mac.slice(0, nonceBytes), 'latin1');
}

/** Counter of the key derivation. */
const firstBlock = Buffer.from([0, 0, 0, 1]);

function ringKey(secret: Uint8Array): RingKey {
  if (secret.byteLength < secretBytesMin)
    throw new RangeError(`a secret for media tokens has at least ${secretBytesMin} bytes`);
  const derive = (purpose: string, length: number): Buffer =>
    Buffer.from(hkdfSync('sha256', secret, '', `narthex media ${purpose}`, length));
  const head = Buffer.concat([Buffer.from([version]), derive('key id', idBytes)]);
  return {
    head,
    token: createSecretKey(derive('token', 32)),
    tokenNonce: derive('token nonce, hashed', 32),
    etag: createSecretKey(derive('etag', 32)),
    etagNonce: createSecretKey(derive('etag nonce', 32)),
  };
}

function boundTo(head: Buffer, url: string): Buffer {
  return Buffer.concat([head, createHash('sha256').update(url).digest()]);
}

function pad(text: string): Buffer {
  const bytes = Buffer.byteLength(text);
  const padded = Buffer.alloc(Math.ceil(bytes / padBytes) * padBytes, ' ');
  padded.write(text);
  return padded;
}

function seal(head: Buffer, key: KeyObject, nonce: Buffer, text: Buffer, bound: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(bound);
  const sealed = [cipher.update(text), cipher.final()];
  return Buffer.concat([head, nonce, ...sealed, cipher.getAuthTag()]);
}

function unseal(
  ring: readonly RingKey[],
  sealed: string,
  choose: (key: RingKey) => { readonly key: KeyObject; readonly bound: Buffer },
): string | undefined {
  if (sealed.length > tokenCharsMax || !/^[\w-]+$/.test(sealed)) return undefined;
  const bytes = Buffer.from(sealed, 'base64url');
  // A token has one spelling: the unused bits of its last character are zero.
  if (bytes.length < headBytes + nonceBytes + tagBytes || bytes.toString('base64url') !== sealed)
    return undefined;
  const ringKey = ring.find(({ head }) => head.equals(bytes.subarray(0, headBytes)));
  return ringKey === undefined ? undefined : decrypt(bytes, choose(ringKey));
}

function decrypt(bytes: Buffer, { key, bound }: { key: KeyObject; bound: Buffer }): string | undefined {
  const nonce = bytes.subarray(headBytes, headBytes + nonceBytes);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(bound).setAuthTag(bytes.subarray(-tagBytes));
  try {
    const text = decipher.update(bytes.subarray(headBytes + nonceBytes, -tagBytes));
    return ownCopy(text, decipher.final()).toString();
  } catch {
    return undefined;
  }
}
