/** The normal form of a stanza or nonza: the same tree gives the same bytes, however its sender wrote it.
 *
 *  - Every element is in the default namespace, declared only where it differs from the parent's. The stanza inherits
 *    the stream's content namespace.
 *  - Attributes are ordered by namespace name, then local name, by their bytes. Values are in single quotes. Attributes
 *    in a namespace get the prefixes ns1, ns2, … of their own tag, except `xml:`.
 *  - Unused declarations are left out, CDATA sections become text, and references become characters where possible.
 *  - Elements without content are `<x/>`, and tags have no white space but one space before each attribute.
 *
 *  Two namespaces have fixed prefixes: elements of the streams namespace are `stream:…`, which the proxy's own header
 *  declares, and those of the xml namespace `xml:…`.
 *
 *  Nothing is decoded to strings: ranges of the stanza's bytes are copied, and adjacent ranges are joined, so that a
 *  stanza already in normal form costs about one copy. A stanza in the usual form is written by structure/plain.ts. */
import { StreamError } from '../stanza/error.ts';
import type { Names } from '../stanza/names.ts';
import { ns } from '../stanza/namespaces.ts';
import { headerNamespaceBase, type Stanza } from '../stanza/stanza.ts';
import {
  attribute,
  cdata,
  element,
  end as endRecord,
  namespaceDeclaration,
  needsDecoding,
  recordKind,
  recordSize,
  text,
} from '../stanza/tape.ts';
import { CopyOutput } from './copy-output.ts';
import { streamPrefix } from './header.ts';
import type { StreamLimits } from './limits.ts';

const encoder = new TextEncoder();
const noBytes = new Uint8Array(0);
const noName = Buffer.alloc(0);
const elementSize = recordSize[recordKind.element]!;
const attributeSize = recordSize[recordKind.attribute]!;

const open = encoder.encode('<');
const close = encoder.encode('>');
const closeEmpty = encoder.encode('/>');
const openEnd = encoder.encode('</');
const space = encoder.encode(' ');
const xmlPrefix = encoder.encode('xml:');
const streamsPrefix = encoder.encode(`${streamPrefix}:`);
const defaultDeclaration = encoder.encode(" xmlns='");
const prefixDeclaration = encoder.encode(' xmlns:');
const equalsQuote = encoder.encode("='");
const quote = encoder.encode("'");

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const SLASH = 0x2f;
const AMP = 0x26;
const APOS = 0x27;
const HASH = 0x23;
const SEMICOLON = 0x3b;
const LT = 0x3c;
const GT = 0x3e;

/** Kinds of values in the source, one bit each, for `special`. */
const inText = 1;
const inCdata = 2;
const inAttribute = 4;

/** Bytes at which copying a value stops, by the kind of value. */
const special = createSpecial();

const textReferences: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '\r': '&#13;',
};
const attributeReferences: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  "'": '&apos;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};
const textEscapes = createEscapes(textReferences);
const attributeEscapes = createEscapes(attributeReferences);

/** Longest text searched by a loop: for shorter ones, a subarray costs more than the native search saves. */
const loopBytesMax = 64;

/** Most attributes that are ordered by insertion. */
const insertedMax = 8;

/** Bytes by which any stanza may grow, however short: a nonza of six bytes may need a declaration. */
const growthAllowanceBytes = 256;

export type CanonicalWriterOptions = Pick<StreamLimits, 'stanzaBytesMax' | 'normalFormGrowthMax'>;

/** Writes stanzas in normal form into a buffer of its own. */
export class CanonicalWriter {
  readonly #limits: CanonicalWriterOptions;
  readonly #output: CopyOutput;
  /** Tape indices of the attributes of the tag being written, in order. */
  readonly #attributes: number[] = [];
  /** Rank of each attribute namespace of the tag being written; empty with at most one. */
  readonly #ranks = new Map<number, number>();
  /** Namespace names as attribute values, by positive id: the same for every stanza with these `#names`. */
  readonly #knownNames = new Map<number, Uint8Array>();
  /** Like `#knownNames`, for namespaces that the stream header declares and the vocabulary lacks; of this stanza
   *  only. */
  readonly #headerNames = new Map<number, Uint8Array>();
  #names: Names | undefined;
  #stanza: Stanza | undefined;
  #tape = new Int32Array(0);
  #bytes = noBytes;
  #base = 0;
  #xmlId = 0;
  #streamsId = 0;
  /** Namespace id that the stanza's own element inherits. */
  #contentId = 0;

  constructor(limits: CanonicalWriterOptions) {
    this.#limits = limits;
    this.#output = new CopyOutput(limits.stanzaBytesMax);
  }

  /** Returns the stanza in normal form, valid until the next call.
   *  @throws StreamError policy-violation: ERR_NORMAL_FORM_GROWTH when it becomes more than `normalFormGrowthMax`
   *  times as long, ERR_STANZA_TOO_LARGE when it becomes longer than `stanzaBytesMax` */
  write(stanza: Stanza): Uint8Array {
    const contentId = contentNamespaceId(stanza);
    const copied = stanza.normalForm?.writeNormal(contentId);
    if (copied !== undefined && copied.length <= this.#limits.stanzaBytesMax) return copied;
    this.#stanza = stanza;
    this.#tape = stanza.tape as Int32Array<ArrayBuffer>;
    this.#bytes = stanza.bytes as Uint8Array<ArrayBuffer>;
    this.#base = stanza.start;
    this.#xmlId = stanza.names.namespace(ns.xml);
    this.#streamsId = stanza.names.namespace(ns.streams);
    this.#contentId = contentId;
    if (this.#names !== stanza.names) this.#knownNames.clear();
    this.#names = stanza.names;
    if (this.#headerNames.size > 0) this.#headerNames.clear();
    const { stanzaBytesMax, normalFormGrowthMax } = this.#limits;
    const grownBytesMax = stanza.byteLength * normalFormGrowthMax + growthAllowanceBytes;
    this.#output.begin(stanza.bytes, stanza.end, Math.min(stanzaBytesMax, grownBytesMax));
    this.#writeRecords(stanza.tapeLength);
    const result = this.#output.finish();
    // Releases the peer's bytes.
    this.#bytes = noBytes;
    this.#stanza = undefined;
    if (result !== undefined) return result;
    if (grownBytesMax < stanzaBytesMax)
      throw new StreamError('policy-violation', { code: 'ERR_NORMAL_FORM_GROWTH', normalFormGrowthMax });
    throw new StreamError('policy-violation', { code: 'ERR_STANZA_TOO_LARGE', stanzaBytesMax });
  }

  /** Overwrites what is left of earlier stanzas. */
  forget(): void {
    this.#output.forget();
    this.#headerNames.clear();
  }

  #writeRecords(tapeLength: number): void {
    const tape = this.#tape;
    let at = 0;
    while (at < tapeLength && !this.#output.full) {
      const kind = tape[at]!;
      if (kind === recordKind.element) at = this.#writeStart(at);
      else if (kind === recordKind.text) {
        this.#writeText(at);
        at += recordSize[recordKind.text]!;
      } else {
        this.#writeEnd(at);
        at += recordSize[recordKind.end]!;
      }
    }
  }

  // ---- tags -------------------------------------------------------------------------------------------------------

  /** Writes a start tag, or all of an element without content.
   *  @returns the tape index to go on from */
  #writeStart(record: number): number {
    const tape = this.#tape;
    const output = this.#output;
    const tagStart = tape[record + element.tagStart]!;
    const localStart = tape[record + element.localStart]!;
    const nameEnd = tape[record + element.nameEnd]!;
    const namespace = tape[record + element.namespace]!;
    const fixed = this.#fixedPrefix(namespace);
    const declares = fixed === undefined && namespace !== this.#inheritedNamespace(record);
    const content = record + elementSize + tape[record + element.attributes]! * attributeSize;
    const endIndex = tape[record + element.end]!;
    const hasContent = this.#hasContent(content, endIndex);
    const next = hasContent ? content : endIndex + recordSize[recordKind.end]!;
    const isPrefixed = localStart !== tagStart + 1;
    if (!isPrefixed && fixed === undefined && this.#isCanonicalTag(record, declares, hasContent)) {
      this.#range(tagStart, tape[record + element.tagEnd]!);
      return next;
    }
    if (isPrefixed || fixed !== undefined) {
      output.literal(open);
      if (fixed !== undefined) output.literal(fixed);
      this.#range(localStart, nameEnd);
    } else {
      this.#range(tagStart, nameEnd);
    }
    const declaration = this.#collectAttributes(record + elementSize, content);
    if (declares) {
      output.literal(defaultDeclaration);
      this.#writeNamespaceName(namespace, isPrefixed ? -1 : declaration);
      output.literal(quote);
    }
    this.#writeAttributes();
    output.literal(hasContent ? close : closeEmpty);
    return next;
  }

  /** Returns whether the start tag of an unprefixed element is in normal form already, as those written by another
   *  proxy mostly are. */
  #isCanonicalTag(record: number, declares: boolean, hasContent: boolean): boolean {
    const tape = this.#tape;
    const first = record + elementSize;
    const behind = first + tape[record + element.attributes]! * attributeSize;
    let at = tape[record + element.nameEnd]!;
    let before = -1;
    let declared = false;
    for (let next = first; next < behind; next += attributeSize) {
      const namespace = tape[next + attribute.namespace]!;
      if (namespace === namespaceDeclaration) {
        const isDefault = tape[next + attribute.localStart] === tape[next + attribute.nameStart];
        if (!declares || !isDefault || next !== first) return false;
        declared = true;
      } else {
        if (namespace !== 0 && !this.#isXml(namespace)) return false;
        if (before !== -1 && this.#compare(before, next) > 0) return false;
        before = next;
      }
      if (!this.#isCanonicalAttribute(next, at)) return false;
      at = tape[next + attribute.valueEnd]! + 1;
    }
    if (declared !== declares) return false;
    const left = tape[record + element.tagEnd]! - at;
    return hasContent
      ? left === close.length
      : left === closeEmpty.length && this.#bytes[this.#base + at] === SLASH;
  }

  /** Returns whether an attribute begins with one space at `at`, is in single quotes, and has nothing to decode. */
  #isCanonicalAttribute(record: number, at: number): boolean {
    const tape = this.#tape;
    const valueStart = tape[record + attribute.valueStart]!;
    return (
      tape[record + attribute.nameStart] === at + 1 &&
      this.#bytes[this.#base + at] === SPACE &&
      tape[record + attribute.nameEnd] === valueStart - 2 &&
      this.#bytes[this.#base + valueStart - 1] === APOS &&
      (tape[record + attribute.valueEnd]! & needsDecoding) === 0
    );
  }

  #writeEnd(record: number): void {
    const tape = this.#tape;
    const opened = tape[record + endRecord.element]!;
    const localStart = tape[opened + element.localStart]!;
    const nameEnd = tape[opened + element.nameEnd]!;
    const tagStart = tape[record + endRecord.tagStart]!;
    const tagEnd = tape[record + endRecord.tagEnd]!;
    const fixed = this.#fixedPrefix(tape[opened + element.namespace]!);
    const unprefixed = fixed === undefined && localStart === tape[opened + element.tagStart]! + 1;
    if (unprefixed && tagEnd - tagStart === nameEnd - localStart + 3) return this.#range(tagStart, tagEnd);
    const output = this.#output;
    output.literal(openEnd);
    if (fixed !== undefined) output.literal(fixed);
    this.#range(localStart, nameEnd);
    output.literal(close);
  }

  /** Returns whether anything but empty text (`<![CDATA[]]>`) is between a start tag and its end record. */
  #hasContent(content: number, endIndex: number): boolean {
    const tape = this.#tape;
    for (let at = content; at < endIndex; at += recordSize[recordKind.text]!) {
      if (tape[at] !== recordKind.text || tape[at + text.start] !== tape[at + text.end]) return true;
    }
    return false;
  }

  /** Collects the attributes of a tag into #attributes, in order, without declarations.
   *  @returns the record that declares the tag's default namespace, or -1 */
  #collectAttributes(first: number, behind: number): number {
    const tape = this.#tape;
    const attributes = this.#attributes;
    attributes.length = 0;
    let declaration = -1;
    for (let at = first; at < behind; at += attributeSize) {
      if (tape[at + attribute.namespace] === namespaceDeclaration) {
        if (tape[at + attribute.localStart] === tape[at + attribute.nameStart]) declaration = at;
      } else {
        attributes.push(at);
      }
    }
    if (attributes.length > 1) {
      this.#rankNamespaces(attributes);
      this.#order(attributes);
    }
    return declaration;
  }

  /** Ranks the namespaces of a tag's attributes. Each name is decoded once: names can be long and attributes many. */
  #rankNamespaces(attributes: readonly number[]): void {
    const tape = this.#tape;
    const ranks = this.#ranks;
    if (ranks.size > 0) ranks.clear();
    const named: { id: number; name: Buffer }[] = [];
    let last = 0;
    for (const at of attributes) {
      const id = tape[at + attribute.namespace]!;
      if (id === 0 || id === last || ranks.has(id)) continue;
      last = id;
      ranks.set(id, 0);
      named.push({ id, name: noName });
    }
    if (named.length < 2) return;
    for (const each of named) each.name = Buffer.from(this.#namespaceName(each.id));
    named.sort((a, b) => Buffer.compare(a.name, b.name));
    named.forEach(({ id }, rank) => ranks.set(id, rank));
  }

  /** Sorts attributes: few, often in order already, by insertion; many by a sort whose cost is not quadratic. */
  #order(attributes: number[]): void {
    if (attributes.length > insertedMax) {
      attributes.sort((a, b) => this.#compare(a, b));
      return;
    }
    for (let i = 1; i < attributes.length; i += 1) {
      const moved = attributes[i]!;
      let to = i;
      for (; to > 0 && this.#compare(attributes[to - 1]!, moved) > 0; to -= 1)
        attributes[to] = attributes[to - 1]!;
      attributes[to] = moved;
    }
  }

  /** Compares two attributes: by rank of the namespace (see `#rankNamespaces`), none first, then by local name. */
  #compare(a: number, b: number): number {
    const tape = this.#tape;
    const namespaceOfA = tape[a + attribute.namespace]!;
    const namespaceOfB = tape[b + attribute.namespace]!;
    if (namespaceOfA !== namespaceOfB) {
      if (namespaceOfA === 0) return -1;
      if (namespaceOfB === 0) return 1;
      return this.#ranks.get(namespaceOfA)! - this.#ranks.get(namespaceOfB)!;
    }
    const startOfA = this.#base + tape[a + attribute.localStart]!;
    const startOfB = this.#base + tape[b + attribute.localStart]!;
    const lengthOfA = this.#base + tape[a + attribute.nameEnd]! - startOfA;
    const lengthOfB = this.#base + tape[b + attribute.nameEnd]! - startOfB;
    const shared = Math.min(lengthOfA, lengthOfB);
    for (let i = 0; i < shared; i += 1) {
      const difference = this.#bytes[startOfA + i]! - this.#bytes[startOfB + i]!;
      if (difference !== 0) return difference;
    }
    return lengthOfA - lengthOfB;
  }

  /** Writes the declarations that the attributes need, then the attributes. */
  #writeAttributes(): void {
    const tape = this.#tape;
    let namespace = 0;
    let prefixes = 0;
    for (const at of this.#attributes) {
      const next = tape[at + attribute.namespace]!;
      if (next !== namespace && !this.#isXml(next)) {
        prefixes += 1;
        this.#writePrefixDeclaration(prefixes, next);
      }
      namespace = next;
    }
    namespace = 0;
    let prefix = 0;
    for (const at of this.#attributes) {
      const next = tape[at + attribute.namespace]!;
      if (next !== namespace && !this.#isXml(next)) prefix += 1;
      namespace = next;
      this.#writeAttribute(at, namespace === 0 ? 0 : prefix);
    }
  }

  #writePrefixDeclaration(prefix: number, namespace: number): void {
    const output = this.#output;
    output.literal(prefixDeclaration);
    output.literal(encoder.encode(`ns${prefix}`));
    output.literal(equalsQuote);
    this.#writeNamespaceName(namespace, -1);
    output.literal(quote);
  }

  #writeAttribute(record: number, prefix: number): void {
    const tape = this.#tape;
    const output = this.#output;
    const namespace = tape[record + attribute.namespace]!;
    const nameStart = tape[record + attribute.nameStart]!;
    const nameEnd = tape[record + attribute.nameEnd]!;
    const valueStart = tape[record + attribute.valueStart]!;
    const keepsName = namespace === 0 || this.#isXml(namespace);
    output.literal(space);
    if (keepsName) this.#range(nameStart, nameEnd);
    else {
      output.literal(encoder.encode(`ns${prefix}:`));
      this.#range(tape[record + attribute.localStart]!, nameEnd);
    }
    const before = this.#base + valueStart;
    if (
      nameEnd === valueStart - 2 &&
      this.#bytes[before - 1] === APOS &&
      (tape[record + attribute.valueEnd]! & needsDecoding) === 0
    ) {
      this.#range(nameEnd, tape[record + attribute.valueEnd]! + 1);
      return;
    }
    output.literal(equalsQuote);
    this.#writeAttributeValue(record);
    output.literal(quote);
  }

  #writeAttributeValue(record: number): void {
    const start = this.#tape[record + attribute.valueStart]!;
    const end = this.#tape[record + attribute.valueEnd]!;
    const isPlain = (end & needsDecoding) === 0 && this.#bytes[this.#base + start - 1] === APOS;
    if (isPlain) this.#range(start, end);
    else this.#writeValue(start, end & ~needsDecoding, inAttribute);
  }

  /** Writes the name of a namespace as an attribute value.
   *  @param declaration tape index of a record with that value, or -1 */
  #writeNamespaceName(id: number, declaration: number): void {
    if (declaration !== -1) return this.#writeAttributeValue(declaration);
    if (id === 0) return;
    if (id < 0 && id > headerNamespaceBase) return this.#writeAttributeValue(-id);
    const written = id > 0 ? this.#knownNames : this.#headerNames;
    let name = written.get(id);
    if (name === undefined) {
      name = encodeAttributeValue(this.#namespaceName(id));
      written.set(id, name);
    }
    this.#output.literal(name);
  }

  #namespaceName(id: number): string {
    const { names, scope } = this.#stanza!;
    if (id > 0) return names.namespaces.nameOf(id)!;
    return id <= headerNamespaceBase
      ? scope.unknownNamespaces[headerNamespaceBase - id]!
      : this.#stanza!.value(-id);
  }

  /** Returns the fixed prefix of a namespace; undefined for most, whose elements have no prefix. */
  #fixedPrefix(namespace: number): Uint8Array | undefined {
    if (namespace <= 0) return undefined;
    if (namespace === this.#streamsId) return streamsPrefix;
    return namespace === this.#xmlId ? xmlPrefix : undefined;
  }

  #isXml(namespace: number): boolean {
    return namespace !== 0 && namespace === this.#xmlId;
  }

  /** Returns the id of the default namespace around an element. Elements with a fixed prefix do not change it. */
  #inheritedNamespace(record: number): number {
    const tape = this.#tape;
    let parent = tape[record + element.parent]!;
    while (parent !== -1 && this.#fixedPrefix(tape[parent + element.namespace]!) !== undefined)
      parent = tape[parent + element.parent]!;
    return parent === -1 ? this.#contentId : tape[parent + element.namespace]!;
  }

  // ---- values -----------------------------------------------------------------------------------------------------

  #writeText(record: number): void {
    const start = this.#tape[record + text.start]!;
    const end = this.#tape[record + text.end]!;
    const flags = this.#tape[record + text.flags]!;
    if ((flags & cdata) !== 0) this.#writeValue(start, end, inCdata);
    else if ((flags & needsDecoding) !== 0 || this.#hasGreaterThan(start, end))
      this.#writeValue(start, end, inText);
    else this.#range(start, end);
  }

  #hasGreaterThan(start: number, end: number): boolean {
    const bytes = this.#bytes;
    const stop = this.#base + end;
    const near = Math.min(stop, this.#base + start + loopBytesMax);
    for (let i = this.#base + start; i < near; i += 1) if (bytes[i] === GT) return true;
    return near < stop && bytes.subarray(near, stop).includes(GT);
  }

  /** Writes a value of the source with as few references as its new place allows (XML 1.0 §2.4, §2.11, §3.3.3). */
  #writeValue(start: number, end: number, where: number): void {
    const bytes = this.#bytes;
    const stop = this.#base + end;
    let from = this.#base + start;
    for (let i = from; i < stop; i += 1) {
      if ((special[bytes[i]!]! & where) === 0) continue;
      if (i > from) this.#output.range(from, i);
      i = this.#writeSpecial(i, stop, where);
      from = i + 1;
    }
    if (stop > from) this.#output.range(from, stop);
  }

  /** Writes the character or reference at `at`, a position in #bytes.
   *  @returns the position of its last byte */
  #writeSpecial(at: number, stop: number, where: number): number {
    const bytes = this.#bytes;
    const byte = bytes[at]!;
    if (byte === AMP && where !== inCdata) {
      const last = bytes.indexOf(SEMICOLON, at + 1);
      this.#writeCharacter(referencedCodePoint(bytes, at + 1, last), where);
      return last;
    }
    if (byte === CR && at + 1 < stop && bytes[at + 1] === LF) {
      this.#writeCharacter(where === inAttribute ? SPACE : LF, where);
      return at + 1;
    }
    const isBreak = byte === CR || byte === LF || byte === TAB;
    if (isBreak) this.#writeCharacter(where === inAttribute ? SPACE : byte === CR ? LF : byte, where);
    else this.#writeCharacter(byte, where);
    return at;
  }

  #writeCharacter(codePoint: number, where: number): void {
    const escapes = where === inAttribute ? attributeEscapes : textEscapes;
    this.#output.literal(escapes.get(codePoint) ?? encoder.encode(String.fromCodePoint(codePoint)));
  }

  #range(start: number, end: number): void {
    this.#output.range(this.#base + start, this.#base + end);
  }
}

function contentNamespaceId({ names, scope }: Stanza): number {
  const known = names.namespace(scope.contentNamespace);
  if (known !== 0 || scope.contentNamespace === '') return known;
  return headerNamespaceBase - scope.unknownNamespaces.indexOf(scope.contentNamespace);
}

const predefined: Readonly<Record<string, number>> = { lt: LT, gt: GT, amp: AMP, quot: 0x22, apos: APOS };

/** Returns the code point of the reference `&…;`. The scanner has refused illegal references. */
function referencedCodePoint(bytes: Uint8Array, start: number, end: number): number {
  const isNumber = bytes[start] === HASH;
  if (!isNumber) return predefined[String.fromCharCode(...bytes.subarray(start, end))]!;
  const first = start + 1;
  const hexadecimal = bytes[first] === 0x78;
  const radix = hexadecimal ? 16 : 10;
  let value = 0;
  // XML allows any number of leading zeros.
  for (let i = hexadecimal ? first + 1 : first; i < end; i += 1)
    value = value * radix + Number.parseInt(String.fromCharCode(bytes[i]!), radix);
  return value;
}

function encodeAttributeValue(value: string): Uint8Array {
  return encoder.encode(value.replaceAll(/[&<'\t\n\r]/g, (each) => attributeReferences[each]!));
}

function createSpecial(): Uint8Array {
  const table = new Uint8Array(256);
  const mark = (where: number, ...bytes: number[]): void => {
    for (const byte of bytes) table[byte]! |= where;
  };
  mark(inText, AMP, GT, CR);
  mark(inCdata, AMP, LT, GT, CR);
  mark(inAttribute, AMP, APOS, TAB, LF, CR);
  return table;
}

/** Returns references in UTF-8 by code point. */
function createEscapes(references: Readonly<Record<string, string>>): ReadonlyMap<number, Uint8Array> {
  return new Map(
    Object.entries(references).map(([character, reference]) => [
      character.codePointAt(0)!,
      encoder.encode(reference),
    ]),
  );
}
