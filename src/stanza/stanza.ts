/** A view of one stanza: names, values and records of its tape, by tape index. */
import { decodeReferences } from './decode.ts';
import type { Names } from './names.ts';
import { xmppStanzas, type StanzaKind, type StanzaProtocol, type StanzaRow } from './protocol.ts';
import { namespaceDeclaration, needsDecoding, recordKind, recordSize } from './tape.ts';
import * as record from './tape.ts';

export { recordKind } from './tape.ts';

/** Facts of the stream header that apply to every stanza after it (RFC 6120 §4.7, §4.8). */
export interface StreamScope {
  /** The default namespace that the header declares, usually `jabber:client`; '' for none. */
  readonly contentNamespace: string;
  /** Every namespace declaration of the header, prefix to name; '' is the default namespace. */
  readonly declarations: ReadonlyMap<string, string>;
  /** Namespace names of the header that the vocabulary lacks, indexed by their ids on the tape. */
  readonly unknownNamespaces: readonly string[];
  /** `xml:lang` of the header, inherited by every stanza; '' when absent. */
  readonly lang: string;
}

/** The stanzas of a protocol, by ids of one vocabulary. */
interface StanzaIds {
  readonly namespace: number;
  readonly locals: readonly number[];
  readonly rows: readonly StanzaRow[];
}

/** In an element's namespace field: the first id of a namespace that the header declares and the vocabulary lacks. */
export const headerNamespaceBase = -0x20000000;

const elementSize = recordSize[recordKind.element]!;
const attributeSize = recordSize[recordKind.attribute]!;
const endSize = recordSize[recordKind.end]!;

/** Writes the normal form (stream/canonical.ts) of stanzas in the usual form. */
export interface NormalForm {
  /** Writes the stanza that was read last.
   *  @param contentNamespace id of the namespace that it inherits
   *  @returns bytes that are valid until the next call; undefined where copies of its parts are not enough */
  writeNormal(contentNamespace: number): Uint8Array | undefined;
}

/** One top-level element of a stream: its bytes as received, and the tape that the scanner wrote for it.
 *
 *  The scanner reuses one instance, which is valid inside the callback that receives it; `retain()` makes a copy
 *  that stays. Indices are tape indices; the stanza's own element record has index 0. */
export class Stanza {
  /** The buffer that holds the stanza, and possibly others. */
  bytes: Buffer = Buffer.alloc(0);
  /** Offset of the stanza's `<` in `bytes`; offsets on the tape count from here. */
  start = 0;
  /** Offset after the stanza's last `>`. */
  end = 0;
  tape: Int32Array = new Int32Array(0);
  /** Number of integers of the tape in use. */
  tapeLength = 0;
  /** Whether the bytes mean the same to every parser after the proxy's own stream header. False when the stanza uses
   *  a prefix that only its own stream's header declares, or when some parsers misread its form: it is then
   *  forwarded in normal form only. */
  verbatim = true;
  /** Set for a stanza that was read in the usual form, inside the callback. */
  normalForm: NormalForm | undefined;
  names: Names;
  scope: StreamScope;
  /** The protocol that decides `kind`. */
  readonly protocol: StanzaProtocol;
  readonly #ids: StanzaIds;

  constructor(names: Names, scope: StreamScope, protocol = xmppStanzas) {
    this.names = names;
    this.scope = scope;
    this.protocol = protocol;
    this.#ids = idsOf(protocol, names);
  }

  /** Size on the wire in bytes. */
  get byteLength(): number {
    return this.end - this.start;
  }

  /** Kind of stanza; `nonza` for an element that is no stanza of the protocol. */
  get kind(): StanzaKind {
    return this.row?.kind ?? 'nonza';
  }

  /** The protocol's row for the stanza; undefined for a nonza. */
  get row(): StanzaRow | undefined {
    const { namespace, locals, rows } = this.#ids;
    if (this.tape[record.element.namespace] !== namespace || namespace === 0) return undefined;
    const local = this.tape[record.element.local]!;
    for (let i = 0; i < locals.length; i += 1) if (locals[i] === local) return rows[i];
    return undefined;
  }

  /** Returns the bytes as received, without a copy. */
  wire(): Uint8Array {
    return this.bytes.subarray(this.start, this.end);
  }

  /** Returns a copy that outlives the callback. */
  retain(): Stanza {
    const copy = new Stanza(this.names, this.scope, this.protocol);
    // A buffer of its own: a part of a shared one would keep all of it in memory.
    copy.bytes = Buffer.allocUnsafeSlow(this.byteLength);
    copy.bytes.set(this.wire());
    copy.end = copy.bytes.length;
    copy.tape = this.tape.slice(0, this.tapeLength);
    copy.tapeLength = this.tapeLength;
    copy.verbatim = this.verbatim;
    return copy;
  }

  // ---- records ----------------------------------------------------------------------------------------------------

  /** Returns the kind of a record: one of `recordKind`. */
  kindOf(index: number): number {
    return this.tape[index]!;
  }

  isElement(index: number): boolean {
    return this.tape[index] === recordKind.element;
  }

  isText(index: number): boolean {
    return this.tape[index] === recordKind.text;
  }

  /** Returns whether the record ends an element. */
  isEnd(index: number): boolean {
    return this.tape[index] === recordKind.end;
  }

  /** Returns the tape index of the next record in document order; `tapeLength` after the last one. */
  next(index: number): number {
    return index + recordSize[this.tape[index]!]!;
  }

  /** Returns the tape index after an element and its content. */
  afterElement(element: number): number {
    return this.tape[element + record.element.end]! + endSize;
  }

  /** Returns the tape index of the first record inside an element; of its end record, when it is empty. */
  contentOf(element: number): number {
    return element + elementSize + this.tape[element + record.element.attributes]! * attributeSize;
  }

  /** Returns the tape index of an element's end record. */
  endOf(element: number): number {
    return this.tape[element + record.element.end]!;
  }

  /** Returns the tape index of an element's parent, -1 for the stanza itself. */
  parentOf(element: number): number {
    return this.tape[element + record.element.parent]!;
  }

  /** Returns the nesting of an element: 1 for the stanza itself. */
  depthOf(element: number): number {
    return this.tape[element + record.element.depth]!;
  }

  /** Returns the namespace id of an element: > 0 in the vocabulary, 0 none, < 0 unknown. */
  namespaceOf(element: number): number {
    return this.tape[element + record.element.namespace]!;
  }

  /** Returns the local name id of an element, 0 when the vocabulary lacks it. */
  localOf(element: number): number {
    return this.tape[element + record.element.local]!;
  }

  /** Returns whether the name of an element has a prefix. */
  isPrefixed(element: number): boolean {
    const { tagStart, localStart } = record.element;
    return this.tape[element + localStart]! - this.tape[element + tagStart]! > 1;
  }

  /** Returns the tape index of an element's first attribute; of another kind of record when it has none. */
  firstAttribute(element: number): number {
    return element + elementSize;
  }

  /** Returns the bytes of an element with its content, as received. */
  elementBytes(element: number): number {
    const { tape } = this;
    const end = tape[element + record.element.end]!;
    return tape[end + record.end.tagEnd]! - tape[element + record.element.tagStart]!;
  }

  /** Returns the bytes of an attribute with its name and quotes, as received. */
  attributeBytes(attribute: number): number {
    const { tape } = this;
    const end = tape[attribute + record.attribute.valueEnd]! & ~needsDecoding;
    return end + 1 - tape[attribute + record.attribute.nameStart]!;
  }

  /** Returns the number of an element's attributes, namespace declarations included. */
  attributeCount(element: number): number {
    return this.tape[element + record.element.attributes]!;
  }

  /** Returns the tape index after an attribute: the next attribute, or another kind of record. */
  nextAttribute(attribute: number): number {
    return attribute + attributeSize;
  }

  /** Returns whether an attribute declares a namespace. */
  isDeclaration(attribute: number): boolean {
    return this.tape[attribute + record.attribute.namespace] === namespaceDeclaration;
  }

  /** Returns the namespace id of an attribute with a prefix, as for elements; 0 without a prefix, negative for
   *  declarations. */
  attributeNamespaceOf(attribute: number): number {
    return this.tape[attribute + record.attribute.namespace]!;
  }

  /** Returns the length of an attribute's name in bytes, as written. */
  nameBytes(attribute: number): number {
    return (
      this.tape[attribute + record.attribute.nameEnd]! - this.tape[attribute + record.attribute.nameStart]!
    );
  }

  /** Returns whether an attribute's value is its bytes, without references or white space to resolve. */
  isPlainValue(attribute: number): boolean {
    return this.tape[attribute + record.attribute.valueEnd]! < needsDecoding;
  }

  /** Returns the offset of an attribute's value in the stanza. */
  valueStart(attribute: number): number {
    return this.tape[attribute + record.attribute.valueStart]!;
  }

  /** Returns the offset after an attribute's value. */
  valueEnd(attribute: number): number {
    return this.tape[attribute + record.attribute.valueEnd]! & ~needsDecoding;
  }

  /** Returns whether a text record is its bytes: outside of CDATA, without references to resolve. */
  isPlainText(text: number): boolean {
    return (this.tape[text + record.text.flags]! & (record.cdata | needsDecoding)) === 0;
  }

  /** Returns the offset of a text record's bytes in the stanza, without the brackets of a CDATA section. */
  textStart(text: number): number {
    return this.tape[text + record.text.start]!;
  }

  /** Returns the offset after a text record's bytes. */
  textEnd(text: number): number {
    return this.tape[text + record.text.end]!;
  }

  // ---- iterators, for names outside hot paths ---------------------------------------------------------------------

  /** Yields the tape indexes of the child elements of `parent`. */
  *children(parent = 0): Generator<number, undefined> {
    for (let at = this.firstChild(parent); at !== -1; at = this.nextSibling(at)) yield at;
  }

  /** Yields the tape indexes of an element and all elements in it, in document order. */
  *elements(from = 0): Generator<number, undefined> {
    const end = this.endOf(from);
    for (let at = from; at < end; at = this.next(at)) if (this.isElement(at)) yield at;
  }

  /** Yields the tape indexes of an element's attributes, namespace declarations included. */
  *attributes(element = 0): Generator<number, undefined> {
    const first = this.firstAttribute(element);
    const end = this.contentOf(element);
    for (let at = first; at < end; at += attributeSize) yield at;
  }

  // ---- names and values -------------------------------------------------------------------------------------------

  /** Returns the tape index of the first child element of `parent`, -1 without one. */
  firstChild(parent = 0): number {
    return this.#nextElement(parent + record.recordSize[recordKind.element]!);
  }

  /** Returns the tape index of the next element with the same parent, -1 without one. */
  nextSibling(index: number): number {
    return this.#nextElement(this.tape[index + record.element.end]! + recordSize[recordKind.end]!);
  }

  #nextElement(index: number): number {
    let at = index;
    while (at < this.tapeLength) {
      const kind = this.tape[at]!;
      if (kind === recordKind.element) return at;
      if (kind === recordKind.end) return -1;
      at += recordSize[kind]!;
    }
    return -1;
  }

  /** Returns the tape index of the first child of `parent` with these ids of namespace and local name, -1 without
   *  one. */
  child(parent: number, namespace: number, local: number): number {
    for (let at = this.firstChild(parent); at !== -1; at = this.nextSibling(at)) {
      if (
        this.tape[at + record.element.namespace] === namespace &&
        this.tape[at + record.element.local] === local
      )
        return at;
    }
    return -1;
  }

  /** Returns whether an element has this namespace and local name, by text. For names outside hot paths. */
  is(index: number, namespace: string, local: string): boolean {
    return this.localName(index) === local && this.namespaceName(index) === namespace;
  }

  /** Returns the tape index of the attribute with these ids of local name and namespace (0 for none), -1 without
   *  one. */
  attribute(element: number, local: number, namespace = 0): number {
    let at = element + recordSize[recordKind.element]!;
    while (this.tape[at] === recordKind.attribute && at < this.tapeLength) {
      if (
        this.tape[at + record.attribute.local] === local &&
        this.tape[at + record.attribute.namespace] === namespace
      )
        return at;
      at += recordSize[recordKind.attribute]!;
    }
    return -1;
  }

  /** Returns the value of an attribute without a prefix, undefined without one. */
  attributeValue(element: number, local: string): string | undefined {
    const at = this.attributeNamed(element, local);
    return at === -1 ? undefined : this.value(at);
  }

  /** Returns the tape index of the attribute with this local name and no prefix, -1 without one. A name that the
   *  vocabulary lacks is compared as text. */
  attributeNamed(element: number, local: string): number {
    const id = this.names.local(local);
    if (id !== 0) return this.attribute(element, id);
    const end = this.contentOf(element);
    for (let at = element + elementSize; at < end; at += attributeSize)
      if (this.attributeNamespaceOf(at) === 0 && this.localName(at) === local) return at;
    return -1;
  }

  /** Returns the qualified name of an element or attribute record, as written. */
  qualifiedName(index: number): string {
    const isElement = this.tape[index] === recordKind.element;
    const start = isElement
      ? this.tape[index + record.element.tagStart]! + 1
      : this.tape[index + record.attribute.nameStart]!;
    return this.#decode(
      start,
      this.tape[index + (isElement ? record.element.nameEnd : record.attribute.nameEnd)]!,
    );
  }

  /** Returns the local name of an element or attribute record. */
  localName(index: number): string {
    const isElement = this.tape[index] === recordKind.element;
    const fields = isElement ? record.element : record.attribute;
    return this.#decode(this.tape[index + fields.localStart]!, this.tape[index + fields.nameEnd]!);
  }

  /** Returns the namespace name of an element or attribute record; '' for none. */
  namespaceName(index: number): string {
    const isElement = this.tape[index] === recordKind.element;
    const id = this.tape[index + (isElement ? record.element.namespace : record.attribute.namespace)]!;
    if (id === namespaceDeclaration) return 'http://www.w3.org/2000/xmlns/';
    if (id > 0) return this.names.namespaces.nameOf(id)!;
    if (id === 0) return '';
    if (id <= headerNamespaceBase) return this.scope.unknownNamespaces[headerNamespaceBase - id]!;
    return this.value(-id);
  }

  /** Returns the value of an attribute record, with references and white space resolved (XML 1.0 §3.3.3). */
  value(index: number): string {
    const start = this.tape[index + record.attribute.valueStart]!;
    const end = this.tape[index + record.attribute.valueEnd]!;
    const raw = this.#decode(start, end & ~needsDecoding);
    return (end & needsDecoding) === 0 ? raw : decodeReferences(raw, 'attribute');
  }

  /** Returns the character data directly inside an element: references resolved, CDATA included, that of children
   *  excluded. */
  text(index: number): string {
    const end = this.tape[index + record.element.end]!;
    let value = '';
    let at = index + recordSize[recordKind.element]!;
    while (at < end) {
      const kind = this.tape[at]!;
      if (kind === recordKind.element) {
        at = this.tape[at + record.element.end]! + recordSize[recordKind.end]!;
        continue;
      }
      if (kind === recordKind.text) value += this.textValue(at);
      at += recordSize[kind]!;
    }
    return value;
  }

  /** Returns the value of one text record. */
  textValue(index: number): string {
    const raw = this.#decode(this.tape[index + record.text.start]!, this.tape[index + record.text.end]!);
    const flags = this.tape[index + record.text.flags]!;
    if ((flags & needsDecoding) === 0) return raw;
    return decodeReferences(raw, (flags & record.cdata) === 0 ? 'text' : 'cdata');
  }

  #decode(start: number, end: number): string {
    // Unlike a TextDecoder by default, this keeps U+FEFF, which inside of a document is a character.
    return this.bytes.toString('utf8', this.start + start, this.start + end);
  }
}

/** Returns the ids of a protocol's stanzas. Names that the vocabulary lacks are left out: id 0 is every unknown
 *  name. */
/** Ids by vocabulary and protocol: the same for all streams. */
const stanzaIds = new WeakMap<Names, Map<StanzaProtocol, StanzaIds>>();

function idsOf(protocol: StanzaProtocol, names: Names): StanzaIds {
  let ofNames = stanzaIds.get(names);
  if (ofNames === undefined) stanzaIds.set(names, (ofNames = new Map()));
  let ids = ofNames.get(protocol);
  if (ids === undefined) ofNames.set(protocol, (ids = findIds(protocol, names)));
  return ids;
}

function findIds({ namespace, stanzas }: StanzaProtocol, names: Names): StanzaIds {
  const known = stanzas.filter(({ local }) => names.local(local) !== 0);
  return {
    namespace: names.namespace(namespace),
    locals: known.map(({ local }) => names.local(local)),
    rows: known,
  };
}
