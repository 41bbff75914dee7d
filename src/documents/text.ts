/** Decodes the bytes of a file. */

/** The remedy for a file that is not. */
export const saveAsUtf8 = 'Save the file as UTF-8';

export type Decoded =
  | { readonly kind: 'text'; readonly text: string }
  /** Lines and columns count from 1. */
  | { readonly kind: 'not-utf8'; readonly line: number; readonly column: number };

/** Returns the text of a file in UTF-8 without its byte order mark, or the place of the first byte that is not
 *  UTF-8. */
export function decodeUtf8(bytes: Uint8Array): Decoded {
  try {
    return { kind: 'text', text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    // A character that is cut off counts as missing.
    const before = new TextDecoder('utf-8').decode(bytes.subarray(0, firstInvalid(bytes)), { stream: true });
    const lines = before.split('\n');
    return { kind: 'not-utf8', line: lines.length, column: lines.at(-1)!.length + 1 };
  }
}

/** Returns the length of the longest prefix that is valid, found by bisection. */
function firstInvalid(bytes: Uint8Array): number {
  let valid = 0;
  let invalid = bytes.length;
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >> 1;
    if (isValidPrefix(bytes.subarray(0, middle))) valid = middle;
    else invalid = middle;
  }
  return valid;
}

/** Returns whether the bytes are valid but for a character that is cut off at the end. */
function isValidPrefix(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}
