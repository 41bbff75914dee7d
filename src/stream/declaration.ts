/** The XML declaration at the start of a stream (XML 1.0 §2.8). */
const declaration =
  /^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:'1\.0'|"1\.0")(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:'([A-Za-z][A-Za-z0-9._-]*)'|"([A-Za-z][A-Za-z0-9._-]*)"))?(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:'(?:yes|no)'|"(?:yes|no)"))?[ \t\r\n]*\?>$/;

/** Checks an XML declaration from `<?xml` to `>` (XML 1.0 §2.8). XMPP allows XML 1.0 in UTF-8 only (RFC 6120 §11.6,
 *  §11.8).
 *  @returns `ok`, or why it is refused */
export function parseDeclaration(
  bytes: Uint8Array,
  start: number,
  end: number,
): 'ok' | 'unsupported-encoding' | 'not-well-formed' {
  const match = declaration.exec(latin1.decode(bytes.subarray(start, end)));
  if (match === null) return 'not-well-formed';
  const encoding = match[1] ?? match[2];
  return encoding === undefined || encoding.toUpperCase() === 'UTF-8' ? 'ok' : 'unsupported-encoding';
}

const latin1 = new TextDecoder('latin1');
