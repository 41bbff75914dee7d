// Reads a stanza in the usual form, and writes it in normal form: the AssemblyScript source of plain.ts, in the module of
// simd.as.ts. Which form that is, and what the tape means: plain.ts, ../../stanza/tape.ts. test/stream/plain-stanza.test.ts
// compares every tape with the scanner's own, and every normal form with that of ../canonical.ts.
// Memory: the slice and its positions as simd.as.ts leaves them, then the tape, the open elements, the order of attributes,
// the settings, and the vocabulary. The normal form is in pages of its own.

import { OUTPUT, RESULTS } from './simd';

const TAPE: i32 = RESULTS + 16;
/** Longest tape, in integers. What the scanner must read again stays short, however long the stanza. */
const TAPE_MAX: i32 = 1024;
/** Of each open element: tape index, declarations outside it, default namespace outside it. */
const OPENED: i32 = TAPE + TAPE_MAX * 4;
const OPENED_BYTES: i32 = 12;
/** Deepest nesting. */
const DEPTH_MAX: i32 = 32;
/** Most attributes of a tag: they are compared pairwise. */
const ATTRIBUTES_MAX: i32 = 6;
/** Addresses of the attribute records of a tag, in the order of the normal form. */
const ORDER: i32 = OPENED + DEPTH_MAX * OPENED_BYTES;
const SETTINGS: i32 = ORDER + ATTRIBUTES_MAX * 4;
const NORMAL: i32 = 0x80000;

// Settings, in bytes from SETTINGS on; the order of `settings` in plain.ts.
const STANZA_BYTES_MAX: i32 = 0;
const TAG_BYTES_MAX: i32 = 4;
const NAME_BYTES_MAX: i32 = 8;
const NESTING_MAX: i32 = 12;
const ELEMENTS_MAX: i32 = 16;
const TAG_ATTRIBUTES_MAX: i32 = 20;
const NAMESPACES_MAX: i32 = 24;
/** Ids of the namespaces that are left to the scanner. */
const RESERVED_STREAMS: i32 = 28;
const RESERVED_XML: i32 = 32;
const RESERVED_XMLNS: i32 = 36;
const RESERVED_UNDECLARED: i32 = 40;
/** Tables of names: mask of the slots, address of the slots, address of the names (address and length of each). */
const LOCALS: i32 = SETTINGS + 44;
const NAMESPACES: i32 = SETTINGS + 56;
const VOCABULARY: i32 = SETTINGS + 68;

// Records of the tape, in integers.
const ELEMENT_SIZE: i32 = 12;
const ATTRIBUTE_SIZE: i32 = 8;
const TEXT_SIZE: i32 = 4;
const END_SIZE: i32 = 4;
/** What one tag and the text after it may add. */
const STEP_SIZE: i32 = ELEMENT_SIZE + ATTRIBUTES_MAX * ATTRIBUTE_SIZE + END_SIZE + TEXT_SIZE;
const DECLARATION: i32 = -0x40000000;

const TAB: u32 = 0x09;
const LF: u32 = 0x0a;
const SPACE: u32 = 0x20;
const QUOT: u32 = 0x22;
const AMP: u32 = 0x26;
const APOS: u32 = 0x27;
const SLASH: u32 = 0x2f;
const LT: u32 = 0x3c;
const EQUALS: u32 = 0x3d;
const GT: u32 = 0x3e;
/** `xml:lang`, `xmln`, `s`, as little-endian integers. */
const XML_LANG: u64 = 0x676e616c3a6c6d78;
const XMLN: u32 = 0x6e6c6d78;
const S: u32 = 0x73;
/** `/>` and `='`. */
const CLOSE_EMPTY: u16 = 0x3e2f;
const EQUALS_QUOTE: u16 = 0x273d;

/** The result of any step that finds another form. */
const OTHER: i32 = -1;
const HASH_SEED: u32 = 0x811c9dc5;
const HASH_PRIME: u32 = 0x01000193;

let tapeLength: i32 = 0;
/** Start of the stanza in the slice, and end of the slice. */
let base: i32 = 0;
let limit: i32 = 0;
let positions: i32 = 0;
let depth: i32 = 0;
let elements: i32 = 0;
/** Namespace declarations in scope. */
let declared: i32 = 0;
let defaultNamespace: i32 = 0;
let nameHash: u32 = 0;
/** Whether a value has a single quote, which its normal form has as a reference. */
let hasApostrophe: bool = false;
/** Address at which the normal form goes on. */
let out: i32 = 0;

export function tapeOffset(): i32 {
  return TAPE;
}

export function settingsOffset(): i32 {
  return SETTINGS;
}

export function vocabularyOffset(): i32 {
  return VOCABULARY;
}

export function normalOffset(): i32 {
  return NORMAL;
}

/** Reads the stanza whose `<` is the position `first` of the last slice, of `length` bytes with `count` positions.
 *  Returns the index of the position of its last `>`; OTHER for any other form, or half a stanza. Result: the length of the
 *  tape. */
export function readPlain(first: i32, count: i32, length: i32, contentNamespace: i32): i32 {
  base = position(first);
  limit = length;
  positions = count;
  tapeLength = 0;
  depth = 0;
  elements = 0;
  declared = 0;
  defaultNamespace = contentNamespace;
  hasApostrophe = false;
  let index = first;
  while (true) {
    if (tapeLength + STEP_SIZE > TAPE_MAX) return OTHER;
    const tagStart = position(index);
    index = byte(tagStart + 1) == SLASH ? readEndTag(index, tagStart) : readStartTag(index, tagStart);
    if (index == OTHER) return OTHER;
    const tagEnd = position(index);
    if (tagEnd - tagStart >= setting(TAG_BYTES_MAX)) return OTHER;
    if (depth == 0) {
      store<i32>(RESULTS, tapeLength, 8);
      return tagEnd - base < setting(STANZA_BYTES_MAX) ? index : OTHER;
    }
    index = readText(index);
    if (index == OTHER) return OTHER;
  }
}

function readStartTag(first: i32, tagStart: i32): i32 {
  const nameEnd = nameEndAt(tagStart + 1);
  if (nameEnd == OTHER) return OTHER;
  if (depth >= min(DEPTH_MAX, setting(NESTING_MAX)) || elements >= setting(ELEMENTS_MAX)) return OTHER;
  const local = find(LOCALS, tagStart + 1, nameEnd);
  const record = tapeLength;
  tapeLength += ELEMENT_SIZE;
  elements += 1;
  const frame = OPENED + depth * OPENED_BYTES;
  store<i32>(frame, record);
  store<i32>(frame, declared, 4);
  store<i32>(frame, defaultNamespace, 8);
  let index = first + 1;
  let at = nameEnd;
  let attributes = 0;
  while (byte(at) == SPACE) {
    if (attributes == ATTRIBUTES_MAX) return OTHER;
    index = readAttribute(index, at + 1);
    if (index == OTHER) return OTHER;
    at = position(index) + 1;
    index += 1;
    attributes += 1;
  }
  const isEmpty = byte(at) == SLASH;
  const close = isEmpty ? at + 1 : at;
  if (index >= positions || position(index) != close || byte(close) != GT) return OTHER;
  if (attributes > setting(TAG_ATTRIBUTES_MAX) || !areDistinct(record + ELEMENT_SIZE, attributes))
    return OTHER;
  if (isReserved(defaultNamespace)) return OTHER;
  const fields = slot(record);
  store<i32>(fields, 1);
  store<i32>(fields, tagStart - base, 4);
  store<i32>(fields, close + 1 - base, 8);
  store<i32>(fields, nameEnd - base, 12);
  store<i32>(fields, tagStart + 1 - base, 16);
  store<i32>(fields, local, 20);
  store<i32>(fields, defaultNamespace, 24);
  store<i32>(fields, depth == 0 ? -1 : load<i32>(frame - OPENED_BYTES), 32);
  store<i32>(fields, attributes, 36);
  depth += 1;
  store<i32>(fields, depth, 40);
  store<i32>(fields, isEmpty ? 1 : 0, 44);
  if (isEmpty) closeElement(close + 1, close + 1);
  return index;
}

/** Reads an attribute whose name begins at `nameAt`; returns the index of its closing quote. */
function readAttribute(index: i32, nameAt: i32): i32 {
  const isLang = load<u64>(nameAt) == XML_LANG;
  const localAt = isLang ? nameAt + 4 : nameAt;
  const nameEnd = nameEndAt(localAt);
  if (nameEnd == OTHER || byte(nameEnd) != EQUALS) return OTHER;
  const length = nameEnd - nameAt;
  if (length > setting(NAME_BYTES_MAX) || (isLang && length != 8)) return OTHER;
  if (index >= positions || position(index) != nameEnd + 1) return OTHER;
  const quote = byte(nameEnd + 1);
  if (quote != APOS && quote != QUOT) return OTHER;
  const closing = closingQuote(index + 1, quote);
  if (closing == OTHER) return OTHER;
  const valueEnd = position(closing);
  const fields = slot(tapeLength);
  tapeLength += ATTRIBUTE_SIZE;
  store<i32>(fields, 2);
  store<i32>(fields, nameAt - base, 4);
  store<i32>(fields, nameEnd - base, 8);
  store<i32>(fields, localAt - base, 12);
  store<i32>(fields, nameEnd + 2 - base, 24);
  store<i32>(fields, valueEnd - base, 28);
  if (length == 5 && load<u32>(nameAt) == XMLN && byte(nameAt + 4) == S) {
    store<i32>(fields, 0, 16);
    store<i32>(fields, DECLARATION, 20);
    return declare(nameEnd + 2, valueEnd) ? closing : OTHER;
  }
  store<i32>(fields, find(LOCALS, localAt, nameEnd), 16);
  store<i32>(fields, isLang ? setting(RESERVED_XML) : 0, 20);
  return closing;
}

/** Sets the default namespace to a declared one; returns false for one that the vocabulary lacks, or that may not be
 *  declared. */
function declare(start: i32, end: i32): bool {
  let hash = HASH_SEED;
  for (let at = start; at < end; at++) hash = (hash ^ byte(at)) * HASH_PRIME;
  nameHash = hash;
  const id = find(NAMESPACES, start, end);
  if (id == 0 || isReserved(id) || declared >= setting(NAMESPACES_MAX)) return false;
  declared += 1;
  defaultNamespace = id;
  return true;
}

function readEndTag(first: i32, tagStart: i32): i32 {
  if (depth == 0) return OTHER;
  const opened = slot(load<i32>(OPENED + (depth - 1) * OPENED_BYTES));
  const nameAt = load<i32>(opened, 4) + 1 + base;
  const length = load<i32>(opened, 12) + base - nameAt;
  const close = tagStart + 2 + length;
  const index = first + 1;
  if (index >= positions || position(index) != close || byte(close) != GT) return OTHER;
  if (!areEqual(tagStart + 2, nameAt, length)) return OTHER;
  closeElement(tagStart, close + 1);
  return index;
}

/** Writes the end record of the innermost open element. */
function closeElement(tagStart: i32, tagEnd: i32): void {
  const record = tapeLength;
  tapeLength += END_SIZE;
  depth -= 1;
  const frame = OPENED + depth * OPENED_BYTES;
  const opened = load<i32>(frame);
  const fields = slot(record);
  store<i32>(fields, 4);
  store<i32>(fields, tagStart - base, 4);
  store<i32>(fields, tagEnd - base, 8);
  store<i32>(fields, opened, 12);
  store<i32>(slot(opened), record, 28);
  declared = load<i32>(frame, 4);
  defaultNamespace = load<i32>(frame, 8);
}

/** Reads the text after the tag that ends at the position `tag`; returns the index of the next `<`. */
function readText(tag: i32): i32 {
  const start = position(tag) + 1;
  for (let index = tag + 1; index < positions; index++) {
    const at = position(index);
    const found = byte(at);
    if (found == LT) {
      if (at == start) return index;
      const fields = slot(tapeLength);
      tapeLength += TEXT_SIZE;
      store<i32>(fields, 3);
      store<i32>(fields, start - base, 4);
      store<i32>(fields, at - base, 8);
      store<i32>(fields, 0, 12);
      return index;
    }
    if (found == AMP || found == GT || (found < SPACE && found != LF && found != TAB)) return OTHER;
  }
  return OTHER;
}

/** Returns the end of a name of ASCII characters without a prefix, and sets its hash. */
function nameEndAt(nameAt: i32): i32 {
  let found = byte(nameAt);
  if (!isLetter(found)) return OTHER;
  const end = min(limit, nameAt + setting(NAME_BYTES_MAX) + 1);
  let hash = HASH_SEED;
  let at = nameAt;
  do {
    hash = (hash ^ found) * HASH_PRIME;
    at += 1;
    found = byte(at);
  } while (at < end && (isLetter(found) || isFollower(found)));
  if (at >= end || found >= 0x80 || found == 0x3a) return OTHER;
  nameHash = hash;
  return at;
}

/** Letters and `_`, which begin a name; digits, `-` and `.`, which may follow. */
function isLetter(found: u32): bool {
  return (found | 0x20) - 0x61 < 26 || found == 0x5f;
}

function isFollower(found: u32): bool {
  return found - 0x30 < 10 || found - 0x2d < 2;
}

/** Returns the index of the quote that ends a value with nothing to decode. */
function closingQuote(from: i32, quote: u32): i32 {
  for (let index = from; index < positions; index++) {
    const found = byte(position(index));
    if (found == quote) return index;
    if (found == APOS) hasApostrophe = true;
    else if (found != GT && found != QUOT) return OTHER;
  }
  return OTHER;
}

/** Returns whether no two attributes of a tag have one name. */
function areDistinct(first: i32, attributes: i32): bool {
  const start = slot(first);
  const end = start + attributes * (ATTRIBUTE_SIZE << 2);
  for (let one = start + (ATTRIBUTE_SIZE << 2); one < end; one += ATTRIBUTE_SIZE << 2) {
    // Name and namespace together.
    const name = load<u64>(one, 16);
    for (let before = start; before < one; before += ATTRIBUTE_SIZE << 2)
      // Names that the vocabulary lacks have the id 0, and are compared by their bytes.
      if (load<u64>(before, 16) == name && (<i32>name != 0 || haveSameName(before, one))) return false;
  }
  return true;
}

/** Returns whether the names of two attribute records have the same bytes, prefix included. */
function haveSameName(one: i32, other: i32): bool {
  const start = load<i32>(one, 4);
  const length = load<i32>(one, 8) - start;
  const otherStart = load<i32>(other, 4);
  return load<i32>(other, 8) - otherStart == length && areEqual(base + start, base + otherStart, length);
}

/** Writes the stanza that was just read in normal form (../canonical.ts), which is at most as long. `contentNamespace` is
 *  the one that it inherits. Returns the number of bytes; OTHER where it has a declaration to add or a value to escape. */
export function writeNormal(contentNamespace: i32): i32 {
  if (hasApostrophe) return OTHER;
  out = NORMAL;
  let record = 0;
  while (record < tapeLength) {
    const fields = slot(record);
    const kind = load<i32>(fields);
    if (kind == 1) {
      record = writeStartTag(record, contentNamespace);
      if (record == OTHER) return OTHER;
      continue;
    }
    // A text, or the end tag of an element with content: as in the source.
    copy(base + load<i32>(fields, 4), base + load<i32>(fields, 8));
    record += TEXT_SIZE;
  }
  return out - NORMAL;
}

/** Writes a start tag, or all of an element without content; returns the tape index to go on from. */
function writeStartTag(record: i32, contentNamespace: i32): i32 {
  const fields = slot(record);
  const namespace = load<i32>(fields, 24);
  const parent = load<i32>(fields, 32);
  const inherited = parent == -1 ? contentNamespace : load<i32>(slot(parent), 24);
  const first = slot(record + ELEMENT_SIZE);
  const content = record + ELEMENT_SIZE + load<i32>(fields, 36) * ATTRIBUTE_SIZE;
  copy(base + load<i32>(fields, 4), base + load<i32>(fields, 12));
  let declaration = 0;
  let ordered = ORDER;
  for (let each = first; each < slot(content); each += ATTRIBUTE_SIZE << 2) {
    if (load<i32>(each, 20) == DECLARATION) declaration = each;
    else {
      insert(each, ordered);
      ordered += 4;
    }
  }
  if (namespace != inherited) {
    if (declaration == 0) return OTHER;
    writeAttribute(declaration);
  }
  for (let each = ORDER; each < ordered; each += 4) writeAttribute(load<i32>(each));
  const end = load<i32>(fields, 28);
  if (end == content) {
    store<u16>(out, CLOSE_EMPTY);
    out += 2;
    return end + END_SIZE;
  }
  store<u8>(out, GT);
  out += 1;
  return content;
}

/** Inserts an attribute into those from ORDER to `end`: without a namespace first, then by the bytes of its name. */
function insert(one: i32, end: i32): void {
  let to = end;
  while (to > ORDER && isBefore(one, load<i32>(to - 4))) {
    store<i32>(to, load<i32>(to - 4));
    to -= 4;
  }
  store<i32>(to, one);
}

function isBefore(one: i32, other: i32): bool {
  const isLang = load<i32>(one, 20) != 0;
  if (isLang != (load<i32>(other, 20) != 0)) return !isLang;
  const end = load<i32>(one, 8);
  const otherEnd = load<i32>(other, 8);
  let at = load<i32>(one, 12);
  let otherAt = load<i32>(other, 12);
  while (at < end && otherAt < otherEnd) {
    const difference = <i32>byte(base + at) - <i32>byte(base + otherAt);
    if (difference != 0) return difference < 0;
    at += 1;
    otherAt += 1;
  }
  return at == end;
}

/** Writes an attribute with a space before it. */
function writeAttribute(record: i32): void {
  store<u8>(out, SPACE);
  out += 1;
  copy(base + load<i32>(record, 4), base + load<i32>(record, 8));
  store<u16>(out, EQUALS_QUOTE);
  out += 2;
  copy(base + load<i32>(record, 24), base + load<i32>(record, 28));
  store<u8>(out, APOS);
  out += 1;
}

/** Copies a range of the slice, in steps of 16 bytes: up to 15 bytes after it are overwritten next. */
function copy(start: i32, end: i32): void {
  const length = end - start;
  for (let at = 0; at < length; at += 16) v128.store(out + at, v128.load(start + at));
  out += length;
}

function isReserved(id: i32): bool {
  return (
    id == setting(RESERVED_STREAMS) ||
    id == setting(RESERVED_XML) ||
    id == setting(RESERVED_XMLNS) ||
    id == setting(RESERVED_UNDECLARED)
  );
}

/** Returns the id of the name `[start, end)`, whose hash is `nameHash`; 0 when unknown. */
function find(table: i32, start: i32, end: i32): i32 {
  const mask = load<i32>(table);
  const slots = load<i32>(table, 4);
  const names = load<i32>(table, 8);
  const length = end - start;
  let place = (<i32>nameHash) & mask;
  while (true) {
    const id = load<i32>(slots + (place << 2));
    if (id == 0) return 0;
    const known = names + ((id - 1) << 3);
    if (load<i32>(known, 4) == length && areEqual(load<i32>(known), start, length)) return id;
    place = (place + 1) & mask;
  }
}

function areEqual(one: i32, other: i32, length: i32): bool {
  for (let i = 0; i < length; i++) if (byte(one + i) != byte(other + i)) return false;
  return true;
}

function byte(at: i32): u32 {
  return <u32>load<u8>(at);
}

/** Returns a position, which is an address too: the slice is at 0. */
function position(index: i32): i32 {
  return load<i32>(OUTPUT + (index << 2));
}

/** Returns the address of a record of the tape. */
function slot(record: i32): i32 {
  return TAPE + (record << 2);
}

function setting(offset: i32): i32 {
  return load<i32>(SETTINGS + offset);
}
