/** Pseudonyms: deterministic authenticated encryption of a value, under keys of its field and scope.
 *
 *  The synthetic initialisation vector authenticates the value and is what it is encrypted with. So the same value in
 *  the same scope always has the same pseudonym and no table is kept, any replica with the secret can map it to the original, and a pseudonym that was altered, belongs to another scope or is none at all is not recognised. */
import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { readBase64url, writeBase64url } from './base64url.ts';
import { RecentNames } from './recent-names.ts';
import { keyBytes, SyntheticIv, vectorBytes } from './synthetic-iv.ts';

/** What a pseudonym is bound to, in addition to the value. */
export interface PseudonymBinding {
  /** The catalogue's name for the field: equal values of two fields have different pseudonyms. */
  readonly field: string;
  /** Scope and what identifies it, e.g. `session`, a session identifier. */
  readonly scope: string;
  readonly scopeValue: string;
  /** Number of the rotation period, 0 when the policy rotates only with the key. */
  readonly period: number;
}

const blockBytes = 16;
/** Longest value that has a pseudonym, in UTF-8 bytes: its pseudonym has 1,023 characters at most, which is what a
 *  resourcepart may have (RFC 7622 §3.4). */
export const valueBytesMax = 735;
const secretBytesMin = 32;
/** Two blocks: vector and one block of value. */
export const pseudonymCharsMin = 43;
const pseudonymCharsMax = 1_023;
const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** How many bindings are remembered; more than the rules that are in use at one time. */
const rememberedMax = 1_024;

export class Pseudonyms {
  readonly #roots: readonly KeyObject[];
  readonly #bound = new LRUCache<string, BoundPseudonyms>({ max: rememberedMax });
  readonly #scratch: Scratch = {
    plain: Buffer.alloc(3 * valueBytesMax + blockBytes),
    sealed: Buffer.alloc(pseudonymCharsMax),
  };

  /** @param secrets the current one first; the others are only recognised, until they are taken away. At least 32
   *  bytes each.
   *  @throws RangeError when there is none or one is too short. */
  constructor(secrets: readonly KeyObject[]) {
    if (secrets.length === 0) throw new RangeError('pseudonyms need a secret');
    this.#roots = secrets.map(rootOf);
  }

  /** Those of one binding. A caller that treats many values keeps the result: a rule has the same for all its stanzas. */
  of(binding: PseudonymBinding): BoundPseudonyms {
    const text = boundTo(binding);
    let bound = this.#bound.get(text);
    if (bound === undefined) {
      const [current, ...former] = this.#roots.map((root) => cipherOf(root, text));
      this.#bound.set(text, (bound = new BoundPseudonyms(current!, former, this.#scratch)));
    }
    return bound;
  }
}

/** Where the values of all bindings are on their way. */
interface Scratch {
  /** Has room for the UTF-8 of as many UTF-16 code units as a value may have bytes. */
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

  /** The pseudonym of a value: base64url, legal in a resourcepart, an identifier, an attribute or text. A value that
   *  is a pseudonym of this binding already stays as it is. `undefined` when the value is too long. */
  pseudonymise(value: string): string | undefined {
    if (this.unmask(value) !== undefined) return value;
    // No value has fewer bytes than UTF-16 code units.
    if (value.length > valueBytesMax) return undefined;
    const length = this.#scratch.plain.write(value);
    return length > valueBytesMax ? undefined : this.#seal(length).toString('latin1');
  }

  /** The same for an identifier in place, and in UTF-8: most are shorter than any pseudonym, and those are not decoded.
   *  What is named by it is asked for again before long. */
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

  #seal(length: number): Buffer {
    const { plain, sealed } = this.#scratch;
    const padded = pad(plain, length);
    return writeBase64url(this.#current.seal(plain, padded, sealed), vectorBytes + padded);
  }

  /** The value of a pseudonym of this binding, under any of the keys; `undefined` for anything else. */
  unmask(pseudonym: string): string | undefined {
    if (pseudonym.length < pseudonymCharsMin || pseudonym.length > pseudonymCharsMax) return undefined;
    const bytes = Buffer.from(pseudonym);
    return this.unmaskAt(bytes, 0, bytes.length)?.toString();
  }

  /** The same for a pseudonym in place, in UTF-8. */
  unmaskAt(bytes: Buffer, from: number, to: number): Buffer | undefined {
    if (to - from < pseudonymCharsMin || to - from > pseudonymCharsMax) return undefined;
    const recent = this.#recent?.valueAt(bytes, from, to);
    if (recent !== undefined) return recent;
    const { plain, sealed } = this.#scratch;
    const length = readBase64url(bytes, from, to, sealed);
    if (length === -1 || length % blockBytes !== 0) return undefined;
    let opened = this.#current.open(sealed, length, plain);
    for (let i = 0; opened === undefined && i < this.#former.length; i += 1)
      opened = this.#former[i]!.open(sealed, length, plain);
    return opened && unpadded(opened, length - vectorBytes);
  }

  /** A stand-in for a UUID, in the form of a random UUID (RFC 9562 §5.4). A UUID has no room for a vector, so this
   *  one cannot be mapped back: only for identifiers that no peer returns. `undefined` when the value is no UUID. */
  pseudonymiseUuid(value: string): string | undefined {
    if (!uuidForm.test(value)) return undefined;
    const bytes = this.#current.vector(Buffer.from(value.toLowerCase()));
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

/** The keys of one binding. HMAC (RFC 2104), since HKDF takes no info of the length of two addresses. */
function cipherOf(root: KeyObject, binding: string): SyntheticIv {
  const keys = createHmac('sha512', root).update(binding).digest();
  return new SyntheticIv(keys.subarray(0, keyBytes), keys.subarray(keyBytes));
}

/** The parts are separated by their quotes, so that no two bindings have the same keys. */
function boundTo({ field, scope, scopeValue, period }: PseudonymBinding): string {
  return JSON.stringify([field, scope, scopeValue, period]);
}

/** Fills up to a whole block (ISO/IEC 7816-4): the length of a value is a hint at what it is.
 *  @returns how many bytes that makes */
function pad(plain: Buffer, length: number): number {
  const end = (Math.floor(length / blockBytes) + 1) * blockBytes;
  plain[length] = 0x80;
  for (let i = length + 1; i < end; i += 1) plain[i] = 0;
  return end;
}

/** A copy of what was filled up. */
function unpadded(data: Buffer, length: number): Buffer | undefined {
  let end = length - 1;
  while (end >= 0 && data[end] === 0) end -= 1;
  if (data[end] !== 0x80 || length - end > blockBytes) return undefined;
  return Buffer.from(data.subarray(0, end));
}
