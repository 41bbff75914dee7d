/** WebSocket frames made of bytes (RFC 6455 §5.2), for peers that break the rules and for what they are sent. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameOptions {
  readonly opcode?: number;
  readonly fin?: boolean;
  /** The three reserved bits, as a number. */
  readonly reserved?: number;
  /** Whether it is masked, as those of a client are. */
  readonly masked?: boolean;
  /** In place of the true length. */
  readonly length?: number;
}

/** A frame with this payload. */
export function frame(payload: Uint8Array | string, options: FrameOptions = {}): Buffer {
  const { opcode = opcodes.text, fin = true, reserved = 0, masked = true } = options;
  const body = Buffer.from(payload);
  const length = options.length ?? body.length;
  const head = [(fin ? 0x80 : 0) | (reserved << 4) | opcode];
  const bit = masked ? 0x80 : 0;
  if (length < 126) head.push(bit | length);
  else if (length < 65_536) head.push(bit | 126, length >> 8, length & 0xff);
  else {
    const wide = Buffer.alloc(8);
    wide.writeBigUInt64BE(BigInt(length));
    head.push(bit | 127, ...wide);
  }
  if (!masked) return Buffer.concat([Buffer.from(head), body]);
  const mask = [0x37, 0xfa, 0x21, 0x3d];
  return Buffer.from([...head, ...mask, ...body.map((byte, at) => byte ^ mask[at & 3]!)]);
}

/** A text message of a client, in one frame. */
export function textFrame(text: string): Buffer {
  return frame(text);
}

/** A close frame. */
export function closeFrame(code: number, reason = ''): Buffer {
  return frame(Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]), {
    opcode: opcodes.close,
  });
}

export interface ReadFrame {
  readonly opcode: number;
  readonly payload: Buffer;
  readonly masked: boolean;
  readonly fin: boolean;
  readonly reserved: number;
}

/** Reads frames as they arrive. */
export class FrameReader {
  readonly all: ReadFrame[] = [];
  #pending = Buffer.alloc(0);

  /** Returns the frames that are whole now. */
  read(bytes: Uint8Array): ReadFrame[] {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    const frames: ReadFrame[] = [];
    for (let next = this.#next(); next !== undefined; next = this.#next()) frames.push(next);
    this.all.push(...frames);
    return frames;
  }

  /** Code of the close frame that came; undefined without one. */
  get closeCode(): number | undefined {
    const close = this.all.find(({ opcode }) => opcode === opcodes.close);
    return close === undefined || close.payload.length < 2 ? undefined : close.payload.readUInt16BE(0);
  }

  /** Number of frames of this kind. */
  count(kind: keyof typeof opcodes): number {
    return this.all.filter(({ opcode }) => opcode === opcodes[kind]).length;
  }

  #next(): ReadFrame | undefined {
    const bytes = this.#pending;
    if (bytes.length < 2) return undefined;
    const masked = (bytes[1]! & 0x80) !== 0;
    let length = bytes[1]! & 0x7f;
    let at = 2;
    if (length === 126) {
      if (bytes.length < 4) return undefined;
      length = bytes.readUInt16BE(2);
      at = 4;
    } else if (length === 127) {
      if (bytes.length < 10) return undefined;
      length = Number(bytes.readBigUInt64BE(2));
      at = 10;
    }
    const mask = bytes.subarray(at, at + (masked ? 4 : 0));
    at += mask.length;
    if (bytes.length < at + length) return undefined;
    const payload = Buffer.from(bytes.subarray(at, at + length));
    if (masked) for (let i = 0; i < length; i += 1) payload[i]! ^= mask[i & 3]!;
    this.#pending = bytes.subarray(at + length);
    return {
      opcode: bytes[0]! & 0x0f,
      fin: (bytes[0]! & 0x80) !== 0,
      reserved: (bytes[0]! >> 4) & 7,
      masked,
      payload,
    };
  }
}

/** The request by which a client upgrades its connection (RFC 6455 §4.1). */
export function upgradeRequest(headers: Record<string, string> = {}): IncomingMessage {
  return {
    method: 'GET',
    url: '/xmpp-websocket',
    headers: {
      host: 'xmpp.capulet.example',
      upgrade: 'websocket',
      connection: 'Upgrade',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-version': '13',
      'sec-websocket-protocol': 'xmpp',
      ...headers,
    },
  } as unknown as IncomingMessage;
}

/** The answer to such a request in bytes (RFC 6455 §4.2.2). */
export function acceptance(request: string): string {
  const key = /sec-websocket-key: (.*)\r\n/i.exec(request)?.[1] ?? '';
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  return (
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n`
  );
}
