/** The tape: the scanner's result for one stanza, as integers (see stream/scanner.ts).
 *
 *  Records follow each other in document order. The first integer of a record is its kind; the next record begins
 *  `recordSize[kind]` integers later. Offsets count bytes from the first byte of the stanza. An element's attribute
 *  records follow it directly, then its content, then its end record:
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
  /** Local name id; 0 when unknown. */
  local: 5,
  /** Namespace id: > 0 in the vocabulary, 0 none, < 0 unknown (see `unknownNamespace`). */
  namespace: 6,
  /** Tape index of the matching end record. */
  end: 7,
  /** Tape index of the parent element, -1 for the stanza itself. */
  parent: 8,
  /** Number of attribute records that follow, namespace declarations included. */
  attributes: 9,
  /** Nesting: 1 for the stanza itself. */
  depth: 10,
  /** Bits of `elementFlag`. */
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
  /** Local name id; 0 when unknown, and for a namespace declaration. */
  local: 4,
  /** Namespace id as for elements, when the attribute has a prefix; 0 without one; `namespaceDeclaration` for
   *  `xmlns…`. */
  namespace: 5,
  /** Offset of the value without its quotes. The quote is at `valueStart - 1`. */
  valueStart: 6,
  /** Offset of the closing quote; bit 30 is set when the value has references or white space to normalise. */
  valueEnd: 7,
} as const;

/** In `attribute.namespace`: this attribute declares a namespace. */
export const namespaceDeclaration = -0x40000000;

/** Default namespace of a document that has declared none: a name without prefix is refused then. Differs from every
 *  id of a namespace. */
export const undeclaredNamespace = -0x40000000;

/** Bit in `attribute.valueEnd` and `text.flags`: the bytes differ from the value. */
export const needsDecoding = 0x40000000;

/** Fields of a text record: character data, or the content of one CDATA section. */
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
