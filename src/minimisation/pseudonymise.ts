/** Pseudonyms: deterministic authenticated encryption of a value, under keys of its field and scope.
 *
 *  The synthetic initialisation vector authenticates the value, and encrypts it. So the same value in the same scope
 *  always has the same pseudonym, without a table, and any replica with the secret can map it back. An altered
 *  pseudonym, one of another scope, and other text are not recognised. */
import { createHmac, createSecretKey, hash, hkdfSync, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { ownBytes, ownCopy } from '../stanza/own-bytes.ts';
import { readBase64url, writeBase64url } from './base64url.ts';
import { RecentNames } from './recent-names.ts';
import { keyBytes, SyntheticIv, vectorBytes } from './synthetic-iv.ts';

/** The scope and field of a pseudonym. */
export interface PseudonymBinding {
  /** Name of the field in the catalogue: equal values of two fields have different pseudonyms. */
  readonly field: string;
  /** The scope and its value, such as `session` and the session's identifier. */
  readonly scope: string;
  readonly scopeValue: string;
  /** Number of the rotation period; 0 when the policy rotates only with the key. */
  readonly period: number;
}

/** Bytes of a block: a value is padded to whole ones before it is encrypted. */
const blockBytes = 64;
/** Longest value, in UTF-8 bytes, whose pseudonym has the same length as that of the empty one. Random identifiers of
 *  client libraries are shorter: a UUID has 36. */
export const oneLengthBytesMax = blockBytes - 1;
/** Longest value that has a pseudonym, in UTF-8 bytes: the pseudonym then has at most 1,023 characters, the limit of
 *  a resourcepart (RFC 7622 §3.4). */
export const valueBytesMax = 703;
/** Blocks of earlier releases. Their pseudonyms are still recognised: push nodes outlive a release (decision 0027). */
const formerBlockBytes = 16;
const secretBytesMin = 32;
/** Characters of the shortest pseudonym that is recognised: the vector and one former block. */
export const pseudonymCharsMin = 43;
const pseudonymCharsMax = 1_023;
export const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Bindings whose keys are cached, more than there are rules in use at one time. */
const rememberedMax = 1_024;

export class Pseudonyms {
  readonly #roots: readonly KeyObject[];
  readonly #bound = new LRUCache<string, BoundPseudonyms>({ max: rememberedMax });
  readonly #scratch: Scratch = {
    plain: Buffer.alloc(3 * valueBytesMax + blockBytes),
    sealed: Buffer.alloc(pseudonymCharsMax),
  };

  /** @param secrets the current one first; the others only map back, until they are removed. At least 32 bytes each
   *  @throws RangeError when there is none, or one is too short */
  constructor(secrets: readonly KeyObject[]) {
    if (secrets.length === 0) throw new RangeError('pseudonyms need a secret');
    this.#roots = secrets.map(rootOf);
  }

  /** Returns the pseudonyms of one binding. Callers with many values keep the result: a rule has the same for all
   *  stanzas. */
  of(binding: PseudonymBinding): BoundPseudonyms {
    const text = boundTo(binding);
    // Its digest: the text names an account or a session, and the entry outlives both.
    const key = hash('sha256', text, 'base64url');
    let bound = this.#bound.get(key);
    if (bound === undefined) {
      const [current, ...former] = this.#roots.map((root) => cipherOf(root, text));
      this.#bound.set(key, (bound = new BoundPseudonyms(current!, former, this.#scratch)));
    }
    return bound;
  }
}

/** Buffers that all bindings share. */
interface Scratch {
  /** Holds the UTF-8 of as many UTF-16 code units as a value may have bytes. */
  readonly plain: Buffer;
  readonly sealed: Buffer;
}

export class BoundPseudonyms {
  readonly #current: SyntheticIv;
  readonly #former: readonly SyntheticIv[];
  readonly #scratch: Scratch;
  #recent: RecentNames | undefined;

  constructor(current: SyntheticIv, former: readonly SyntheticIv[], scratch: Scratch) {
    this.#current = current;
    this.#former = former;
    this.#scratch = scratch;
  }

  /** Returns the pseudonym of a value: base64url, legal in a resourcepart, an identifier, an attribute or text. A
   *  pseudonym of this binding is returned unchanged.
   *  @returns undefined when the value is too long */
  pseudonymise(value: string): string | undefined {
    if (this.unmask(value) !== undefined) return value;
    // No value has fewer bytes than UTF-16 code units.
    if (value.length > valueBytesMax) return undefined;
    const length = this.#scratch.plain.write(value);
    return length > valueBytesMax ? undefined : this.#seal(length).toString('latin1');
  }

  /** Like `pseudonymise`, for an identifier in a UTF-8 buffer. Most are shorter than any pseudonym, so they are not
   *  tried as one. Results are cached, because an identifier is usually mapped back soon. */
  pseudonymiseAt(bytes: Buffer, from: number, to: number): Buffer | undefined {
    const length = to - from;
    if (length >= pseudonymCharsMin) {
      const name = this.pseudonymise(bytes.toString('utf8', from, to));
      return name === undefined ? undefined : Buffer.from(name);
    }
    const { plain } = this.#scratch;
    for (let i = 0; i < length; i += 1) plain[i] = bytes[from + i]!;
    const name = this.#seal(length);
    this.#recent ??= new RecentNames(pseudonymCharsMin - 1);
    this.#recent.remember(name, bytes, from, to);
    return name;
  }

  /** Drops the identifiers that are cached for mapping back. */
  forgetRecent(): void {
    this.#recent = undefined;
  }

  #seal(length: number): Buffer {
    const { plain, sealed } = this.#scratch;
    const padded = pad(plain, length);
    this.#current.seal(plain, padded, sealed);
    // The buffer is shared, and outlives the session.
    for (let i = 0; i < padded; i += 1) plain[i] = 0;
    return writeBase64url(sealed, vectorBytes + padded);
  }

  /** Returns the value of a pseudonym of this binding, under any of the keys; undefined for other text. */
  unmask(pseudonym: string): string | undefined {
    if (pseudonym.length < pseudonymCharsMin || pseudonym.length > pseudonymCharsMax) return undefined;
    const bytes = Buffer.from(pseudonym);
    return this.unmaskAt(bytes, 0, bytes.length)?.toString();
  }

  /** Like `unmask`, for a pseudonym in a UTF-8 buffer. */
  unmaskAt(bytes: Buffer, from: number, to: number): Buffer | undefined {
    if (to - from < pseudonymCharsMin || to - from > pseudonymCharsMax) return undefined;
    const recent = this.#recent?.valueAt(bytes, from, to);
    if (recent !== undefined) return recent;
    const { plain, sealed } = this.#scratch;
    const length = readBase64url(bytes, from, to, sealed);
    if (length === -1 || length % formerBlockBytes !== 0) return undefined;
    let opened = this.#current.open(sealed, length, plain);
    for (let i = 0; opened === undefined && i < this.#former.length; i += 1)
      opened = this.#former[i]!.open(sealed, length, plain);
    return opened && unpadded(opened, length - vectorBytes);
  }

  /** Returns a replacement in the form of a random UUID (RFC 9562 §5.4); undefined when the value is no UUID. A UUID
   *  has no room for a vector, so it cannot be mapped back: only for identifiers that no peer returns. */
  pseudonymiseUuid(value: string): string | undefined {
    if (!uuidForm.test(value)) return undefined;
    const bytes = this.#current.vector(ownBytes(value.toLowerCase()));
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }
}

function rootOf(secret: KeyObject): KeyObject {
  if (secret.type !== 'secret' || (secret.symmetricKeySize ?? 0) < secretBytesMin)
    throw new RangeError(`a secret for pseudonyms has at least ${secretBytesMin} bytes`);
  return createSecretKey(Buffer.from(hkdfSync('sha512', secret, '', 'narthex pseudonyms', 64)));
}

/** Returns the cipher of one binding. HMAC (RFC 2104), since the info of HKDF is too short for two addresses. */
function cipherOf(root: KeyObject, binding: string): SyntheticIv {
  const keys = createHmac('sha512', root).update(binding).digest();
  return new SyntheticIv(keys.subarray(0, keyBytes), keys.subarray(keyBytes));
}

/** Returns the text of a binding. Its parts are quoted, so that no two bindings have the same text. */
function boundTo({ field, scope, scopeValue, period }: PseudonymBinding): string {
  return JSON.stringify([field, scope, scopeValue, period]);
}

/** Pads to whole blocks (ISO/IEC 7816-4): the length of a value is a hint at it.
 *  @returns the padded length in bytes */
function pad(plain: Buffer, length: number): number {
  const end = (Math.floor(length / blockBytes) + 1) * blockBytes;
  plain[length] = 0x80;
  for (let i = length + 1; i < end; i += 1) plain[i] = 0;
  return end;
}

/** Returns a copy without the padding; undefined when there is none. */
function unpadded(data: Buffer, length: number): Buffer | undefined {
  let end = length - 1;
  while (end >= 0 && data[end] === 0) end -= 1;
  if (data[end] !== 0x80 || length - end > blockBytes) return undefined;
  const value = ownCopy(data.subarray(0, end));
  data.fill(0, 0, length);
  return value;
}
