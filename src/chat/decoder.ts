/** Decodes the binary protocol to XML: reads the node of one frame, and writes its canonical XML form (xml-form.ts).
 *  Strict and bounded: input that readers could take differently is refused, and is read once. */
import { isUtf8 } from 'node:buffer';
import { escapeAttribute, escapeText } from '../stanza/decode.ts';
import { ownBytes } from '../stanza/own-bytes.ts';
import { ByteWriter } from './byte-writer.ts';
import { doubleByteTokens, singleByteTokens } from './dictionary.ts';
import { ChatError } from './error.ts';
import { uncompressed } from './frame-payload.ts';
import type { ChatLimits } from './limits.ts';
import { deviceServers, interopServer, messengerServer, singleTokenEnd, wire } from './values.ts';
import { isXmlName, isXmlText, nameMark } from './xml-form.ts';

/** Whether an interop JID is followed by the server's name. Implementations disagree: `required` always reads it,
 *  `either` where it is present. Without it, an attribute named `interop` after such a JID would be read as the
 *  server. */
export type InteropServerReading = 'required' | 'either';

export interface DecoderOptions {
  readonly limits: ChatLimits;
  readonly interopServer: InteropServerReading;
}

/** Encoded server of an interop JID: a value with an eight-bit length. */
const interopServerValue = Buffer.from([wire.bytes8, interopServer.length, ...Buffer.from(interopServer)]);

const nibbles = '0123456789-.';
const hexDigits = '0123456789ABCDEF';

/** An attribute that XML cannot represent, until its mark is written. */
interface MarkedAttribute {
  readonly name: string;
  readonly value: string;
}

export class Decoder {
  readonly #limits: ChatLimits;
  readonly #interopServer: InteropServerReading;
  readonly #out: ByteWriter;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #nodes = 0;

  constructor({ limits, interopServer: reading }: DecoderOptions) {
    this.#limits = limits;
    this.#interopServer = reading;
    this.#out = new ByteWriter(limits.xmlBytesMax, () => new ChatError('ERR_CHAT_XML_SIZE'));
  }

  /** Returns the XML of a decrypted frame's node, valid until the next call.
   *  @throws ChatError with a WireErrorCode */
  decode(frame: Uint8Array): Buffer {
    this.#bytes = uncompressed(frame, this.#limits);
    this.#at = 0;
    this.#nodes = 0;
    this.#out.reset();
    this.#node(1);
    if (this.#at !== this.#bytes.length) throw new ChatError('ERR_CHAT_TRAILING');
    this.#bytes = Buffer.alloc(0);
    return this.#out.bytes();
  }

  // ---- nodes ------------------------------------------------------------------------------------------------------

  #node(depth: number): void {
    const { depthMax, nodesMax, attributesMax } = this.#limits;
    if (depth > depthMax) throw new ChatError('ERR_CHAT_DEPTH');
    this.#nodes += 1;
    if (this.#nodes > nodesMax) throw new ChatError('ERR_CHAT_NODE_COUNT');
    const items = this.#listSize(this.#byte());
    if (items === 0) throw new ChatError('ERR_CHAT_NODE');
    const attributes = (items - 1) >> 1;
    if (attributes > attributesMax) throw new ChatError('ERR_CHAT_ATTRIBUTE_COUNT');
    const tag = this.#name();
    if (tag === '') throw new ChatError('ERR_CHAT_NODE');
    const out = this.#out;
    const element = isXmlName(tag) ? tag : 'n:node';
    out.byte(lessThan);
    out.ascii(element);
    if (element === 'n:node') out.utf8(nameMark('tag', tag));
    const marked = attributes === 0 ? undefined : this.#attributes(attributes, element);
    this.#content(element, items % 2 === 0, marked, depth);
  }

  /** Writes the part after the attributes: content, if there is any, and the end of the element.
   *  @throws ChatError with a WireErrorCode */
  #content(
    element: string,
    present: boolean,
    marked: readonly MarkedAttribute[] | undefined,
    depth: number,
  ): void {
    const out = this.#out;
    const first = present ? this.#byte() : wire.empty;
    const list = first === wire.list8 || first === wire.list16;
    const children = list ? this.#listSize(first) : 0;
    if (first === wire.empty || (list && children === 0)) {
      if (marked === undefined) return out.ascii('/>');
      this.#openContent('', marked);
    } else if (list) {
      // A child is a list with a size and a tag: at least three bytes.
      if (children * 3 > this.#bytes.length - this.#at) throw new ChatError('ERR_CHAT_TRUNCATED');
      this.#openContent('', marked);
      for (let child = 0; child < children; child += 1) this.#node(depth + 1);
    } else if (first >= wire.bytes8 && first <= wire.bytes32) {
      const length = this.#bytesLength(first);
      const start = this.#take(length);
      if (length === 0 && marked === undefined) return out.ascii(` n:content='bytes'/>`);
      this.#openContent(length === 0 ? ` n:content='bytes'` : '', marked);
      out.base64(this.#bytes, start, start + length);
    } else this.#textContent(this.#text(first), marked);
    out.ascii('</');
    out.ascii(element);
    return out.byte(greaterThan);
  }

  #textContent(text: string, marked: readonly MarkedAttribute[] | undefined): void {
    const plain = isXmlText(text);
    this.#openContent(plain ? ` n:content='text'` : ` n:content='text-base64'`, marked);
    this.#out.utf8(plain ? escapeText(text) : ownBytes(text).toString('base64'));
  }

  /** Ends the start tag, and writes the marks, which come first in the content. */
  #openContent(attribute: string, marked: readonly MarkedAttribute[] | undefined): void {
    const out = this.#out;
    out.ascii(attribute);
    out.byte(greaterThan);
    for (const { name, value } of marked ?? []) {
      out.utf8(`<n:a${nameMark('name', name)} b64='${ownBytes(value).toString('base64')}'/>`);
    }
  }

  // ---- attributes -------------------------------------------------------------------------------------------------

  /** Writes the attributes that XML can represent, and returns the others.
   *  @throws ChatError with a WireErrorCode */
  #attributes(count: number, element: string): MarkedAttribute[] | undefined {
    // A name and a value have at least one byte each.
    if (count * 2 > this.#bytes.length - this.#at) throw new ChatError('ERR_CHAT_TRUNCATED');
    const names: string[] = [];
    let marked: MarkedAttribute[] | undefined;
    for (let index = 0; index < count; index += 1) {
      const name = this.#name();
      if (name === '') throw new ChatError('ERR_CHAT_NODE');
      if (names.includes(name)) throw new ChatError('ERR_CHAT_DUPLICATE_ATTRIBUTE');
      names.push(name);
      const first = this.#byte();
      const token = this.#token(first);
      const value = token ?? this.#text(first);
      if (!isXmlName(name) || isTaken(name, element)) (marked ??= []).push({ name, value });
      else if (token !== undefined) this.#writeAttribute(name, token);
      else if (isXmlText(value)) this.#writeAttribute(name, escapeAttribute(value));
      else (marked ??= []).push({ name, value });
    }
    return marked;
  }

  #writeAttribute(name: string, escaped: string): void {
    const out = this.#out;
    out.ascii(name === 'xmlns' ? ' n:xmlns' : ' ');
    if (name !== 'xmlns') out.ascii(name);
    out.ascii(`='`);
    out.utf8(escaped);
    out.byte(quote);
  }

  // ---- values -----------------------------------------------------------------------------------------------------

  /** Reads a tag or an attribute's name. */
  #name(): string {
    const first = this.#byte();
    const name = this.#token(first) ?? this.#text(first, this.#limits.nameBytesMax, 'ERR_CHAT_NAME_SIZE');
    return name;
  }

  /** Returns the dictionary's string; undefined when the value is none of it. */
  #token(first: number): string | undefined {
    if (first >= 1 && first <= singleTokenEnd) return singleByteTokens[first - 1]!;
    if (first >= wire.page0 && first < wire.page0 + doubleByteTokens.length)
      return doubleByteTokens[first - wire.page0]![this.#byte()]!;
    return undefined;
  }

  /** Reads a value as text: packed, bytes in UTF-8, a JID, or nothing.
   *  @throws ChatError with a WireErrorCode */
  #text(
    first: number,
    bytesMax = this.#limits.valueBytesMax,
    tooLong: 'ERR_CHAT_NAME_SIZE' | 'ERR_CHAT_VALUE_SIZE' = 'ERR_CHAT_VALUE_SIZE',
  ): string {
    switch (first) {
      case wire.empty:
        return '';
      case wire.nibble:
        return this.#packed(nibbles);
      case wire.hex:
        return this.#packed(hexDigits);
      case wire.bytes8:
      case wire.bytes20:
      case wire.bytes32: {
        const length = this.#bytesLength(first);
        if (length > bytesMax) throw new ChatError(tooLong);
        return this.#utf8(this.#take(length), length);
      }
      case wire.jidPair:
      case wire.deviceJid:
      case wire.messengerJid:
      case wire.interopJid:
        return this.#jid(first);
      default:
        return this.#token(first) ?? refuse('ERR_CHAT_VALUE');
    }
  }

  #utf8(start: number, length: number): string {
    const bytes = this.#bytes.subarray(start, start + length);
    if (!isUtf8(bytes)) throw new ChatError('ERR_CHAT_UTF8');
    return bytes.toString();
  }

  /** Reads packed text of two characters per byte, the high half first. After an odd number the last low half is 15.
   *  @throws ChatError ERR_CHAT_PACKED */
  #packed(alphabet: string): string {
    const size = this.#byte();
    const odd = size >= 0x80;
    const length = size & 0x7f;
    if (odd && length === 0) throw new ChatError('ERR_CHAT_PACKED');
    let at = this.#take(length);
    let text = '';
    for (const end = at + length; at < end; at += 1) {
      const pair = this.#bytes[at]!;
      const [high, low] = [pair >> 4, pair & 15];
      if (high >= alphabet.length) throw new ChatError('ERR_CHAT_PACKED');
      text += alphabet[high]!;
      if (odd && at === end - 1) {
        if (low !== 15) throw new ChatError('ERR_CHAT_PACKED');
      } else if (low >= alphabet.length) throw new ChatError('ERR_CHAT_PACKED');
      else text += alphabet[low]!;
    }
    return text;
  }

  // ---- JIDs -------------------------------------------------------------------------------------------------------

  #jid(kind: number): string {
    switch (kind) {
      case wire.jidPair: {
        const user = this.#jidPart();
        return `${user}@${this.#jidServer()}`;
      }
      case wire.deviceJid: {
        const server = deviceServers.get(this.#byte()) ?? refuse('ERR_CHAT_JID');
        const device = this.#byte();
        return deviceJid(this.#jidUser(), device, server);
      }
      case wire.messengerJid: {
        const user = this.#jidUser();
        const device = this.#number(2);
        if (this.#jidServer() !== messengerServer) throw new ChatError('ERR_CHAT_JID');
        return deviceJid(user, device, messengerServer);
      }
      default:
        return this.#interopJid();
    }
  }

  #interopJid(): string {
    const user = this.#jidUser();
    const device = this.#number(2);
    const integrator = this.#number(2);
    if (this.#interopServer === 'required' || this.#follows(interopServerValue)) {
      if (this.#jidServer() !== interopServer) throw new ChatError('ERR_CHAT_JID');
    }
    return deviceJid(`${integrator}-${user}`, device, interopServer);
  }

  /** Reads a part of a JID, which is never a JID itself.
   *  @throws ChatError ERR_CHAT_JID */
  #jidPart(): string {
    const first = this.#byte();
    if (first >= wire.interopJid && first <= wire.deviceJid) throw new ChatError('ERR_CHAT_JID');
    if (first === wire.jidPair) throw new ChatError('ERR_CHAT_JID');
    const part = this.#token(first) ?? this.#text(first);
    if (part.includes('@')) throw new ChatError('ERR_CHAT_JID');
    return part;
  }

  #jidUser(): string {
    const user = this.#jidPart();
    if (user === '') throw new ChatError('ERR_CHAT_JID');
    return user;
  }

  #jidServer(): string {
    return this.#jidUser();
  }

  #follows(value: Buffer): boolean {
    return this.#bytes.subarray(this.#at, this.#at + value.length).equals(value);
  }

  // ---- bytes ------------------------------------------------------------------------------------------------------

  #listSize(first: number): number {
    if (first === wire.list8) return this.#byte();
    if (first === wire.list16) return this.#number(2);
    throw new ChatError('ERR_CHAT_NODE');
  }

  #bytesLength(first: number): number {
    if (first === wire.bytes8) return this.#byte();
    // All implementations ignore the upper four of 24 bits.
    if (first === wire.bytes20) return this.#number(3) & 0xfffff;
    return this.#number(4);
  }

  #byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw new ChatError('ERR_CHAT_TRUNCATED');
    this.#at += 1;
    return value;
  }

  /** Reads an unsigned number, big-endian. */
  #number(byteLength: number): number {
    const start = this.#take(byteLength);
    return this.#bytes.readUIntBE(start, byteLength);
  }

  /** Skips `length` bytes, and returns the offset of the first.
   *  @throws ChatError ERR_CHAT_TRUNCATED */
  #take(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw new ChatError('ERR_CHAT_TRUNCATED');
    this.#at = start + length;
    return start;
  }
}

const lessThan = 0x3c;
const greaterThan = 0x3e;
const quote = 0x27;

/** Returns whether the XML form itself uses this attribute of the element. */
function isTaken(name: string, element: string): boolean {
  return element === 'n:node' && (name === 'tag' || name === 'tag64');
}

/** Returns the text of a JID; device 0 is left out. */
function deviceJid(user: string, device: number, server: string): string {
  return device === 0 ? `${user}@${server}` : `${user}:${device}@${server}`;
}

function refuse(code: 'ERR_CHAT_JID' | 'ERR_CHAT_VALUE'): never {
  throw new ChatError(code);
}
