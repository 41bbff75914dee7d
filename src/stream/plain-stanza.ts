/** Reads a stanza in the form in which nearly all are written: no prefix but that of `xml:lang`, one space before each
 *  attribute, known namespaces, nothing to decode. It writes the tape that the scanner would write, in one loop over the structural
 *  bytes. Anything else, and everything that is refused, is left to the scanner, which begins the stanza anew: errors
 *  have one place. */
import { hashSeed, hashStep, type Names } from '../stanza/names.ts';
import {
  attribute,
  element,
  elementFlag,
  end as endRecord,
  namespaceDeclaration,
  recordKind,
  recordSize,
  text,
} from '../stanza/tape.ts';
import type { StreamLimits } from './limits.ts';
import { nameChar, nameStart } from './xml-names.ts';

/** A stanza that begins in a slice, and what its names mean. */
export interface PlainInput {
  readonly bytes: Uint8Array;
  /** Offset of the stanza's `<` in `bytes`. */
  readonly base: number;
  /** Structural positions of the slice (structure/structure.ts), and their number. */
  readonly positions: Int32Array;
  readonly count: number;
  /** Added to a structural position, gives one relative to `base`. */
  readonly shift: number;
  /** Receives the tape: at least `plainTapeMax` integers. */
  readonly tape: Int32Array;
  readonly names: Names;
  readonly limits: StreamLimits;
  /** Namespace of the stream's stanzas. */
  readonly contentNamespace: number;
  /** Namespaces whose elements and declarations are left to the scanner. */
  readonly reserved: readonly number[];
  /** Id of the xml namespace. */
  readonly xml: number;
}

const TAB = 0x09;
const LF = 0x0a;
const SPACE = 0x20;
const QUOT = 0x22;
const AMP = 0x26;
const APOS = 0x27;
const SLASH = 0x2f;
const COLON = 0x3a;
const LT = 0x3c;
const EQUALS = 0x3d;
const GT = 0x3e;

/** Longest tape, in integers. What the scanner must read again stays short, however long the stanza. */
export const plainTapeMax = 1_024;

/** The result of any step that finds another form. */
const other = -1;
/** Most attributes of a tag: they are compared pairwise. */
const attributesMax = 6;
/** Deepest nesting. */
const depthMax = 32;
const elementSize = recordSize[recordKind.element]!;
const attributeSize = recordSize[recordKind.attribute]!;
const textSize = recordSize[recordKind.text]!;
const endSize = recordSize[recordKind.end]!;
/** Integers that one tag and the text after it may add to the tape. */
const stepSize = elementSize + attributesMax * attributeSize + endSize + textSize;
const encoder = new TextEncoder();
const xmlLang = encoder.encode('xml:lang');
const xmlPrefixLength = 'xml:'.length;
const xmlns = encoder.encode('xmlns');

export class PlainStanza {
  /** Integers of the tape that the last stanza has. */
  tapeLength = 0;
  readonly #nameClasses: Uint8Array;
  // Of the open elements: tape index, declarations outside it, default namespace outside it.
  readonly #opened = new Int32Array(depthMax);
  readonly #declaredOutside = new Int32Array(depthMax);
  readonly #namespaceOutside = new Int32Array(depthMax);
  #depth = 0;
  #elements = 0;
  /** Namespace declarations in scope. */
  #declared = 0;
  #defaultNamespace = 0;
  #nameHash = 0;

  /** @param nameClasses result of `createNameClasses` */
  constructor(nameClasses: Uint8Array) {
    this.#nameClasses = nameClasses;
  }

  /** Reads the stanza whose `<` is the structural position `first`.
   *  @returns the index of the structural position of its last `>`; -1 for any other form, or half a stanza */
  read(input: PlainInput, first: number): number {
    const { bytes, base, positions, shift, limits } = input;
    this.tapeLength = 0;
    this.#depth = 0;
    this.#elements = 0;
    this.#declared = 0;
    this.#defaultNamespace = input.contentNamespace;
    let index = first;
    for (;;) {
      if (this.tapeLength + stepSize > plainTapeMax) return other;
      const tagStart = positions[index]! + shift;
      const isEnd = bytes[base + tagStart + 1] === SLASH;
      index = isEnd ? this.#endTag(input, index, tagStart) : this.#startTag(input, index, tagStart);
      if (index === other) return other;
      const tagEnd = positions[index]! + shift;
      if (tagEnd - tagStart >= limits.tagBytesMax) return other;
      if (this.#depth === 0) return tagEnd < limits.stanzaBytesMax ? index : other;
      index = this.#text(input, index);
      if (index === other) return other;
    }
  }

  #startTag(input: PlainInput, first: number, tagStart: number): number {
    const { bytes, base, positions, count, shift, tape, limits } = input;
    const nameEnd = this.#nameEndAt(input, tagStart + 1);
    if (nameEnd === other) return other;
    if (this.#depth >= Math.min(depthMax, limits.depthMax) || this.#elements >= limits.elementsMax)
      return other;
    const local = input.names.locals.find(bytes, base + tagStart + 1, base + nameEnd, this.#nameHash);
    const record = this.tapeLength;
    this.tapeLength += elementSize;
    this.#elements += 1;
    this.#opened[this.#depth] = record;
    this.#declaredOutside[this.#depth] = this.#declared;
    this.#namespaceOutside[this.#depth] = this.#defaultNamespace;
    let index = first + 1;
    let at = nameEnd;
    let attributes = 0;
    while (bytes[base + at] === SPACE) {
      index = attributes < attributesMax ? this.#attribute(input, index, at + 1) : other;
      if (index === other) return other;
      at = positions[index]! + shift + 1;
      index += 1;
      attributes += 1;
    }
    const isEmpty = bytes[base + at] === SLASH;
    const close = isEmpty ? at + 1 : at;
    if (index >= count || positions[index]! + shift !== close || bytes[base + close] !== GT) return other;
    if (attributes > limits.attributesMax || !areDistinct(tape, record + elementSize, attributes))
      return other;
    if (input.reserved.includes(this.#defaultNamespace)) return other;
    tape[record] = recordKind.element;
    tape[record + element.tagStart] = tagStart;
    tape[record + element.tagEnd] = close + 1;
    tape[record + element.nameEnd] = nameEnd;
    tape[record + element.localStart] = tagStart + 1;
    tape[record + element.local] = local;
    tape[record + element.namespace] = this.#defaultNamespace;
    tape[record + element.parent] = this.#depth === 0 ? -1 : this.#opened[this.#depth - 1]!;
    tape[record + element.attributes] = attributes;
    tape[record + element.depth] = this.#depth + 1;
    tape[record + element.flags] = isEmpty ? elementFlag.empty : 0;
    this.#depth += 1;
    if (isEmpty) this.#close(tape, close + 1, close + 1);
    return index;
  }

  /** Reads an attribute whose name begins at `nameAt`.
   *  @returns the index of its closing quote */
  #attribute(input: PlainInput, index: number, nameAt: number): number {
    const { bytes, base, positions, count, shift, tape, limits } = input;
    const isLang = isAt(bytes, base + nameAt, xmlLang);
    const localAt = isLang ? nameAt + xmlPrefixLength : nameAt;
    const nameEnd = this.#nameEndAt(input, localAt);
    if (nameEnd === other || bytes[base + nameEnd] !== EQUALS) return other;
    const length = nameEnd - nameAt;
    if (length > limits.nameBytesMax || (isLang && length !== xmlLang.length)) return other;
    if (index >= count || positions[index]! + shift !== nameEnd + 1) return other;
    const quote = bytes[base + nameEnd + 1]!;
    if (quote !== APOS && quote !== QUOT) return other;
    const closing = closingQuote(input, index + 1, quote);
    if (closing === other) return other;
    const record = this.tapeLength;
    this.tapeLength += attributeSize;
    tape[record] = recordKind.attribute;
    tape[record + attribute.nameStart] = nameAt;
    tape[record + attribute.nameEnd] = nameEnd;
    tape[record + attribute.localStart] = localAt;
    tape[record + attribute.valueStart] = nameEnd + 2;
    tape[record + attribute.valueEnd] = positions[closing]! + shift;
    if (length === xmlns.length && isAt(bytes, base + nameAt, xmlns))
      return this.#declare(input, record) ? closing : other;
    const { locals } = input.names;
    tape[record + attribute.local] = locals.find(bytes, base + localAt, base + nameEnd, this.#nameHash);
    tape[record + attribute.namespace] = isLang ? input.xml : 0;
    return closing;
  }

  /** Sets the default namespace to a declared one.
   *  @returns false for one that the vocabulary lacks, or that may not be declared */
  #declare({ bytes, base, tape, names, limits, reserved }: PlainInput, record: number): boolean {
    const start = base + tape[record + attribute.valueStart]!;
    const end = base + tape[record + attribute.valueEnd]!;
    let hash = hashSeed;
    for (let at = start; at < end; at += 1) hash = hashStep(hash, bytes[at]!);
    const id = names.namespaces.find(bytes, start, end, hash);
    if (id === 0 || reserved.includes(id) || this.#declared >= limits.namespacesMax) return false;
    tape[record + attribute.local] = 0;
    tape[record + attribute.namespace] = namespaceDeclaration;
    this.#declared += 1;
    this.#defaultNamespace = id;
    return true;
  }

  #endTag(
    { bytes, base, positions, count, shift, tape }: PlainInput,
    first: number,
    tagStart: number,
  ): number {
    if (this.#depth === 0) return other;
    const opened = this.#opened[this.#depth - 1]!;
    const nameAt = tape[opened + element.tagStart]! + 1;
    const length = tape[opened + element.nameEnd]! - nameAt;
    const close = tagStart + 2 + length;
    const index = first + 1;
    if (index >= count || positions[index]! + shift !== close || bytes[base + close] !== GT) return other;
    for (let i = 0; i < length; i += 1)
      if (bytes[base + tagStart + 2 + i] !== bytes[base + nameAt + i]) return other;
    this.#close(tape, tagStart, close + 1);
    return index;
  }

  /** Writes the end record of the innermost open element. */
  #close(tape: Int32Array, tagStart: number, tagEnd: number): void {
    const record = this.tapeLength;
    this.tapeLength += endSize;
    this.#depth -= 1;
    const opened = this.#opened[this.#depth]!;
    tape[record] = recordKind.end;
    tape[record + endRecord.tagStart] = tagStart;
    tape[record + endRecord.tagEnd] = tagEnd;
    tape[record + endRecord.element] = opened;
    tape[opened + element.end] = record;
    this.#declared = this.#declaredOutside[this.#depth]!;
    this.#defaultNamespace = this.#namespaceOutside[this.#depth]!;
  }

  /** Reads the text after a tag.
   *  @param tag index of the tag's `>`
   *  @returns the index of the next `<` */
  #text({ bytes, base, positions, count, shift, tape }: PlainInput, tag: number): number {
    const start = positions[tag]! + shift + 1;
    for (let index = tag + 1; index < count; index += 1) {
      const at = positions[index]! + shift;
      const byte = bytes[base + at]!;
      if (byte === LT) {
        if (at === start) return index;
        const record = this.tapeLength;
        this.tapeLength += textSize;
        tape[record] = recordKind.text;
        tape[record + text.start] = start;
        tape[record + text.end] = at;
        tape[record + text.flags] = 0;
        return index;
      }
      if (byte === AMP || byte === GT || (byte < SPACE && byte !== LF && byte !== TAB)) return other;
    }
    return other;
  }

  /** Returns the end of a name of ASCII characters without a prefix, and sets its hash. */
  #nameEndAt({ bytes, base, limits }: PlainInput, nameAt: number): number {
    const classes = this.#nameClasses;
    let at = base + nameAt;
    let byte = bytes[at]!;
    if (byte >= 0x80 || (classes[byte]! & nameStart) === 0) return other;
    let hash = hashSeed;
    do {
      hash = hashStep(hash, byte);
      at += 1;
      byte = bytes[at]!;
    } while (byte < 0x80 && (classes[byte]! & nameChar) !== 0);
    if (byte >= 0x80 || byte === COLON || at - base - nameAt > limits.nameBytesMax) return other;
    this.#nameHash = hash;
    return at - base;
  }
}

/** Returns the index of the quote that ends a value with nothing to decode. */
function closingQuote(
  { bytes, base, positions, count, shift }: PlainInput,
  from: number,
  quote: number,
): number {
  for (let index = from; index < count; index += 1) {
    const byte = bytes[base + positions[index]! + shift]!;
    if (byte === quote) return index;
    if (byte !== GT && byte !== APOS && byte !== QUOT) return other;
  }
  return other;
}

function isAt(bytes: Uint8Array, start: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i += 1) if (bytes[start + i] !== wanted[i]) return false;
  return true;
}

/** Returns whether no two attributes of a tag may have one name. Names that the vocabulary lacks may. */
function areDistinct(tape: Int32Array, first: number, attributes: number): boolean {
  const end = first + attributes * attributeSize;
  for (let one = first + attributeSize; one < end; one += attributeSize) {
    const local = tape[one + attribute.local];
    const namespace = tape[one + attribute.namespace];
    for (let before = first; before < one; before += attributeSize)
      if (tape[before + attribute.local] === local && tape[before + attribute.namespace] === namespace)
        return false;
  }
  return true;
}
