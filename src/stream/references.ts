/** Legality of character and entity references (XML 1.0 §4.1, RFC 6120 §11.1). */
const AMP = 0x26;
const SEMICOLON = 0x3b;
const HASH = 0x23;
const LOWER_X = 0x78;
const predefined = ['lt', 'gt', 'amp', 'apos', 'quot'];

/** Finds the first `&` in `bytes[start, end)` that does not begin a legal reference.
 *
 *  Legal are the five predefined entities and references to XML characters (XML 1.0 §4.1, §4.6; RFC 6120 §11.1).
 *  Without a DTD any other entity is undeclared, which is not well-formed.
 *  @returns its position, or -1 */
export function findIllegalReference(bytes: Uint8Array, start: number, end: number): number {
  for (let at = findAmpersand(bytes, start, end); at !== -1; at = findAmpersand(bytes, at + 1, end)) {
    const legal =
      bytes[at + 1] === HASH ? isCharacterReference(bytes, at + 2, end) : isPredefined(bytes, at + 1, end);
    if (!legal) return at;
  }
  return -1;
}

/** Longest range searched by a loop: for shorter ones, a subarray costs more than the native search saves. */
const loopBytesMax = 64;

/** Returns the position of the first `&` in `bytes[start, end)`, or -1. `indexOf` has no end: it would search the
 *  rest of the buffer for every short value. */
function findAmpersand(bytes: Uint8Array, start: number, end: number): number {
  const near = Math.min(end, start + loopBytesMax);
  for (let at = start; at < near; at += 1) if (bytes[at] === AMP) return at;
  if (near === end) return -1;
  const found = bytes.subarray(near, end).indexOf(AMP);
  return found < 0 ? -1 : near + found;
}

function isPredefined(bytes: Uint8Array, at: number, end: number): boolean {
  return predefined.some((name) => {
    if (at + name.length >= end || bytes[at + name.length] !== SEMICOLON) return false;
    for (let i = 0; i < name.length; i += 1) if (bytes[at + i] !== name.charCodeAt(i)) return false;
    return true;
  });
}

function isCharacterReference(bytes: Uint8Array, start: number, end: number): boolean {
  const hexadecimal = bytes[start] === LOWER_X;
  const radix = hexadecimal ? 16 : 10;
  let value = 0;
  let at = hexadecimal ? start + 1 : start;
  const first = at;
  for (; at < end && bytes[at] !== SEMICOLON; at += 1) {
    const digit = digitValue(bytes[at]!);
    if (digit < 0 || digit >= radix) return false;
    // Saturates above Unicode, so that no number of digits overflows.
    value = Math.min(value * radix + digit, 0x110000);
  }
  return at < end && at > first && isXmlCharacter(value);
}

function digitValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Returns whether a code point is an XML character (XML 1.0 §2.2 [2]). */
function isXmlCharacter(codePoint: number): boolean {
  if (codePoint < 0x20) return codePoint === 0x9 || codePoint === 0xa || codePoint === 0xd;
  if (codePoint >= 0xd800 && codePoint <= 0xdfff) return false;
  return codePoint !== 0xfffe && codePoint !== 0xffff && codePoint <= 0x10ffff;
}
