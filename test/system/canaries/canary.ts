/** Values that stand nowhere else in the world, and how to find them again in whatever shape. */
import { createHash, randomInt } from 'node:crypto';

/** Characters of a value of which the first give it away. */
const tellingCharacters = 8;

/** Letters and digits, a letter first: the same value can be an XML name, a label of a domain, a header's name, base64. */
const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** One value for each place on the wire. */
export class Canaries {
  readonly #values = new Map<string, string>();

  /** @returns the value of this place, the same each time. */
  at(place: string): string {
    let value = this.#values.get(place);
    if (value === undefined) {
      const random = Array.from({ length: 23 }, () => alphabet[randomInt(alphabet.length)]).join('');
      this.#values.set(place, (value = `q${random}`));
    }
    return value;
  }

  /** One that was chosen elsewhere. */
  note(place: string, value: string): string {
    this.#values.set(place, value);
    return value;
  }

  get places(): readonly string[] {
    return [...this.#values.keys()];
  }

  /** Which of them a text gives away, and how: `place: form`. */
  found(text: string): string[] {
    const lower = text.toLowerCase();
    return [...this.#values].flatMap(([place, value]) =>
      formsOf(value)
        .filter(({ text: form, anyCase }) => (anyCase ? lower : text).includes(form))
        .map(({ name }) => `${place}: ${name}`),
    );
  }
}

interface Form {
  readonly name: string;
  readonly text: string;
  /** Upper and lower case say the same. */
  readonly anyCase: boolean;
}

/** Every way to write a value that a reader could undo, or recognise a user by. */
export function formsOf(value: string): Form[] {
  const told = value.slice(0, tellingCharacters);
  const bytes = [...Buffer.from(told)];
  const each = (name: string, write: (byte: number) => string, between = ''): Form => ({
    name,
    text: bytes.map(write).join(between),
    anyCase: true,
  });
  const hex = (byte: number): string => byte.toString(16).padStart(2, '0');
  return [
    { name: 'plain', text: told, anyCase: true },
    { name: 'backwards', text: [...told].reverse().join(''), anyCase: true },
    each('hexadecimal', hex),
    each('bytes as a debugger shows them', hex, ' '),
    each('bytes as JSON shows them', String, ','),
    each('percent', (byte) => `%${hex(byte)}`),
    each('escaped for JSON', (byte) => `\\u00${hex(byte)}`),
    each('references of XML', (byte) => `&#${byte};`),
    each('hexadecimal references of XML', (byte) => `&#x${hex(byte)};`),
    each('UTF-16', (byte) => `${String.fromCharCode(byte)}\0`),
    ...[0, 1, 2].flatMap((before) => base64Forms(told, before)),
    ...['md5', 'sha1', 'sha256'].flatMap((hash) => hashForms(hash, value)),
  ];
}

/** As it looks after so many other bytes: only characters that no neighbour has part in. */
function base64Forms(told: string, before: number): Form[] {
  const from = Math.ceil((before * 8) / 6);
  const to = Math.floor(((before + told.length) * 8) / 6);
  const padded = Buffer.from('\0'.repeat(before) + told);
  return (['base64', 'base64url'] as const).map((encoding) => ({
    name: `${encoding} at ${before}`,
    text: padded.toString(encoding).slice(from, to),
    anyCase: false,
  }));
}

/** A reader that guesses the value can check the guess. */
function hashForms(hash: string, value: string): Form[] {
  const digest = createHash(hash).update(value).digest();
  return (['hex', 'base64', 'base64url'] as const).map((encoding) => ({
    name: `${hash} in ${encoding}`,
    text: digest.toString(encoding).slice(0, 12),
    anyCase: encoding === 'hex',
  }));
}
