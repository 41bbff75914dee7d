/** A peer of HTTP/2 that sends any frames it likes (RFC 9113 §4.1) and sees the frames that come back. HPACK is literal and
 *  without Huffman (RFC 7541 §6.2.2), so that a test says every byte. It shares no code with the product. */
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { eventually } from '../../support/wait.ts';

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

const types = ['DATA', 'HEADERS', 'PRIORITY', 'RST_STREAM', 'SETTINGS', 'PUSH_PROMISE', 'PING', 'GOAWAY', 'WINDOW_UPDATE', 'CONTINUATION'] as const; // prettier-ignore
export type FrameName = (typeof types)[number] | 'PRIORITY_UPDATE' | 'UNKNOWN';

function codeOf(name: FrameName): number {
  if (name === 'PRIORITY_UPDATE') return 0x10;
  return name === 'UNKNOWN' ? 0xbb : types.indexOf(name);
}

export function frame(
  name: FrameName,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = codeOf(name);
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export const endStream = 0x1;
export const ack = 0x1;
export const endHeaders = 0x4;

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** A setting (§6.5.1). */
export const setting = (id: number, value: number): Buffer =>
  Buffer.concat([Buffer.from([0, id]), uint32(value)]);

/** An integer with a prefix of so many bits (RFC 7541 §5.1). */
export function integer(value: number, bits: number, first = 0): Buffer {
  const most = 2 ** bits - 1;
  if (value < most) return Buffer.from([first | value]);
  const bytes = [first | most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value, 'latin1');
  return Buffer.concat([integer(bytes.length, 7), bytes]);
};

/** A field that enters no table (§6.2.2). */
export const literal = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.from([0]), text(name), text(value)]);

/** A field that enters the dynamic table (§6.2.1). */
export const indexed = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.from([0x40]), text(name), text(value)]);

/** A reference to a table (§6.1); the dynamic one begins at 62. */
export const reference = (index: number): Buffer => integer(index, 7, 0x80);

export type Fields = readonly (readonly [name: string, value: string])[];

export const block = (fields: Fields): Buffer =>
  Buffer.concat(fields.map(([name, value]) => literal(name, value)));

/** The fields of a GET, in a valid order. */
export const get = (path = '/.well-known/jwks.json'): Fields => [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'proxy.example:8443'],
  [':path', path],
];

export const post = (path: string, ...more: Fields): Fields => [
  [':method', 'POST'],
  ...get(path).slice(1),
  ['content-type', 'application/json'],
  ...more,
];

export const headers = (stream: number, fields: Fields, flags = endHeaders | endStream): Buffer =>
  frame('HEADERS', flags, stream, block(fields));

export interface ReceivedFrame {
  readonly name: FrameName;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** Names of error codes (§7). */
const errors = ['NO_ERROR', 'PROTOCOL_ERROR', 'INTERNAL_ERROR', 'FLOW_CONTROL_ERROR', 'SETTINGS_TIMEOUT', 'STREAM_CLOSED', 'FRAME_SIZE_ERROR', 'REFUSED_STREAM', 'CANCEL', 'COMPRESSION_ERROR', 'CONNECT_ERROR', 'ENHANCE_YOUR_CALM', 'INADEQUATE_SECURITY', 'HTTP_1_1_REQUIRED'] as const; // prettier-ignore
export type ErrorName = (typeof errors)[number];

export interface RawHttp2 {
  readonly socket: TLSSocket;
  readonly frames: ReceivedFrame[];
  readonly send: (...frames: readonly Uint8Array[]) => void;
  /** Names of the error codes of every GOAWAY so far. */
  readonly goaways: () => ErrorName[];
  /** The last stream of every GOAWAY so far. */
  readonly lastStreams: () => number[];
  /** The error of the RST_STREAM of a stream; undefined without one. */
  readonly reset: (stream: number) => ErrorName | undefined;
  /** The first byte of the HPACK of the answer: 0x88 is 200, 0x8d is 404 (RFC 7541 appendix A). Undefined without one. */
  readonly answered: (stream: number) => number | undefined;
  /** Whether the stream was ended by END_STREAM. */
  readonly ended: (stream: number) => boolean;
  readonly body: (stream: number) => Buffer;
  readonly until: (condition: () => boolean) => Promise<void>;
  /** Whether the connection was closed. */
  readonly closed: () => boolean;
  readonly close: () => void;
}

/** Connects with ALPN `h2`, and sends the preface and empty settings.
 *  @param quiet sends nothing */
export async function connectRaw(
  port: number,
  { quiet = false, ...more }: ConnectionOptions & { readonly quiet?: boolean } = {},
): Promise<RawHttp2> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    servername: 'proxy.example',
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
    ...more,
  });
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  const frames: ReceivedFrame[] = [];
  let closed = false;
  let unread = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('close', () => (closed = true));
  socket.on('end', () => (closed = true));
  socket.on('data', (bytes: Buffer) => {
    unread = Buffer.concat([unread, bytes]);
    while (unread.length >= 9 && unread.length >= 9 + unread.readUIntBE(0, 3)) {
      const length = unread.readUIntBE(0, 3);
      frames.push({
        name: types[unread[3]!] ?? 'UNKNOWN',
        flags: unread[4]!,
        stream: unread.readUInt32BE(5) & 0x7fffffff,
        payload: Buffer.from(unread.subarray(9, 9 + length)),
      });
      unread = unread.subarray(9 + length);
    }
  });
  const named = (name: FrameName, stream?: number): ReceivedFrame[] =>
    frames.filter((each) => each.name === name && (stream === undefined || each.stream === stream));
  const send = (...sent: readonly Uint8Array[]): void => {
    if (!socket.destroyed) socket.write(Buffer.concat(sent));
  };
  if (!quiet) send(preface, frame('SETTINGS', 0, 0));
  return {
    socket,
    frames,
    send,
    goaways: () => named('GOAWAY').map(({ payload }) => errors[payload.readUInt32BE(4)]!),
    lastStreams: () => named('GOAWAY').map(({ payload }) => payload.readUInt32BE(0)),
    reset: (stream) => {
      const [reset] = named('RST_STREAM', stream);
      return reset && errors[reset.payload.readUInt32BE(0)];
    },
    answered: (stream) => named('HEADERS', stream)[0]?.payload[0],
    ended: (stream) =>
      frames.some((each) => each.stream === stream && ['HEADERS', 'DATA'].includes(each.name) && (each.flags & endStream) !== 0), // prettier-ignore
    body: (stream) => Buffer.concat(named('DATA', stream).map(({ payload }) => payload)),
    until: async (condition) => {
      await eventually(condition);
    },
    closed: () => closed,
    close: () => socket.destroy(),
  };
}
