/** The tape: what the scanner leaves of one stanza, as integers (see stream/scanner.ts).
 *
 *  Records follow each other in document order. The first integer of a record is its kind; `recordSize[kind]`
 *  integers on is the next record. Offsets count bytes from the first byte of the stanza. An element's
 *  attribute records follow it directly, then its content, then its end record:
 *
 *      <message to='a@b'><body>hi</body></message>
 *      element(message) attribute(to) element(body) text(hi) end(body) end(message)
 *
 *  An empty-element tag has an end record of zero length, so that every element has one. */
export const recordKind = { element: 1, attribute: 2, text: 3, end: 4 } as const;

/** Integers per record, by kind. */
export const recordSize: readonly number[] = [0, 12, 8, 4, 4];

/** Fields of an element record. */
export const element = {
  /** Offset of `<`. */
  tagStart: 1,
  /** Offset after `>`. */
  tagEnd: 2,
  /** Offset after the qualified name, which starts at `tagStart + 1`. */
  nameEnd: 3,
  /** Offset of the local part: after the prefix and colon, or `tagStart + 1`. */
  localStart: 4,
  /** Interned local name, 0 when unknown. */
  local: 5,
  /** Namespace: > 0 interned, 0 none, < 0 unknown to the vocabulary (see `unknownNamespace`). */
  namespace: 6,
  /** Tape index of the matching end record. */
  end: 7,
  /** Tape index of the parent element, -1 for the stanza itself. */
  parent: 8,
  /** Attribute records that follow, namespace declarations included. */
  attributes: 9,
  /** Nesting: 1 for the stanza itself. */
  depth: 10,
  /** Bit set, see `elementFlag`. */
  flags: 11,
} as const;

/** Bits of an element record's flags. */
export const elementFlag = {
  /** Written as an empty-element tag `<x/>`. */
  empty: 1,
} as const;

/** Fields of an attribute record. */
export const attribute = {
  nameStart: 1,
  nameEnd: 2,
  /** Offset of the local part. */
  localStart: 3,
  /** Interned local name, 0 when unknown. For a namespace declaration, 0. */
  local: 4,
  /** Like an element's, for prefixed attributes; 0 without prefix; `namespaceDeclaration` for `xmlns…`. */
  namespace: 5,
  /** Value without its quotes. The quote character stands at `valueStart - 1`. */
  valueStart: 6,
  /** Offset of the closing quote; bit 30 set when the value holds references or white space to normalise. */
  valueEnd: 7,
} as const;

/** In `attribute.namespace`: this attribute declares a namespace. */
export const namespaceDeclaration = -0x40000000;

/** Bit in `attribute.valueEnd` and `text.flags`: the bytes differ from the value they stand for. */
export const needsDecoding = 0x40000000;

/** Fields of a text record: character data or one CDATA section's content. */
export const text = {
  start: 1,
  end: 2,
  /** `needsDecoding` and `cdata` bits. */
  flags: 3,
} as const;

/** Bit in `text.flags`: content of a CDATA section (the offsets exclude `<![CDATA[` and `]]>`). */
export const cdata = 1;

/** Fields of an end record. */
export const end = {
  tagStart: 1,
  tagEnd: 2,
  /** Tape index of the element record. */
  element: 3,
} as const;
