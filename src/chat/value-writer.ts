/** Writes values of the binary protocol, each text in one canonical form. */
import type { ByteWriter } from './byte-writer.ts';
import { ChatError } from './error.ts';
import { parseJid, type ChatJid } from './jid.ts';
import type { ChatLimits } from './limits.ts';
import { interopServer, packedCharactersMax, tokenCodes, wire } from './values.ts';

const nibbleText = /^[0-9.-]+$/;
const hexText = /^[0-9A-F]+$/;
const oddFlag = 0x80;
const interopServerBytes = Buffer.from(interopServer);
/** Low half of the last byte after an odd number of characters. */
const padding = 15;

export class ValueWriter {
  readonly #out: ByteWriter;
  readonly #sendsInteropServer: boolean;
  readonly #limits: ChatLimits;
  /** Whether the last value was an interop JID without its server. The next value must then not look like that
   *  server. */
  #openJid = false;

  constructor(out: ByteWriter, interopServer: 'omit' | 'send', limits: ChatLimits) {
    this.#out = out;
    this.#sendsInteropServer = interopServer === 'send';
    this.#limits = limits;
  }

  /** Writes a tag or an attribute's name. @throws ChatError ERR_CHAT_NAME_SIZE */
  name(text: string): void {
    this.#checkSize(text, this.#limits.nameBytesMax, 'ERR_CHAT_NAME_SIZE');
    this.#value(text);
  }

  /** Writes an attribute's value. @throws ChatError ERR_CHAT_VALUE_SIZE */
  attribute(text: string): void {
    this.#checkSize(text, this.#limits.valueBytesMax, 'ERR_CHAT_VALUE_SIZE');
    this.#value(text);
  }

  /** Writes content that the wire marks as text.
   *  @throws ChatError ERR_CHAT_TEXT_CONTENT when the text is neither in the dictionary, nor packable, nor of a
   *  JID's form: as bytes it would be read back as bytes */
  textContent(text: string): void {
    this.#checkSize(text, this.#limits.valueBytesMax, 'ERR_CHAT_VALUE_SIZE');
    if (text === '') this.#packed(wire.nibble, text);
    else if (!this.#short(text)) {
      // Of any server: the mark excludes a text that only contains an `@`.
      const pair = /^([^@]*)@([^@]+)$/.exec(text);
      if (pair === null) throw new ChatError('ERR_CHAT_TEXT_CONTENT');
      this.#jid({ kind: 'pair', user: pair[1]!, server: pair[2]! });
    }
  }

  /** Writes content as bytes. */
  bytes(bytes: Buffer): void {
    this.#length(bytes.length, this.#openJid && bytes.equals(interopServerBytes));
    this.#out.copy(bytes, 0, bytes.length);
    this.#openJid = false;
  }

  #checkSize(text: string, bytesMax: number, code: 'ERR_CHAT_NAME_SIZE' | 'ERR_CHAT_VALUE_SIZE'): void {
    if (text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax) throw new ChatError(code);
  }

  #value(text: string): void {
    if (!this.#short(text)) this.#raw(text);
    else if (!this.#sendsInteropServer) this.#openJid = text.endsWith(`@${interopServer}`);
  }

  /** Writes a token, a packed text or a JID.
   *  @returns false where the text is none of these */
  #short(text: string): boolean {
    const code = tokenCodes.get(text);
    if (code !== undefined) {
      if (code > 0xff) this.#out.byte(code >> 8);
      this.#out.byte(code & 0xff);
      return true;
    }
    if (text.length <= packedCharactersMax && nibbleText.test(text)) return this.#packed(wire.nibble, text);
    if (text.length <= packedCharactersMax && hexText.test(text)) return this.#packed(wire.hex, text);
    const jid = parseJid(text);
    if (jid === undefined) return false;
    this.#jid(jid);
    return true;
  }

  #packed(kind: number, text: string): true {
    const out = this.#out;
    out.byte(kind);
    out.byte(Math.ceil(text.length / 2) | (text.length % 2 === 0 ? 0 : oddFlag));
    for (let at = 0; at < text.length; at += 2) {
      const low = at + 1 < text.length ? halfByte(text.charCodeAt(at + 1)) : padding;
      out.byte((halfByte(text.charCodeAt(at)) << 4) | low);
    }
    return true;
  }

  #raw(text: string): void {
    this.#length(Buffer.byteLength(text), this.#openJid && text === interopServer);
    this.#out.utf8(text);
    this.#openJid = false;
  }

  #jid(jid: ChatJid): void {
    const out = this.#out;
    switch (jid.kind) {
      case 'device':
        out.byte(wire.deviceJid);
        out.byte(jid.domain);
        out.byte(jid.device);
        this.#part(jid.user);
        return;
      case 'messenger':
        out.byte(wire.messengerJid);
        this.#part(jid.user);
        this.#uint16(jid.device);
        this.#part(jid.server);
        return;
      case 'interop':
        out.byte(wire.interopJid);
        this.#part(jid.user);
        this.#uint16(jid.device);
        this.#uint16(jid.integrator);
        if (this.#sendsInteropServer) this.#part(jid.server);
        return;
      case 'pair':
        out.byte(wire.jidPair);
        if (jid.user === '') out.byte(wire.empty);
        else this.#part(jid.user);
        this.#part(jid.server);
    }
  }

  /** Writes a part of a JID, which is never a JID. */
  #part(text: string): void {
    this.#value(text);
  }

  #uint16(value: number): void {
    this.#out.byte(value >> 8);
    this.#out.byte(value & 0xff);
  }

  /** Writes the length of bytes in the shortest form, or in a longer one where the shortest would be read
   *  differently. */
  #length(length: number, long: boolean): void {
    const out = this.#out;
    if (length < 256 && !long) {
      out.byte(wire.bytes8);
      out.byte(length);
    } else if (length < 1 << 20) {
      out.byte(wire.bytes20);
      out.byte(length >> 16);
      this.#uint16(length & 0xffff);
    } else {
      out.byte(wire.bytes32);
      this.#uint16(length >>> 16);
      this.#uint16(length & 0xffff);
    }
  }
}

/** Returns the four bits of a packed character: a digit, `-`, `.` or `A` to `F`. The two alphabets share 10 and 11. */
function halfByte(code: number): number {
  if (code >= 0x41) return code - 0x41 + 10;
  if (code >= 0x30) return code - 0x30;
  return code === 0x2d ? 10 : 11;
}
