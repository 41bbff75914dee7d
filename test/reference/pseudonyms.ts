/** Pseudonyms as decisions 24 and 27 define them: SIV over SHA-256, base64url, values filled to blocks of 64 bytes. */
import { createHash, createHmac, hkdfSync } from 'node:crypto';

/** What a pseudonym is bound to. */
export interface Binding {
  readonly field: string;
  readonly scope: string;
  readonly scopeValue: string;
  readonly period: number;
}

const vectorBytes = 16;
const blockBytes = 64;
const valueBytesMax = 703;
/** Values are repeated much; a run has millions. */
const rememberedMax = 50_000;

interface Keys {
  readonly authentication: Buffer;
  readonly encryption: Buffer;
}

export class PseudonymScheme {
  readonly #root: Buffer;
  readonly #keys = new Map<string, Keys>();
  readonly #remembered = new Map<string, string | undefined>();

  constructor(secret: Buffer) {
    this.#root = Buffer.from(hkdfSync('sha512', secret, '', 'narthex pseudonyms', 64));
  }

  /** Returns the pseudonym of a value. A pseudonym of this binding stays.
   *  @returns undefined for a value that is too long */
  hide(value: string, binding: Binding): string | undefined {
    return this.#remember('hide', value, binding, (keys) => {
      if (this.reveal(value, binding) !== undefined) return value;
      const plain = Buffer.from(value);
      if (plain.length > valueBytesMax) return undefined;
      const filled = Buffer.alloc((Math.floor(plain.length / blockBytes) + 1) * blockBytes);
      plain.copy(filled);
      filled[plain.length] = 0x80;
      const vector = vectorOf(filled, keys);
      return Buffer.concat([vector, crypt(filled, vector, keys)]).toString('base64url');
    });
  }

  /** Returns the value of a pseudonym of this binding; undefined for other text. */
  reveal(pseudonym: string, binding: Binding): string | undefined {
    if (pseudonym.length < 43 || pseudonym.length > 1_023) return undefined;
    return this.#remember('reveal', pseudonym, binding, (keys) => {
      const bytes = Buffer.from(pseudonym, 'base64url');
      if (bytes.toString('base64url') !== pseudonym || bytes.length % vectorBytes !== 0) return undefined;
      const vector = bytes.subarray(0, vectorBytes);
      const filled = crypt(bytes.subarray(vectorBytes), vector, keys);
      if (!vectorOf(filled, keys).equals(vector)) return undefined;
      return filled.subarray(0, filled.lastIndexOf(0x80)).toString();
    });
  }

  /** Returns another UUID; undefined for text that is none. */
  hideUuid(value: string, binding: Binding): string | undefined {
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) return undefined;
    const vector = vectorOf(Buffer.from(value.toLowerCase()), this.#keysOf(JSON.stringify(textOf(binding))));
    vector[6] = (vector[6]! % 16) + 0x40;
    vector[8] = (vector[8]! % 64) + 0x80;
    const hex = vector.toString('hex');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  }

  #remember(
    what: string,
    value: string,
    binding: Binding,
    make: (keys: Keys) => string | undefined,
  ): string | undefined {
    const bound = JSON.stringify(textOf(binding));
    const key = `${what} ${bound} ${value}`;
    if (this.#remembered.has(key)) return this.#remembered.get(key);
    if (this.#remembered.size > rememberedMax) this.#remembered.clear();
    const made = make(this.#keysOf(bound));
    this.#remembered.set(key, made);
    return made;
  }

  #keysOf(bound: string): Keys {
    let keys = this.#keys.get(bound);
    if (keys === undefined) {
      if (this.#keys.size > rememberedMax) this.#keys.clear();
      const both = createHmac('sha512', this.#root).update(bound).digest();
      this.#keys.set(bound, (keys = { authentication: both.subarray(0, 32), encryption: both.subarray(32) }));
    }
    return keys;
  }
}

function textOf({ field, scope, scopeValue, period }: Binding): readonly unknown[] {
  return [field, scope, scopeValue, period];
}

/** One-step key derivation of NIST SP 800-56C with SHA-256: H(counter, key, info). */
function derive(counter: number, key: Buffer, info: Buffer): Buffer {
  return createHash('sha256').update(uint32(counter)).update(key).update(info).digest();
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function vectorOf(plain: Buffer, { authentication }: Keys): Buffer {
  return derive(1, authentication, Buffer.concat([uint32(plain.length), plain])).subarray(0, vectorBytes);
}

/** Adds the key stream; adding it twice restores the input. */
function crypt(bytes: Buffer, vector: Buffer, { encryption }: Keys): Buffer {
  const result = Buffer.alloc(bytes.length);
  for (let at = 0; at < bytes.length; at += 32) {
    const stream = derive(at / 32 + 1, encryption, vector);
    for (let i = 0; i < 32 && at + i < bytes.length; i += 1) result[at + i] = bytes[at + i]! ^ stream[i]!;
  }
  return result;
}
