/** The stream scanner: bytes to stream header, stanzas, white space and end (RFC 6120 §4, §11; XML 1.0; Namespaces
 *  in XML 1.0).
 *
 *  It accepts the restricted XML of RFC 6120 §11.1 and nothing else, and reads it as every strict parser does: the
 *  proxy must never understand something other than its neighbours. Bytes are visited once, however they are split:
 *  a structural index (structure/) names the positions that matter, the scanner goes from one to the next and
 *  writes a tape (stanza/tape.ts). Errors come at the same offset with the same condition for every split. A whole
 *  stanza in the usual form is read by structure/plain.ts, to the same tape; this file begins anew with any other.
 *
 *  Positions in this file are relative to the first byte of the current stanza (`#base` in `#buffer`), so that they
 *  stay true when a stanza that arrives in pieces moves to its own buffer. */
import type { StreamErrorCode } from '../errors/stream.ts';
import { StreamError, type StreamCondition } from '../stanza/error.ts';
import { decodeReferences } from '../stanza/decode.ts';
import { hashSeed, hashStep, type Names } from '../stanza/names.ts';
import { ns } from '../stanza/namespaces.ts';
import { ownCopy } from '../stanza/own-bytes.ts';
import type { StanzaProtocol } from '../stanza/protocol.ts';
import { headerNamespaceBase, Stanza, type StreamScope } from '../stanza/stanza.ts';
import {
  attribute,
  cdata,
  element,
  elementFlag,
  end as endRecord,
  namespaceDeclaration,
  needsDecoding,
  recordKind,
  recordSize,
  text,
  undeclaredNamespace,
} from '../stanza/tape.ts';
import { parseDeclaration } from './declaration.ts';
import { emptyScope, type StreamHeader } from './header.ts';
import type { StreamLimits } from './limits.ts';
import { isUriReference } from './namespace-names.ts';
import { findIllegalReference } from './references.ts';
import { notPlain } from './structure/plain.ts';
import { sliceBytesMax } from './structure/structure.ts';
import { bindingStride, openStride, type ParseScratch, type Workspace } from './workspace.ts';
import { nameChar, nameStart } from './xml-names.ts';

/** Receives what the scanner finds, in order. Arguments are valid during the call only. */
export interface ScannerSink {
  header(header: StreamHeader): void;
  stanza(stanza: Stanza): void;
  /** White space between stanzas was read: a keep-alive (RFC 6120 §4.6.1). */
  whitespace(byteLength: number): void;
  /** The closing stream tag was read (RFC 6120 §4.4). */
  end(): void;
}

export interface ScannerOptions {
  readonly names: Names;
  readonly limits: StreamLimits;
  readonly workspace: Workspace;
  readonly sink: ScannerSink;
  /** Handling of legal input that real parsers read differently: namespace names that are no URI references
   *  (namespace-names.ts), elements of the xml namespace, `xml:id`, elements of the streams namespace inside a
   *  stanza. Default `refuse` (policy-violation); `report` accepts and sets `ambiguousAt`. */
  readonly ambiguous?: 'refuse' | 'report';
  /** The protocol whose stanzas are recognised; XMPP by default. */
  readonly protocol?: StanzaProtocol;
  /** What the bytes are: a stream whose header declares namespaces for its stanzas (RFC 6120 §4.2), or documents that
   *  declare all of their own (RFC 7395 §3.3.3). Default `stream`. */
  readonly form?: 'stream' | 'documents';
}

const LT = 0x3c;
const GT = 0x3e;
const AMP = 0x26;
const QUOT = 0x22;
const APOS = 0x27;
const SLASH = 0x2f;
const BANG = 0x21;
const QUESTION = 0x3f;
const EQUALS = 0x3d;
const COLON = 0x3a;
const CR = 0x0d;
const RIGHT_BRACKET = 0x5d;

/** Position of the scanner in the grammar of a stream. */
const mode = {
  /** Before the stream header. */
  prolog: 0,
  /** In the XML declaration. */
  declaration: 1,
  /** Between stanzas. */
  between: 2,
  /** In a stanza, in character data. */
  text: 3,
  /** After `<`, while it is unknown what it begins. */
  open: 4,
  /** In a start or end tag. */
  tag: 5,
  /** After `<!`. */
  bang: 6,
  /** After `<?`. */
  instruction: 7,
  /** In a CDATA section. */
  cdata: 8,
  /** After the closing stream tag. */
  ended: 9,
} as const;

const cdataOpening = '[CDATA[';
const doctype = 'DOCTYPE';
/** Longest XML declaration in bytes; the three pseudo-attributes need less than half. */
const declarationBytesMax = 256;

/** A prefix that the stream header declares. */
interface HeaderBinding {
  readonly prefix: Uint8Array;
  readonly id: number;
  /** Whether the proxy's own header declares it too (see write.ts). */
  readonly forwarded: boolean;
}

export class Scanner {
  names: Names;
  limits: StreamLimits;
  /** Receives what is found. May be replaced between calls of `push`, and inside a sink call. */
  sink: ScannerSink;
  /** Offset in the stream of accepted input that was ambiguous (option `ambiguous: 'report'`), else -1. */
  ambiguousAt = -1;

  readonly #workspace: Workspace;
  readonly #refuseAmbiguous: boolean;

  #mode: number = mode.prolog;
  /** Offset in the stream of the byte at `#base`. */
  #streamBase = 0;
  #buffer: Buffer = noBytes;
  #base = 0;
  /** Bytes of an unfinished stanza carried from earlier chunks; empty between stanzas. */
  #carried: Buffer = noBytes;
  #carriedLength = 0;
  #utf8State = 0;
  #whitespaceRun = 0;
  /** The mode in which the current markup began: prolog or between. */
  #outside: number = mode.prolog;
  #declarationAllowed = true;
  #declarationSeen = false;
  #halted = false;
  #restarted = false;
  #failed: StreamError | undefined;

  // Fields of the current tag, text or section.
  #tagStart = 0;
  #segmentStart = 0;
  #textStart = 0;
  #textFlags = 0;
  #quote = 0;
  #valueStart = 0;
  #valueFlags = 0;
  /** Tape index of the element record of the current tag, -1 before its name was read. */
  #tagElement = -1;
  #attributeCount = 0;

  // Fields of the current stanza.
  #scratch: ParseScratch | undefined;
  #tapeLength = 0;
  #depth = 0;
  #elementCount = 0;
  #bindingCount = 0;
  #defaultNamespace = 0;
  /** See `Stanza.verbatim`. */
  #verbatim = true;

  // Fields of the stream.
  #headerDefaultNamespace = 0;
  #headerBindings: readonly HeaderBinding[] = [];
  #headerUnknown: readonly string[] = [];
  #rootName: Uint8Array = new Uint8Array(0);
  #stanza: Stanza;
  #streamsNamespace: number;
  #xmlId: number;
  #xmlnsId: number;

  // Results of #readName.
  #nameEnd = 0;
  #localStart = 0;
  #localHash = 0;

  constructor({ names, limits, workspace, sink, ambiguous = 'refuse', protocol, form }: ScannerOptions) {
    this.names = names;
    this.limits = limits;
    this.#workspace = workspace;
    this.sink = sink;
    this.#refuseAmbiguous = ambiguous === 'refuse';
    this.#stanza = new Stanza(names, emptyScope, protocol);
    this.#streamsNamespace = names.namespace(ns.streams);
    this.#xmlId = names.namespace(ns.xml);
    this.#xmlnsId = names.namespace(ns.xmlns);
    if (form === 'documents') {
      this.#mode = mode.between;
      this.#declarationAllowed = false;
      this.#headerDefaultNamespace = undeclaredNamespace;
    }
  }

  /** Sets what the documents that follow inherit: the language (RFC 7395 §3.3.1). Called between documents, or inside a
   *  sink call. */
  enter(scope: StreamScope): void {
    this.#stanza = new Stanza(this.names, scope, this.#stanza.protocol);
  }

  /** Scans a chunk, and calls the sink for every element that is complete.
   *  @returns number of bytes taken: all, unless the sink called `halt()`. The rest may be pushed again to go on
   *  @throws StreamError at the first byte that is refused; the scanner then refuses all input */
  push(chunk: Uint8Array): number {
    if (this.#failed !== undefined) throw this.#failed;
    this.#halted = false;
    const bytes = asBuffer(chunk);
    try {
      let taken = 0;
      while (taken < bytes.length && !this.#halted)
        taken += this.#scanSlice(bytes, taken, Math.min(taken + sliceBytesMax, bytes.length));
      return taken;
    } catch (error) {
      if (error instanceof StreamError) {
        this.#failed = error;
        this.#releaseScratch();
      }
      throw error;
    }
  }

  /** Sets the protocol whose stanzas are recognised, from the next stream header on. */
  set protocol(protocol: StanzaProtocol) {
    this.#stanza = new Stanza(this.names, this.#stanza.scope, protocol);
  }

  /** Stops after the element just delivered. Called inside a sink call. */
  halt(): void {
    this.#halted = true;
  }

  /** Makes the next byte begin a new stream (RFC 6120 §4.3.3). Called inside a sink call, or between calls at a
   *  boundary. */
  restart(): void {
    this.#restarted = true;
    if (this.#mode === mode.between) this.#beginStream();
  }

  /** Whether the stream may stop here: no stanza, tag or character is half read. */
  get atBoundary(): boolean {
    return (
      this.#carriedLength === 0 &&
      this.#utf8State === 0 &&
      (this.#mode === mode.between || this.#mode === mode.prolog || this.#mode === mode.ended)
    );
  }

  /** Ends the input.
   *  @throws StreamError `not-well-formed` when it stopped inside a construct */
  finish(): void {
    if (this.#failed !== undefined) throw this.#failed;
    if (this.atBoundary) return;
    throw new StreamError('not-well-formed', {
      code: 'ERR_XML_NOT_WELL_FORMED',
      offset: this.#streamBase + this.#carriedLength,
    });
  }

  /** Number of bytes held for an unfinished stanza. */
  get bytesHeld(): number {
    return this.#carriedLength;
  }

  // ---- slices and buffers -------------------------------------------------------------------------------------

  #scanSlice(chunk: Buffer, from: number, to: number): number {
    const { structure } = this.#workspace;
    // Only the first byte can distinguish another encoding from bad UTF-8 (RFC 6120 §11.6).
    if (this.#declarationAllowed && this.#streamBase === 0 && this.#carriedLength < 2)
      this.#refuseOtherEncodings(chunk, from);

    const count = structure.index(chunk, from, to, this.#utf8State);
    const { invalidAt } = structure;
    this.#utf8State = structure.utf8State;
    const sliceEnd = invalidAt < 0 ? to : from + invalidAt;

    const carriedBefore = this.#carriedLength;
    if (carriedBefore === 0) {
      this.#buffer = chunk;
      this.#base = from;
    } else {
      this.#carry(chunk, from, to);
      this.#buffer = this.#carried;
    }
    // Adding `shift` to a position in the slice gives its position in #buffer.
    const shift = carriedBefore === 0 ? from : carriedBefore;

    const { positions } = structure;
    let next = carriedBefore === 0 ? from : shift; // first byte in #buffer not yet seen between stanzas
    for (let i = 0; i < count; i += 1) {
      const at = positions[i]! + shift;
      const current = this.#mode;
      if (current === mode.between || current === mode.prolog || current === mode.ended) {
        this.#passWhitespace(next, at);
        const byte = this.#buffer[at]!;
        if (byte !== LT) {
          if (isWhitespace(byte)) {
            this.#passWhitespace(at, at + 1);
            next = at + 1;
            continue;
          }
          this.#refuseBetween(at);
        }
        this.#beginMarkup(at);
        i = this.#readPlain(i, count, to - from);
        if (this.#mode === mode.open) {
          this.#scratch = this.#workspace.takeScratch();
          continue;
        }
      } else this.#step(at - this.#base);
      if (this.#mode === mode.between || this.#mode === mode.prolog || this.#mode === mode.ended) {
        next = positions[i]! + shift + 1;
        if (this.#halted) {
          // The rest of the slice will be read again. An element ends between characters, so the state is 0.
          this.#utf8State = 0;
          this.#letGo();
          return next - shift;
        }
      }
    }

    // The bytes after the last structural one.
    const end = sliceEnd - from + shift;
    if (this.#mode === mode.between || this.#mode === mode.prolog || this.#mode === mode.ended) {
      this.#passWhitespace(next, end);
      if (invalidAt >= 0) this.#fail('not-well-formed', 'ERR_XML_UTF8', end - this.#base);
      this.#streamBase += to - from + shift - this.#base;
      this.#letGo();
      return to - from;
    }
    const relativeEnd = end - this.#base;
    this.#resolveOpening(relativeEnd);
    this.#checkLimit(relativeEnd - 1);
    if (invalidAt >= 0) this.#fail('not-well-formed', 'ERR_XML_UTF8', relativeEnd);
    this.#keepUnfinished(to - from + shift);
    return to - from;
  }

  /** Appends the slice to the carried bytes, growing geometrically. */
  #carry(chunk: Buffer, from: number, to: number): void {
    const needed = this.#carriedLength + to - from;
    if (needed > this.#carried.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(4_096, 2 ** Math.ceil(Math.log2(needed))));
      grown.set(this.#carried.subarray(0, this.#carriedLength));
      this.#carried = grown;
    }
    if (to - from < 16)
      for (let i = from; i < to; i += 1) this.#carried[this.#carriedLength + i - from] = chunk[i]!;
    else this.#carried.set(chunk.subarray(from, to), this.#carriedLength);
    this.#carriedLength = needed;
  }

  /** Keeps `[#base, end)` of the buffer for the next chunk. A socket may still send slices of a buffer that held
   *  whole stanzas, so such a buffer is never written again. */
  #keepUnfinished(end: number): void {
    if (this.#buffer === this.#carried && this.#base === 0) return;
    const unfinished = this.#buffer.subarray(this.#base, end);
    this.#carried = noBytes;
    this.#carriedLength = 0;
    this.#base = 0;
    this.#carry(unfinished, 0, unfinished.length);
  }

  /** Releases the buffer: between stanzas nothing is held. */
  #letGo(): void {
    this.#carried = noBytes;
    this.#carriedLength = 0;
    this.#buffer = noBytes;
    this.#base = 0;
  }

  // ---- between stanzas ----------------------------------------------------------------------------------------

  /** Checks that `[from, to)` of the buffer is white space, within its limit.
   *  @throws StreamError */
  #passWhitespace(from: number, to: number): void {
    if (from >= to) return;
    const { whitespaceBytesMax } = this.limits;
    // Of a wrong byte and the limit, the one earlier on the wire is the error.
    const allowed = from + whitespaceBytesMax - this.#whitespaceRun;
    for (let i = from; i < to; i += 1) {
      if (!isWhitespace(this.#buffer[i]!)) this.#refuseBetween(i);
      if (i >= allowed)
        this.#fail('policy-violation', 'ERR_WHITESPACE_RUN', i - this.#base, { whitespaceBytesMax });
    }
    this.#whitespaceRun += to - from;
    this.#declarationAllowed = false;
    if (this.#mode === mode.between) this.sink.whitespace(to - from);
  }

  #refuseBetween(at: number): never {
    const byte = this.#buffer[at]!;
    const legal =
      byte >= 0x20 &&
      byte !== 0xff &&
      byte !== 0xfe &&
      byte !== 0xc0 &&
      byte !== 0xc1 &&
      !(byte >= 0x80 && byte < 0xc2) &&
      byte < 0xf5;
    if (!legal)
      this.#fail(
        'not-well-formed',
        byte < 0x20 ? 'ERR_XML_NOT_WELL_FORMED' : 'ERR_XML_UTF8',
        at - this.#base,
      );
    if (this.#mode === mode.between) this.#fail('bad-format', 'ERR_STREAM_TEXT', at - this.#base);
    this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', at - this.#base);
  }

  /** Handles `<` at `at` in the buffer, outside of stanzas.
   *  @throws StreamError */
  #beginMarkup(at: number): void {
    if (this.#mode === mode.ended) this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', at - this.#base);
    this.#streamBase += at - this.#base;
    this.#base = at;
    this.#whitespaceRun = 0;
    this.#tapeLength = 0;
    this.#depth = 0;
    this.#elementCount = 0;
    this.#bindingCount = 0;
    this.#defaultNamespace = this.#headerDefaultNamespace;
    this.#verbatim = true;
    this.#outside = this.#mode;
    this.#tagStart = 0;
    this.#mode = mode.open;
  }

  /** Reads and delivers a stanza that has just begun, if all of it is here in the usual form (structure/plain.ts).
   *  @returns the index of its last structural position; `first` when it was not read */
  #readPlain(first: number, count: number, byteLength: number): number {
    const { plain, positions } = this.#workspace.structure;
    if (plain === undefined || this.#outside !== mode.between) return first;
    const last = plain.read({
      first,
      count,
      byteLength,
      names: this.names,
      limits: this.limits,
      contentNamespace: this.#headerDefaultNamespace,
    });
    if (last === notPlain) return first;
    this.#tapeLength = plain.tapeLength;
    this.#stanza.normalForm = plain;
    this.#deliver(plain.tape, positions[last]! - positions[first]! + 1);
    return last;
  }

  #refuseOtherEncodings(chunk: Uint8Array, from: number): void {
    const at = this.#carriedLength;
    const byte = chunk[from]!;
    const second = at === 0 ? chunk[from + 1] : byte;
    const other = at === 0 ? byte === 0xff || byte === 0xfe || byte === 0x00 : false;
    const wide = (at === 0 ? byte === LT : this.#carried[0] === LT) && second === 0x00;
    if (other || wide) this.#fail('unsupported-encoding', 'ERR_XML_ENCODING', 0);
  }

  // ---- one structural byte inside markup or text ----------------------------------------------------------------

  #step(at: number): void {
    this.#resolveOpening(at + 1);
    this.#checkLimit(at);
    const byte = this.#buffer[this.#base + at]!;
    switch (this.#mode) {
      case mode.text:
        return this.#stepText(at, byte);
      case mode.tag:
        return this.#stepTag(at, byte);
      case mode.cdata:
        return this.#stepCdata(at, byte);
      case mode.declaration:
        return this.#stepDeclaration(at, byte);
      default:
        // After `<!` or `<?` only bytes that are not structural can follow, so this one is wrong.
        return this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', at);
    }
  }

  #checkLimit(at: number): void {
    const { stanzaBytesMax, tagBytesMax } = this.limits;
    const inTag = this.#mode === mode.tag || this.#mode === mode.open;
    const tagLimit = inTag ? this.#tagStart + tagBytesMax : Number.MAX_SAFE_INTEGER;
    if (at < stanzaBytesMax && at < tagLimit) return;
    if (tagLimit < stanzaBytesMax)
      this.#fail('policy-violation', 'ERR_TAG_TOO_LARGE', tagLimit, { tagBytesMax });
    this.#fail('policy-violation', 'ERR_STANZA_TOO_LARGE', stanzaBytesMax, { stanzaBytesMax });
  }

  #stepText(at: number, byte: number): void {
    if (byte === LT) {
      this.#endText(at);
      this.#tagStart = at;
      this.#mode = mode.open;
    } else if (byte === AMP || byte === CR) {
      this.#textFlags |= needsDecoding;
      // Some parsers do not normalise line ends (XML 1.0 §2.11).
      if (byte === CR) this.#verbatim = false;
    } else if (byte === GT) {
      const open = this.#base + at - 2;
      const sectionEnd =
        at - 2 >= this.#textStart &&
        this.#buffer[open] === RIGHT_BRACKET &&
        this.#buffer[open + 1] === RIGHT_BRACKET;
      if (sectionEnd) this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', at);
    } else if (byte < 0x20 && !isWhitespace(byte)) {
      this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', at);
    }
  }

  #endText(at: number): void {
    if (at > this.#textStart) {
      if ((this.#textFlags & needsDecoding) !== 0) this.#checkReferences(this.#textStart, at);
      this.#writeText(this.#textStart, at, this.#textFlags);
    }
  }

  #stepCdata(at: number, byte: number): void {
    if (byte === GT) {
      const open = this.#base + at - 2;
      if (
        at - 2 < this.#textStart ||
        this.#buffer[open] !== RIGHT_BRACKET ||
        this.#buffer[open + 1] !== RIGHT_BRACKET
      )
        return;
      if (at - 2 > this.#textStart) this.#writeText(this.#textStart, at - 2, this.#textFlags);
      this.#beginText(at + 1);
    } else if (byte === CR) {
      this.#textFlags |= needsDecoding;
    } else if (byte < 0x20 && !isWhitespace(byte)) {
      this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', at);
    }
  }

  #stepDeclaration(at: number, byte: number): void {
    if (at >= declarationBytesMax)
      this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', declarationBytesMax);
    if (byte === LT || byte === AMP) this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', at);
    if (byte !== GT) return;
    const result = parseDeclaration(this.#buffer, this.#base, this.#base + at + 1);
    if (result === 'unsupported-encoding') this.#fail('unsupported-encoding', 'ERR_XML_ENCODING', 0);
    if (result === 'not-well-formed') this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', 0);
    this.#declarationAllowed = false;
    this.#declarationSeen = true;
    this.#leaveMarkup(mode.prolog, at + 1);
  }

  /** Decides what a `<` begins once its bytes have come.
   *  @param seen bytes of the stanza that count: those after its size limit must not, or the error would depend on
   *  how the bytes were split */
  #resolveOpening(seen: number): void {
    if (this.#mode !== mode.open && this.#mode !== mode.bang && this.#mode !== mode.instruction) return;
    const available = Math.min(seen, this.limits.stanzaBytesMax);
    if (this.#mode === mode.open && available > this.#tagStart + 1) {
      const second = this.#byte(this.#tagStart + 1);
      this.#mode = second === BANG ? mode.bang : second === QUESTION ? mode.instruction : mode.tag;
      this.#segmentStart = this.#tagStart + 1;
      this.#tagElement = -1;
      this.#attributeCount = 0;
      this.#quote = 0;
    }
    if (this.#mode === mode.bang) this.#resolveBang(available);
    else if (this.#mode === mode.instruction) this.#resolveInstruction(available);
  }

  #resolveBang(available: number): void {
    const at = this.#tagStart + 2;
    if (available <= at) return;
    const third = this.#byte(at);
    if (third === 0x2d) {
      if (available <= at + 1) return;
      if (this.#byte(at + 1) === 0x2d) this.#fail('restricted-xml', 'ERR_XML_RESTRICTED', this.#tagStart);
      this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', at + 1);
    }
    const wanted = third === 0x5b ? cdataOpening : doctype;
    const length = Math.min(available - at, wanted.length);
    for (let i = 0; i < length; i += 1) {
      if (this.#byte(at + i) !== wanted.charCodeAt(i))
        this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', at + i);
    }
    if (length < wanted.length) return;
    if (wanted === doctype) this.#fail('restricted-xml', 'ERR_XML_RESTRICTED', this.#tagStart);
    if (this.#depth === 0) {
      if (this.#outside === mode.between) this.#fail('bad-format', 'ERR_STREAM_TEXT', this.#tagStart);
      this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', this.#tagStart);
    }
    // Some parsers lose the text after a section.
    this.#verbatim = false;
    this.#mode = mode.cdata;
    this.#textStart = at + cdataOpening.length;
    this.#textFlags = cdata;
  }

  /** Decides about `<?`: `<?xml` is a declaration where one is allowed, and not well-formed elsewhere (the name is
   *  reserved). Any other processing instruction is refused (RFC 6120 §11.1).
   *  @throws StreamError */
  #resolveInstruction(available: number): void {
    const at = this.#tagStart + 2;
    const length = Math.min(available - at, 3);
    for (let i = 0; i < length; i += 1) {
      if ((this.#byte(at + i) | 0x20) !== 'xml'.charCodeAt(i))
        this.#fail('restricted-xml', 'ERR_XML_RESTRICTED', this.#tagStart);
    }
    if (length < 3 || available <= at + 3) return;
    const after = this.#byte(at + 3);
    if (after >= 0x80 || (this.#workspace.nameClasses[after]! & nameChar) !== 0 || after === COLON)
      this.#fail('restricted-xml', 'ERR_XML_RESTRICTED', this.#tagStart);
    if (!this.#declarationAllowed || this.#outside !== mode.prolog || this.#depth !== 0)
      this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', this.#tagStart);
    this.#mode = mode.declaration;
  }

  // ---- tags -----------------------------------------------------------------------------------------------------

  #stepTag(at: number, byte: number): void {
    if (this.#quote !== 0) {
      if (byte === this.#quote) this.#endAttribute(at);
      else if (byte === AMP) this.#valueFlags = needsDecoding;
      else if (isWhitespace(byte)) {
        this.#valueFlags = needsDecoding;
        // Some parsers do not normalise white space in values (XML 1.0 §3.3.3).
        this.#verbatim = false;
      } else if (byte === LT || byte < 0x20) this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', at);
      return;
    }
    if (byte === GT) {
      if (this.#byte(this.#tagStart + 1) === SLASH) this.#endTag(at);
      else this.#startTag(at);
    } else if (byte === QUOT || byte === APOS) {
      this.#beginAttribute(at);
      this.#quote = byte;
      this.#valueStart = at + 1;
      this.#valueFlags = 0;
    } else if (!isWhitespace(byte)) {
      this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', at);
    }
  }

  /** Reads the bytes before an attribute's opening quote: `S Name S? = S?`, after the element name at first. */
  #beginAttribute(quoteAt: number): void {
    let at = this.#segmentStart;
    if (this.#tagElement === -1) {
      if (this.#byte(at) === SLASH) this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', quoteAt);
      at = this.#beginElement(at, quoteAt);
    }
    const nameAt = this.#skipWhitespace(at, quoteAt);
    if (nameAt === at) this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', at);
    this.#readName(nameAt, quoteAt);
    const nameEnd = this.#nameEnd;
    const equals = this.#skipWhitespace(nameEnd, quoteAt);
    if (equals >= quoteAt || this.#byte(equals) !== EQUALS)
      this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', equals);
    if (this.#skipWhitespace(equals + 1, quoteAt) !== quoteAt)
      this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', equals + 1);

    this.#attributeCount += 1;
    if (this.#attributeCount > this.limits.attributesMax) {
      const { attributesMax } = this.limits;
      this.#fail('policy-violation', 'ERR_ATTRIBUTE_COUNT', nameAt, { attributesMax });
    }
    const record = this.#append(recordKind.attribute);
    const { tape } = this.#scratch!;
    tape[record + attribute.nameStart] = nameAt;
    tape[record + attribute.nameEnd] = nameEnd;
    tape[record + attribute.localStart] = this.#localStart;
    tape[record + attribute.local] = this.#findLocal(this.#localStart, nameEnd);
    tape[record + attribute.namespace] = 0;
    this.#workspace.attributeHashes[this.#attributeCount - 1] = this.#localHash;
  }

  #endAttribute(at: number): void {
    const { tape } = this.#scratch!;
    const record = this.#tapeLength - recordSize[recordKind.attribute]!;
    if (this.#valueFlags !== 0) this.#checkReferences(this.#valueStart, at);
    tape[record + attribute.valueStart] = this.#valueStart;
    tape[record + attribute.valueEnd] = at | this.#valueFlags;
    this.#quote = 0;
    this.#segmentStart = at + 1;
    this.#noteDeclaration(record);
  }

  /** Binds the prefix of an `xmlns` or `xmlns:prefix` attribute (Namespaces 1.0 §3). */
  #noteDeclaration(record: number): void {
    const { tape, bindings } = this.#scratch!;
    const nameStart = tape[record + attribute.nameStart]!;
    const localStart = tape[record + attribute.localStart]!;
    const nameEnd = tape[record + attribute.nameEnd]!;
    const prefixed = localStart > nameStart;
    const isDefault = !prefixed && nameEnd - nameStart === 5 && this.#equals(nameStart, nameEnd, 'xmlns');
    if (
      !isDefault &&
      !(prefixed && localStart - nameStart === 6 && this.#equals(nameStart, localStart - 1, 'xmlns'))
    )
      return;
    tape[record + attribute.namespace] = namespaceDeclaration;
    tape[record + attribute.local] = 0;
    const id = this.#internNamespace(record);
    const prefixStart = isDefault ? 0 : localStart;
    const prefixEnd = isDefault ? 0 : nameEnd;
    this.#checkBinding(id, prefixStart, prefixEnd, nameStart);
    if (this.#bindingCount >= this.limits.namespacesMax) {
      const { namespacesMax } = this.limits;
      this.#fail('policy-violation', 'ERR_NAMESPACE_COUNT', nameStart, { namespacesMax });
    }
    const binding = this.#bindingCount * bindingStride;
    bindings[binding] = prefixStart;
    bindings[binding + 1] = prefixEnd;
    bindings[binding + 2] = id;
    bindings[binding + 3] = record;
    this.#bindingCount += 1;
    if (isDefault) this.#defaultNamespace = id;
  }

  /** Checks the reserved prefixes and names (Namespaces 1.0 §3).
   *  @throws StreamError */
  #checkBinding(id: number, prefixStart: number, prefixEnd: number, at: number): void {
    const isDefault = prefixStart === prefixEnd;
    const isXml = !isDefault && this.#equals(prefixStart, prefixEnd, 'xml');
    const illegal =
      (id === this.#xmlId) !== isXml ||
      id === this.#xmlnsId ||
      (!isDefault && (id === 0 || this.#equals(prefixStart, prefixEnd, 'xmlns')));
    if (illegal) this.#fail('not-well-formed', 'ERR_XML_NAMESPACE', at);
  }

  /** Returns the id of a declared namespace name: > 0 in the vocabulary, 0 for the empty one, negative for others.
   *  Two declarations in scope of the same unknown name share an id, so that ids compare as names do. */
  #internNamespace(record: number): number {
    const { tape, bindings, decodedNames } = this.#scratch!;
    const start = tape[record + attribute.valueStart]!;
    const valueEnd = tape[record + attribute.valueEnd]!;
    const end = valueEnd & ~needsDecoding;
    decodedNames[this.#bindingCount] = undefined;
    if (start === end) return 0;
    if (valueEnd !== end) return this.#internDecodedNamespace(record, start, end);
    let hash = hashSeed;
    for (let i = this.#base + start; i < this.#base + end; i += 1) hash = hashStep(hash, this.#buffer[i]!);
    const known = this.names.namespaces.find(this.#buffer, this.#base + start, this.#base + end, hash);
    if (known !== 0) return known;
    let written: string | undefined;
    if (!this.#isNameOnly(start, end) && !isUriReference((written = this.#string(start, end))))
      this.#noteAmbiguous(start);
    for (let binding = 0; binding < this.#bindingCount; binding += 1) {
      const id = bindings[binding * bindingStride + 2]!;
      if (id >= 0 || id <= headerNamespaceBase) continue;
      const other = -id;
      const decoded = decodedNames[binding];
      if (decoded !== undefined) {
        if (decoded === (written ??= this.#string(start, end))) return id;
        continue;
      }
      if (tape[other + attribute.valueEnd]! - tape[other + attribute.valueStart]! !== end - start) continue;
      if (this.#sameBytes(start, tape[other + attribute.valueStart]!, end - start)) return id;
    }
    if (this.#headerUnknown.length > 0) {
      const index = this.#headerUnknown.indexOf(this.#string(start, end));
      if (index >= 0) return headerNamespaceBase - index;
    }
    return -record;
  }

  /** Returns whether a namespace name has only ASCII letters, digits, `.`, `-` and `_`: it then needs no check as a
   *  URI. */
  #isNameOnly(start: number, end: number): boolean {
    const { nameClasses } = this.#workspace;
    for (let i = this.#base + start; i < this.#base + end; i += 1) {
      const byte = this.#buffer[i]!;
      if (byte >= 0x80 || (nameClasses[byte]! & nameChar) === 0) return false;
    }
    return true;
  }

  /** Like `#internNamespace`, for a rare value with references or white space: compares strings. Names in scope are
   *  decoded once, and only when they are as long, so that the cost stays linear. */
  #internDecodedNamespace(record: number, start: number, end: number): number {
    const { tape, bindings, decodedNames } = this.#scratch!;
    const name = decodeReferences(this.#string(start, end), 'attribute');
    const known = this.names.namespace(name);
    if (known !== 0 || name === '') return known;
    if (!isUriReference(name)) this.#noteAmbiguous(start);
    decodedNames[this.#bindingCount] = name;
    const byteLength = Buffer.byteLength(name);
    for (let binding = 0; binding < this.#bindingCount; binding += 1) {
      const id = bindings[binding * bindingStride + 2]!;
      if (id >= 0 || id <= headerNamespaceBase) continue;
      const decoded = decodedNames[binding];
      const otherStart = tape[-id + attribute.valueStart]!;
      const otherEnd = tape[-id + attribute.valueEnd]! & ~needsDecoding;
      if (decoded === undefined && otherEnd - otherStart !== byteLength) continue;
      if (name === (decoded ?? this.#string(otherStart, otherEnd))) return id;
    }
    const index = this.#headerUnknown.indexOf(name);
    return index >= 0 ? headerNamespaceBase - index : -record;
  }

  /** Reads the element name at `at`, and opens its record.
   *  @returns the position after the name
   *  @throws StreamError */
  #beginElement(at: number, limit: number): number {
    this.#readName(at, limit);
    const nameEnd = this.#nameEnd;
    const record = this.#append(recordKind.element);
    const { tape, open } = this.#scratch!;
    tape[record + element.tagStart] = this.#tagStart;
    tape[record + element.nameEnd] = nameEnd;
    tape[record + element.localStart] = this.#localStart;
    tape[record + element.local] = this.#findLocal(this.#localStart, nameEnd);
    tape[record + element.parent] = this.#depth === 0 ? -1 : open[(this.#depth - 1) * openStride]!;
    this.#tagElement = record;
    const frame = this.#depth * openStride;
    if (this.#depth >= this.limits.depthMax) {
      const { depthMax } = this.limits;
      this.#fail('policy-violation', 'ERR_DEPTH', this.#tagStart, { depthMax });
    }
    this.#elementCount += 1;
    if (this.#elementCount > this.limits.elementsMax) {
      const { elementsMax } = this.limits;
      this.#fail('policy-violation', 'ERR_ELEMENT_COUNT', this.#tagStart, { elementsMax });
    }
    open[frame] = record;
    open[frame + 1] = this.#bindingCount;
    open[frame + 2] = this.#defaultNamespace;
    return nameEnd;
  }

  #startTag(at: number): void {
    let from = this.#segmentStart;
    if (this.#tagElement === -1) from = this.#beginElement(from, at);
    from = this.#skipWhitespace(from, at);
    const empty = from === at - 1 && this.#byte(from) === SLASH;
    if (!empty && from !== at) this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', from);

    const { tape } = this.#scratch!;
    const record = this.#tagElement;
    const nameStart = this.#tagStart + 1;
    const localStart = tape[record + element.localStart]!;
    tape[record + element.tagEnd] = at + 1;
    tape[record + element.attributes] = this.#attributeCount;
    tape[record + element.flags] = empty ? elementFlag.empty : 0;
    tape[record + element.depth] = this.#depth + 1;
    const namespace =
      localStart === nameStart ? this.#defaultNamespace : this.#resolvePrefix(nameStart, localStart - 1);
    tape[record + element.namespace] = namespace;
    if (namespace === undeclaredNamespace)
      this.#fail('invalid-namespace', 'ERR_WEBSOCKET_NAMESPACE', this.#tagStart);
    if (this.#attributeCount > 0) this.#resolveAttributes(record);
    if (
      (namespace === this.#streamsNamespace && this.#depth > 0) ||
      (namespace === this.#xmlId && namespace !== 0)
    )
      this.#noteAmbiguous(this.#tagStart);

    if (this.#depth === 0 && this.#outside === mode.prolog) return this.#readHeader(at, empty);
    if (
      this.#depth === 0 &&
      namespace === this.#streamsNamespace &&
      this.#equals(localStart, tape[record + element.nameEnd]!, 'stream')
    )
      this.#fail('bad-format', 'ERR_STREAM_HEADER', this.#tagStart);
    this.#depth += 1;
    if (empty) this.#closeElement(at + 1, at + 1);
    else this.#beginText(at + 1);
  }

  #resolveAttributes(elementRecord: number): void {
    const { tape } = this.#scratch!;
    const size = recordSize[recordKind.attribute]!;
    const first = elementRecord + recordSize[recordKind.element]!;
    for (let record = first; record < this.#tapeLength; record += size) {
      const nameStart = tape[record + attribute.nameStart]!;
      const localStart = tape[record + attribute.localStart]!;
      if (localStart === nameStart || tape[record + attribute.namespace] === namespaceDeclaration) continue;
      const namespace = this.#resolvePrefix(nameStart, localStart - 1);
      tape[record + attribute.namespace] = namespace;
      // A frame of a WebSocket would lack the declaration, which is looked for in the name of the stanza only.
      if (namespace === this.#streamsNamespace) this.#verbatim = false;
      if (namespace === this.#xmlId && this.#equals(localStart, tape[record + attribute.nameEnd]!, 'id'))
        this.#noteAmbiguous(nameStart);
    }
    if (this.#attributeCount > 1) this.#refuseDuplicates(first);
  }

  /** Refuses attributes of equal expanded name (XML 1.0 §3.1, Namespaces 1.0 §6.3). Few are compared pairwise, many
   *  through a hash table, so that the cost stays linear.
   *  @throws StreamError */
  #refuseDuplicates(first: number): void {
    const { tape } = this.#scratch!;
    const size = recordSize[recordKind.attribute]!;
    const { attributeHashes, attributeTable } = this.#workspace;
    if (this.#attributeCount <= 6) {
      for (let i = 1; i < this.#attributeCount; i += 1) {
        for (let j = 0; j < i; j += 1) this.#refuseDuplicate(first + i * size, first + j * size);
      }
      return;
    }
    // At most half full, and no larger than this tag needs: clearing it has a cost.
    const mask = (1 << (33 - Math.clz32(this.#attributeCount))) - 1;
    attributeTable.fill(-1, 0, mask + 1);
    for (let i = 0; i < this.#attributeCount; i += 1) {
      const record = first + i * size;
      let slot = hashStep(attributeHashes[i]!, tape[record + attribute.namespace]!) & mask;
      while (attributeTable[slot] !== -1) {
        this.#refuseDuplicate(record, attributeTable[slot]!);
        slot = (slot + 1) & mask;
      }
      attributeTable[slot] = record;
    }
  }

  #refuseDuplicate(a: number, b: number): void {
    const { tape } = this.#scratch!;
    if (tape[a + attribute.namespace] !== tape[b + attribute.namespace]) return;
    if (tape[a + attribute.local] !== tape[b + attribute.local]) return;
    const start = tape[a + attribute.localStart]!;
    const length = tape[a + attribute.nameEnd]! - start;
    const otherStart = tape[b + attribute.localStart]!;
    if (length !== tape[b + attribute.nameEnd]! - otherStart) return;
    if (!this.#sameBytes(start, otherStart, length)) return;
    this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', tape[a + attribute.nameStart]!);
  }

  #endTag(at: number): void {
    const nameStart = this.#tagStart + 2;
    if (this.#depth === 0) return this.#closeStream(nameStart, at);
    const { tape, open } = this.#scratch!;
    const record = open[(this.#depth - 1) * openStride]!;
    const openStart = tape[record + element.tagStart]! + 1;
    const length = tape[record + element.nameEnd]! - openStart;
    if (nameStart + length > at || !this.#sameBytes(nameStart, openStart, length))
      this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', nameStart);
    const from = this.#skipWhitespace(nameStart + length, at);
    if (from !== at) this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', from);
    this.#closeElement(this.#tagStart, at + 1);
  }

  /** Writes the end record of the innermost open element, whose end tag is `[tagStart, tagEnd)`. */
  #closeElement(tagStart: number, tagEnd: number): void {
    const record = this.#append(recordKind.end);
    const { tape, open } = this.#scratch!;
    this.#depth -= 1;
    const frame = this.#depth * openStride;
    const opened = open[frame]!;
    tape[record + endRecord.tagStart] = tagStart;
    tape[record + endRecord.tagEnd] = tagEnd;
    tape[record + endRecord.element] = opened;
    tape[opened + element.end] = record;
    this.#bindingCount = open[frame + 1]!;
    this.#defaultNamespace = open[frame + 2]!;
    if (this.#depth > 0) this.#beginText(tagEnd);
    else this.#deliver(tape, tagEnd);
  }

  #deliver(tape: Int32Array, stanzaEnd: number): void {
    const stanza = this.#stanza;
    stanza.bytes = this.#buffer;
    stanza.start = this.#base;
    stanza.end = this.#base + stanzaEnd;
    stanza.tape = tape;
    stanza.tapeLength = this.#tapeLength;
    stanza.verbatim = this.#verbatim;
    this.sink.stanza(stanza);
    stanza.bytes = noBytes;
    stanza.normalForm = undefined;
    this.#leaveMarkup(mode.between, stanzaEnd);
  }

  /** Leaves a top-level construct that ended before `at`, and keeps nothing of it. */
  #leaveMarkup(next: number, at: number): void {
    this.#releaseScratch();
    this.#streamBase += at;
    this.#base += at;
    this.#mode = next;
    if (this.#restarted) this.#beginStream();
  }

  #releaseScratch(): void {
    if (this.#scratch !== undefined) this.#workspace.returnScratch(this.#scratch);
    this.#scratch = undefined;
  }

  // ---- header and end of the stream -------------------------------------------------------------------------------

  #readHeader(at: number, empty: boolean): void {
    const { tape } = this.#scratch!;
    if (tape[element.namespace] !== this.#streamsNamespace)
      this.#fail('invalid-namespace', 'ERR_STREAM_HEADER', this.#tagStart);
    const localStart = tape[element.localStart]!;
    const nameEnd = tape[element.nameEnd]!;
    if (!this.#equals(localStart, nameEnd, 'stream'))
      this.#fail('bad-format', 'ERR_STREAM_HEADER', this.#tagStart);
    // A copy: a view would keep the whole chunk in memory as long as the stream.
    this.#rootName = ownCopy(this.#buffer.subarray(this.#base + 1, this.#base + nameEnd));
    const prefix = localStart === 1 ? '' : this.#string(1, localStart - 1);
    const header = this.#collectHeader(prefix);
    this.#headerDefaultNamespace =
      this.#defaultNamespace < 0
        ? this.#headerUnknownId(header.scope.contentNamespace)
        : this.#defaultNamespace;
    this.#stanza = new Stanza(this.names, header.scope, this.#stanza.protocol);
    this.sink.header(header);
    this.#leaveMarkup(mode.between, at + 1);
    if (empty && this.#mode === mode.between) this.#endStream();
  }

  #headerUnknownId(name: string): number {
    return headerNamespaceBase - this.#headerUnknown.indexOf(name);
  }

  #collectHeader(prefix: string): StreamHeader {
    const { tape } = this.#scratch!;
    const view = this.#stanza;
    view.bytes = this.#buffer;
    view.start = this.#base;
    view.tape = tape;
    view.tapeLength = this.#tapeLength;
    view.names = this.names;
    const attributes = new Map<string, string>();
    const declarations = new Map<string, string>();
    const size = recordSize[recordKind.attribute]!;
    for (let record = recordSize[recordKind.element]!; record < this.#tapeLength; record += size) {
      const name = view.qualifiedName(record);
      if (tape[record + attribute.namespace] !== namespaceDeclaration)
        attributes.set(name, view.value(record));
      else declarations.set(name === 'xmlns' ? '' : name.slice('xmlns:'.length), view.value(record));
    }
    view.bytes = noBytes;
    const unknown = [...new Set(declarations.values())].filter(
      (name) => name !== '' && this.names.namespace(name) === 0,
    );
    this.#headerUnknown = unknown;
    const encoder = new TextEncoder();
    this.#headerBindings = [...declarations]
      .filter(([declared]) => declared !== '')
      .map(([declared, name]) => ({
        prefix: encoder.encode(declared),
        id: this.names.namespace(name) || headerNamespaceBase - unknown.indexOf(name),
        forwarded: this.#stanza.protocol.declarations.get(declared) === name,
      }));
    const scope: StreamScope = {
      contentNamespace: declarations.get('') ?? '',
      declarations,
      unknownNamespaces: unknown,
      lang: attributes.get('xml:lang') ?? '',
    };
    return { declaration: this.#declarationSeen, attributes, prefix, scope };
  }

  #closeStream(nameStart: number, at: number): void {
    if (this.#outside !== mode.between || this.#rootName.length === 0)
      this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', this.#tagStart);
    const nameEnd = nameStart + this.#rootName.length;
    let same = nameEnd <= at;
    for (let i = 0; same && i < this.#rootName.length; i += 1)
      same = this.#byte(nameStart + i) === this.#rootName[i];
    if (!same || this.#skipWhitespace(nameEnd, at) !== at)
      this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', nameStart);
    this.#leaveMarkup(mode.between, at + 1);
    this.#endStream();
  }

  #endStream(): void {
    this.#mode = mode.ended;
    this.sink.end();
  }

  #beginStream(): void {
    this.#restarted = false;
    this.#mode = mode.prolog;
    this.#declarationAllowed = true;
    this.#declarationSeen = false;
    this.#whitespaceRun = 0;
    this.#headerDefaultNamespace = 0;
    this.#headerBindings = [];
    this.#headerUnknown = [];
    this.#stanza = new Stanza(this.names, emptyScope, this.#stanza.protocol);
    this.#streamsNamespace = this.names.namespace(ns.streams);
    this.#xmlId = this.names.namespace(ns.xml);
    this.#xmlnsId = this.names.namespace(ns.xmlns);
  }

  // ---- names, namespaces, references --------------------------------------------------------------------------------

  /** Reads a qualified name at `at`, which ends before `limit` (Namespaces 1.0 §4). Sets #nameEnd, #localStart and
   *  #localHash. */
  #readName(at: number, limit: number): void {
    const { nameClasses } = this.#workspace;
    const buffer = this.#buffer;
    const stop = this.#base + limit;
    let i = this.#base + at;
    let wanted = nameStart;
    let hash = hashSeed;
    let localStart = at;
    while (i < stop) {
      const byte = buffer[i]!;
      if (byte < 0x80) {
        if ((nameClasses[byte]! & wanted) === 0) {
          if (byte !== COLON || wanted === nameStart || localStart !== at) break;
          localStart = i + 1 - this.#base;
          wanted = nameStart;
          hash = hashSeed;
          i += 1;
          continue;
        }
        hash = hashStep(hash, byte);
        i += 1;
      } else {
        const length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
        if (length === 4 || (nameClasses[this.#codePoint(i, length)]! & wanted) === 0) break;
        for (let k = 0; k < length; k += 1) hash = hashStep(hash, buffer[i + k]!);
        i += length;
      }
      wanted = nameChar;
    }
    const nameEnd = i - this.#base;
    // A name has a character before and after a colon, and no second colon.
    if (wanted === nameStart || (i < stop && buffer[i] === COLON))
      this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', nameEnd);
    if (nameEnd - at > this.limits.nameBytesMax) {
      const { nameBytesMax } = this.limits;
      this.#fail('policy-violation', 'ERR_NAME_TOO_LONG', at + nameBytesMax, { nameBytesMax });
    }
    this.#nameEnd = nameEnd;
    this.#localStart = localStart;
    this.#localHash = hash;
  }

  /** Returns the code point of two or three bytes of valid UTF-8. */
  #codePoint(i: number, length: number): number {
    const lead = this.#buffer[i]!;
    const second = this.#buffer[i + 1]! & 0x3f;
    if (length === 2) return ((lead & 0x1f) << 6) | second;
    return ((lead & 0x0f) << 12) | (second << 6) | (this.#buffer[i + 2]! & 0x3f);
  }

  #findLocal(start: number, end: number): number {
    return this.names.locals.find(this.#buffer, this.#base + start, this.#base + end, this.#localHash);
  }

  #resolvePrefix(start: number, end: number): number {
    const { bindings } = this.#scratch!;
    const length = end - start;
    for (let binding = this.#bindingCount - 1; binding >= 0; binding -= 1) {
      const at = binding * bindingStride;
      const prefixStart = bindings[at]!;
      if (bindings[at + 1]! - prefixStart === length && this.#sameBytes(start, prefixStart, length))
        return bindings[at + 2]!;
    }
    if (length === 3 && this.#equals(start, end, 'xml')) return this.#xmlId;
    for (const { prefix, id, forwarded } of this.#headerBindings) {
      if (prefix.length !== length) continue;
      let same = true;
      for (let i = 0; same && i < length; i += 1) same = prefix[i] === this.#byte(start + i);
      if (!same) continue;
      if (!forwarded) this.#verbatim = false;
      return id;
    }
    return this.#fail('not-well-formed', 'ERR_XML_NAMESPACE', start);
  }

  #checkReferences(start: number, end: number): void {
    const at = findIllegalReference(this.#buffer, this.#base + start, this.#base + end);
    if (at >= 0) this.#fail('not-well-formed', 'ERR_XML_NOT_WELL_FORMED', at - this.#base);
  }

  #noteAmbiguous(at: number): void {
    if (this.#refuseAmbiguous) this.#fail('policy-violation', 'ERR_XML_AMBIGUOUS', at);
    if (this.ambiguousAt < 0) this.ambiguousAt = this.#streamBase + at;
  }

  // ---- tape and bytes ---------------------------------------------------------------------------------------------

  #append(kind: number): number {
    const scratch = this.#scratch!;
    const at = this.#tapeLength;
    const size = recordSize[kind]!;
    if (at + size > scratch.tape.length) {
      const grown = new Int32Array(scratch.tape.length * 2);
      grown.set(scratch.tape);
      scratch.tape = grown;
    }
    scratch.tape[at] = kind;
    this.#tapeLength = at + size;
    return at;
  }

  #beginText(at: number): void {
    this.#mode = mode.text;
    this.#textStart = at;
    this.#textFlags = 0;
  }

  #writeText(start: number, end: number, flags: number): void {
    const record = this.#append(recordKind.text);
    const { tape } = this.#scratch!;
    tape[record + text.start] = start;
    tape[record + text.end] = end;
    tape[record + text.flags] = flags;
  }

  #byte(at: number): number {
    return this.#buffer[this.#base + at]!;
  }

  #string(start: number, end: number): string {
    return utf8.decode(this.#buffer.subarray(this.#base + start, this.#base + end));
  }

  #skipWhitespace(at: number, limit: number): number {
    let i = at;
    while (i < limit && isWhitespace(this.#buffer[this.#base + i]!)) i += 1;
    return i;
  }

  #sameBytes(a: number, b: number, length: number): boolean {
    const buffer = this.#buffer;
    const base = this.#base;
    for (let i = 0; i < length; i += 1) if (buffer[base + a + i] !== buffer[base + b + i]) return false;
    return true;
  }

  #equals(start: number, end: number, word: string): boolean {
    if (end - start !== word.length) return false;
    for (let i = 0; i < word.length; i += 1) if (this.#byte(start + i) !== word.charCodeAt(i)) return false;
    return true;
  }

  #fail(
    condition: StreamCondition,
    code: StreamErrorCode,
    at: number,
    limits: Record<string, number> = {},
  ): never {
    throw new StreamError(condition, { code, offset: this.#streamBase + at, ...limits });
  }
}

const noBytes = Buffer.alloc(0);

/** Returns the same bytes as a view of one class: the byte loops stay monomorphic for every caller. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
/** Keeps U+FEFF at the start of a value, where it is a character. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Returns whether a byte is white space of XML (XML 1.0 §2.3 [3]). */
function isWhitespace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x09 || byte === CR;
}
