/** The forms in which a value can occur: those that a reader can undo, and the digests by which a guess is checked. */
import { createHash } from 'node:crypto';
import type { Marker } from './marker.ts';

export interface Form {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Whether capitals and small letters mean the same. */
  readonly anyCase: boolean;
  /** Whether a digit before or after makes it another value. */
  readonly isNumber: boolean;
}

/** Returns every form of a marker; of base64 also those of its bytes. */
export function formsOf(marker: Marker): readonly Form[] {
  const { decoded } = marker;
  return decoded === undefined ? formsOfText(marker) : [...formsOfText(marker), ...formsOfText(decoded)];
}

function formsOfText({ value, needle, isNumber }: Marker): Form[] {
  const bytes = [...Buffer.from(needle)];
  const plain = { anyCase: true, isNumber };
  const each = (name: string, write: (byte: number) => string, between = ''): Form =>
    form(name, bytes.map(write).join(between));
  return [
    { name: 'plain', bytes: Buffer.from(needle), ...plain },
    { name: 'UTF-16', bytes: Buffer.from(needle, 'utf16le'), ...plain, isNumber: false },
    form('backwards', Array.from(needle).toReversed().join('')),
    each('hexadecimal', hex),
    each('hexadecimal with spaces', hex, ' '),
    each('bytes in JSON', String, ','),
    each('percent', (byte) => `%${hex(byte)}`),
    each('JSON escapes', (byte) => `\\u00${hex(byte)}`),
    each('XML references', (byte) => `&#${byte};`),
    each('hexadecimal XML references', (byte) => `&#x${hex(byte)};`),
    ...[0, 1, 2].flatMap((before) => base64Forms(needle, before)),
    ...packedForms(needle),
    ...['md5', 'sha1', 'sha256'].flatMap((hash) => digestForms(hash, value)),
  ];
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

function form(name: string, text: string, anyCase = true): Form {
  return { name, bytes: Buffer.from(text), anyCase, isNumber: false };
}

/** Returns base64 of the needle after so many other bytes: only the characters that depend on the needle alone. */
function base64Forms(needle: string, before: number): Form[] {
  const from = Math.ceil((before * 8) / 6);
  const to = Math.floor(((before + needle.length) * 8) / 6);
  const padded = Buffer.from('\0'.repeat(before) + needle);
  const [standard, url] = (['base64', 'base64url'] as const).map((encoding) =>
    padded.toString(encoding).slice(from, to),
  );
  const forms = [form('base64', standard!, false)];
  return standard === url ? forms : [...forms, form('base64url', url!, false)];
}

/** Returns digits as the chat channel's encoding packs them, two to a byte. */
function packedForms(needle: string): Form[] {
  if (!/^(\d\d)+$/.test(needle)) return [];
  return [{ name: 'packed digits', bytes: Buffer.from(needle, 'hex'), anyCase: false, isNumber: false }];
}

/** Characters of a digest that identify it. */
const digestCharacters = 16;

function digestForms(hash: string, value: string): Form[] {
  const digest = createHash(hash).update(value).digest();
  return (['hex', 'base64', 'base64url'] as const).map((encoding) =>
    form(`${hash}, ${encoding}`, digest.toString(encoding).slice(0, digestCharacters), encoding === 'hex'),
  );
}
