/** Tokens: what a recording has in place of the values of a stream. A token has the syntax of its value, so that the
 *  same rules apply to it, and equal values have equal tokens within one recording. The key is made for the recording,
 *  is held in memory only, and is overwritten at the end: after that no token can be made or compared again. */
import { createHmac, hkdfSync, randomBytes, randomFillSync, randomInt } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { LRUCache } from 'lru-cache';
import { expandIPv6 } from '../minimisation/coarsen.ts';
import { uuidForm } from '../minimisation/pseudonymise.ts';
import { bareJid, prepareBare } from '../stanza/jid.ts';
import { Permutations } from './permutation.ts';
import { charactersOf, hasShape, numberOf, shapeOf, sizeOf, type Shape } from './shape.ts';

/** Characters of the shortest token of a word: two of a hundred thousand values are equal once in two hundred
 *  recordings. */
export const wordCharsMin = 8;

/** The largest set whose tokens are a permutation of it. In a larger one, no two of a recording's are equal by chance. */
const permutedMax = 2n ** 118n;

/** Seconds by which times are shifted at most: ten years. */
const shiftSecondsMax = 315_360_000;

/** Words and identifiers whose tokens are cached, of each, and characters of the longest word among them: addresses
 *  repeat in every stanza. */
const cachedMax = 2_048;
const cachedCharsMax = 128;

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

export interface TokenOptions {
  /** Returns 32 unpredictable bytes, the key. */
  readonly key?: () => Buffer;
  /** Returns the number of whole seconds by which times are moved into the past. */
  readonly shiftSeconds?: () => number;
}

export class Tokens {
  readonly #key: Buffer;
  /** Milliseconds by which times are moved into the past. */
  readonly #shiftMs: number;
  readonly #words = new LRUCache<string, string>({ max: cachedMax });
  readonly #identifiers = new LRUCache<string, string>({ max: cachedMax });
  #permutations: Permutations;

  constructor({
    key = () => randomBytes(32),
    shiftSeconds = () => randomInt(1, shiftSecondsMax),
  }: TokenOptions = {}) {
    this.#key = key();
    this.#permutations = this.#derivePermutations();
    this.#shiftMs = shiftSeconds() * 1_000;
  }

  /** Derives the permutations. Their key is the digest of no word, which would show bits of it. */
  #derivePermutations(): Permutations {
    return new Permutations(Buffer.from(hkdfSync('sha256', this.#key, '', 'narthex permutations', 32)));
  }

  /** Overwrites the key, and drops the cached values. */
  forget(): void {
    randomFillSync(this.#key);
    this.#permutations = this.#derivePermutations();
    this.#words.clear();
    this.#identifiers.clear();
  }

  /** Returns the time of a record: milliseconds since 1970, shifted. */
  time(milliseconds: number): number {
    return Math.round(milliseconds) - this.#shiftMs;
  }

  /** Returns the token of a value by its syntax: an address stays an address, a number a number. */
  value(value: string): string {
    if (value === '') return '';
    if (isIPv4(value) || isIPv6(value)) return this.#address(value);
    if (/^[\d+-]/.test(value)) {
      const numeric = this.#timestamp(value) ?? this.#zone(value) ?? this.#number(value);
      if (numeric !== undefined) return numeric;
    }
    if (uuidForm.test(value)) return this.#uuid(value);
    if (/^xmpp:/i.test(value)) return this.#xmppUri(value);
    const url = urlPattern.exec(value);
    if (url !== null) return this.#url(url);
    if (value.includes('@') && !/\s/.test(value)) return this.jid(value);
    return this.#identifier(value) ?? this.word(value);
  }

  /** Returns characters in place of a text of which only the length is recorded. */
  length(value: string): string {
    return 'x'.repeat(Buffer.byteLength(value));
  }

  /** Returns a JID with the same parts: users and domains that do not differ for XMPP have the same token. */
  jid(jid: string): string {
    const bare = bareJid(jid);
    const prepared = prepareBare(bare);
    const at = prepared.indexOf('@');
    const local = at === -1 ? '' : `${this.word(prepared.slice(0, at))}@`;
    const resource = bare.length === jid.length ? '' : `/${this.word(jid.slice(bare.length + 1))}`;
    return local + this.#domain(prepared.slice(at + 1)) + resource;
  }

  /** Returns a language tag with subtags of the same lengths (RFC 5646). */
  language(tag: string): string {
    return divided(tag, '-')
      .map((subtag) => (/^[A-Za-z]{1,8}$/.test(subtag) ? this.#letters(subtag) : this.value(subtag)))
      .join('-');
  }

  /** Returns a name for an element, an attribute or a prefix. */
  name(name: string): string {
    return `n${this.word(name)}`;
  }

  /** Returns as many characters as the value has bytes in UTF-8, at least `wordCharsMin`. */
  word(value: string): string {
    if (value === '') return '';
    const known = this.#words.get(value);
    if (known !== undefined) return known;
    const token = this.#word(value);
    if (value.length <= cachedCharsMax) this.#words.set(value, token);
    return token;
  }

  /** Returns an identifier of the same shape; undefined for a text that is none. */
  #identifier(value: string): string | undefined {
    const known = this.#identifiers.get(value);
    if (known !== undefined) return known;
    const shape = shapeOf(value);
    if (shape === undefined) return undefined;
    const size = sizeOf(shape);
    const token = shape.filled(
      shape.isExact && size <= permutedMax ? this.#permuted(shape, size) : this.#drawn(shape, value),
    );
    this.#identifiers.set(value, token);
    return token;
  }

  /** Returns other characters than those of any other identifier of the shape. */
  #permuted(shape: Shape, size: bigint): string {
    const form = `shape ${shape.filled('.'.repeat(shape.characters.length))} ${shape.alphabets.join(' ')}`;
    const label = this.#digest(form).readUInt32BE(0);
    let number = numberOf(shape);
    let characters: string;
    do {
      number = this.#permutations.image(label, number, size);
      characters = charactersOf(shape, number);
      // Letters only would be another shape, whose identifiers have tokens of their own.
    } while (!hasShape(shape, characters));
    return characters;
  }

  /** Returns characters that depend on the whole value. */
  #drawn({ alphabets }: Shape, value: string): string {
    const drawn = Buffer.concat(
      Array.from({ length: Math.ceil(alphabets.length / 16) }, (_, block) =>
        this.#digest(`${block} ${value}`),
      ),
    );
    return alphabets.map((each, index) => each[drawn.readUInt16BE(2 * index) % each.length]!).join('');
  }

  #word(value: string): string {
    const length = Math.max(wordCharsMin, Buffer.byteLength(value));
    let token = '';
    for (const byte of this.#digest(value)) {
      if (token.length === length) break;
      token += alphabet[byte & 31]!;
    }
    return token.padEnd(length, 'x');
  }

  /** Returns the domain with as many labels. Subdomains of one domain share its token. */
  #domain(domain: string): string {
    const parts = divided(domain, '.');
    return parts
      .map((label, index) => {
        const length = Math.max(wordCharsMin, Buffer.byteLength(label));
        return label === '' ? '' : this.word(parts.slice(index).join('.')).slice(0, length);
      })
      .join('.');
  }

  #host(host: string): string {
    const address = /^\[(.+)\]$/.exec(host)?.[1];
    if (address !== undefined && isIPv6(address)) return `[${this.#address(address)}]`;
    return isIPv4(host) ? this.#address(host) : this.#domain(host.toLowerCase());
  }

  #url([, scheme = '', authority = '', path = '', query, fragment]: RegExpExecArray): string {
    const [, user, host = '', port] = /^(?:(.*)@)?(.*?)(?::(\d+))?$/.exec(authority)!;
    const shownScheme = schemes.has(scheme.toLowerCase()) ? scheme : this.name(scheme);
    const shownUser = user === undefined ? '' : `${this.word(user)}@`;
    const shownPort = port === undefined ? '' : `:${this.value(port)}`;
    const segments = divided(path, '/').map((segment) => this.word(segment));
    // The key of an encrypted file is in the fragment (XEP-0454 §2).
    const isKey = scheme.toLowerCase() === 'aesgcm';
    const rest = [
      query === undefined ? '' : `?${this.word(query)}`,
      fragment === undefined ? '' : `#${isKey ? this.length(fragment) : this.value(fragment)}`,
    ];
    return `${shownScheme}://${shownUser}${this.#host(host)}${shownPort}${segments.join('/')}${rest.join('')}`;
  }

  /** RFC 5122. */
  #xmppUri(uri: string): string {
    const [, scheme = '', account, jid = '', rest = ''] = /^(xmpp:)(?:\/\/([^/?#]*)\/?)?([^?#]*)(.*)$/is.exec(
      uri,
    )!;
    const authority = account === undefined ? '' : `//${this.jid(decoded(account))}/`;
    const parameters = rest === '' ? '' : rest[0]! + this.word(rest.slice(1));
    return scheme + authority + (jid === '' ? '' : this.jid(decoded(jid))) + parameters;
  }

  /** Returns a timestamp (XEP-0082, XEP-0091) shifted as the records are, in the same form; undefined for another
   *  text. */
  #timestamp(text: string): string | undefined {
    const parts = timestampPattern.exec(text);
    if (parts === null) return undefined;
    const [, date = '', time, fraction = '', zone = ''] = parts;
    const dashed = date.includes('-');
    const day = dashed ? date : date.replace(/^(....)(..)(..)$/, '$1-$2-$3');
    const parsed = Date.parse(`${day}T${time ?? '00:00:00'}Z`);
    if (Number.isNaN(parsed)) return undefined;
    const [shownDay = '', shownTime = ''] = new Date(parsed - this.#shiftMs).toISOString().split(/[T.]/);
    const shown = dashed ? shownDay : shownDay.replaceAll('-', '');
    if (time === undefined) return shown;
    const shownZone = this.#zone(zone) ?? zone;
    return `${shown}T${shownTime}${fraction}${shownZone}`;
  }

  /** Returns another time zone for an offset from UTC in quarters of an hour; undefined for another text. */
  #zone(text: string): string | undefined {
    const parts = /^([+-])(\d\d):(\d\d)$/.exec(text);
    if (parts === null) return undefined;
    const quarters = Math.floor((Number(parts[2]) * 60 + Number(parts[3])) / 15);
    if (quarters >= zonesEach) return undefined;
    const value = BigInt(parts[1] === '-' ? quarters : zonesEach + quarters);
    const shown = Number(this.#permutations.image(labels.zone, value, BigInt(2 * zonesEach)));
    const minutes = (shown % zonesEach) * 15;
    return `${shown < zonesEach ? '-' : '+'}${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}`;
  }

  /** Returns a number with as many digits. A whole number keeps its first digit, and so its magnitude; a single digit
   *  stays. Numbers with points, such as coordinates and versions, keep no digit. Undefined for another text. */
  #number(text: string): string | undefined {
    if (!/^[+-]?\d+(\.\d+)*$/.test(text) || text.length > digitsMax) return undefined;
    const digits = text.replaceAll(/\D/g, '');
    const kept = text.includes('.') ? '' : digits[0]!;
    const rest = digits.slice(kept.length);
    const image =
      rest === ''
        ? ''
        : this.#permutations
            .image(labels.number + Number(kept), BigInt(rest), 10n ** BigInt(rest.length))
            .toString()
            .padStart(rest.length, '0');
    const shown = kept + image;
    let next = 0;
    return text.replaceAll(/\d/g, () => shown[next++]!);
  }

  #letters(subtag: string): string {
    const size = 26n ** BigInt(subtag.length);
    let value = 0n;
    for (const letter of subtag.toLowerCase()) value = value * 26n + BigInt(letter.charCodeAt(0) - 97);
    let image = this.#permutations.image(labels.language, value, size);
    const shown: string[] = [];
    for (const letter of Array.from(subtag).toReversed()) {
      const other = String.fromCharCode(97 + Number(image % 26n));
      shown.unshift(letter === letter.toLowerCase() ? other : other.toUpperCase());
      image /= 26n;
    }
    return shown.join('');
  }

  /** Returns a UUID of the same version and variant (RFC 9562 §4). */
  #uuid(uuid: string): string {
    const digest = this.#digest(uuid.toLowerCase()).toString('hex');
    const shown = uuid.replaceAll(/[0-9a-f]/gi, (digit, at: number) =>
      at === versionAt || at === variantAt ? digit : digest[at]!,
    );
    return uuid === uuid.toUpperCase() ? shown.toUpperCase() : shown;
  }

  /** Returns an address of a range that no host has: 240.0.0.0/4, or fd00::/8. Addresses of one /24 or /48 share that
   *  prefix. */
  #address(address: string): string {
    if (isIPv4(address)) {
      const prefix = this.#digest(`24 ${address.split('.').slice(0, 3).join('.')}`);
      const host = this.#permutations.image(prefix.readUInt32BE(4), BigInt(address.split('.')[3]!), 256n);
      return `${240 + (prefix[0]! & 15)}.${prefix[1]}.${prefix[2]}.${host}`;
    }
    const canonical = address.includes('%')
      ? [address]
      : expandIPv6(address).map((group) => group.toString(16));
    const prefix = this.#digest(`48 ${canonical.slice(0, 3).join(':')}`).toString('hex');
    const host = this.#digest(`128 ${canonical.join(':')}`).toString('hex');
    const digits = `fd${prefix.slice(0, 10)}${host.slice(0, 20)}`;
    return new URL(`http://[${digits.match(/.{4}/g)!.join(':')}]`).hostname.slice(1, -1);
  }

  #digest(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest();
  }
}

/** Of the permutations; numbers have one for each first digit. */
const labels = { zone: 1, language: 2, number: 16 } as const;

const versionAt = 14;
const variantAt = 19;
/** Most parts of a domain, path or language that become tokens of their own. */
const partsMax = 16;
/** Quarters of an hour from UTC to its farthest zone, exclusively. */
const zonesEach = 60;
/** Longest text that is taken for a number. */
const digitsMax = 32;
const timestampPattern = /^(\d{4}-\d\d-\d\d|\d{8}(?=T))(?:T(\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?)?$/;
const urlPattern = /^([A-Za-z][A-Za-z0-9+.-]{0,30}):\/\/([^/?#\s]*)([^?#\s]*)(?:\?([^#\s]*))?(?:#(\S*))?$/;
const schemes: ReadonlySet<string> = new Set(['http', 'https', 'aesgcm', 'ftp', 'ws', 'wss']);

/** Splits a text into at most `partsMax` parts; the last one has the rest. */
function divided(text: string, by: string): readonly string[] {
  const parts = text.split(by, partsMax);
  const before = parts.slice(0, -1).reduce((sum, part) => sum + part.length + by.length, 0);
  return [...parts.slice(0, -1), text.slice(before)];
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
