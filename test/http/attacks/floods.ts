/** What attackers send to the public port: each flood is the bytes of one connection, which is opened again when the proxy
 *  ends it. Those of HTTP/1.1 are what the others are compared with. */
import { defaultHttpLimits } from '../../../src/http/limits.ts';
import {
  block,
  endHeaders,
  endStream,
  frame,
  get,
  headers,
  indexed,
  literal,
  post,
  preface,
  reference,
  setting,
  uint32,
} from '../support/raw-http2.ts';
import type { HttpVersion } from '../support/versions.ts';

export interface Flood {
  readonly name: string;
  readonly version: HttpVersion;
  /** Returns the pieces that one connection sends. */
  readonly pieces: () => Generator<Buffer>;
  /** Streams that are ended by the proxy for each piece, and waited for before the next. Without it nothing is. */
  readonly answers?: number;
  /** Whether the proxy ends the connection at a limit, by a GOAWAY with an error. */
  readonly refused: boolean;
}

const limits = defaultHttpLimits;
/** With a window for all answers. */
const begin = Buffer.concat([
  preface,
  frame('SETTINGS', 0, 0),
  frame('WINDOW_UPDATE', 0, 0, uint32(2 ** 24)),
]);
const odd = (index: number): number => 2 * index + 1;

function* repeated(first: Buffer, count: number, piece: (index: number) => Buffer): Generator<Buffer> {
  yield first;
  for (let index = 0; index < count; index += 1) yield piece(index);
}

/** Half as many frames more as the limit: what is left of a minute grows while they are sent. */
const flood = (name: string, most: number, piece: (index: number) => Buffer, first = begin): Flood => ({
  name,
  version: 'HTTP/2',
  refused: true,
  pieces: () => repeated(first, Math.ceil(1.5 * most) + 1, piece),
});

const batch = 50;

/** As many requests at once as fit, until the limit of streams that are reset. */
const batches = (name: string, request: (stream: number) => Buffer): Flood => ({
  name,
  version: 'HTTP/2',
  refused: true,
  answers: batch,
  pieces: () =>
    repeated(begin, Math.ceil((limits.http2ResetsPerMinuteMax + batch) / batch), (round) =>
      Buffer.concat(Array.from({ length: batch }, (_, index) => request(odd(round * batch + index)))),
    ),
});

/** The smallest request of HTTP/1.1 that is answered. */
const smallest = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n');

/** The smallest request of HTTP/2: its fields are in the tables of HPACK after the first one. */
const first = frame('HEADERS', endHeaders | endStream, 1, Buffer.concat([Buffer.from([0x82, 0x87, 0x84]), indexed(':authority', 'a')])); // prettier-ignore
const next = (stream: number): Buffer =>
  frame('HEADERS', endHeaders | endStream, stream, Buffer.from([0x82, 0x87, 0x84, 0xbe]));

const bomb = (stream: number): Buffer =>
  frame('HEADERS', endHeaders | endStream, stream, Buffer.concat([
    block(get('/')),
    ...(stream === 1 ? [indexed('x', 'y'.repeat(3_900))] : []),
    ...Array.from({ length: 200 }, () => reference(62)),
  ])); // prettier-ignore

const slowPost = post('/enlistments', ['authorization', 'Bearer x'], ['idempotency-key', '8e03978e-40d5-43dd-bc93-6894a57f9324']); // prettier-ignore

export const baselines: readonly Flood[] = [
  {
    name: 'requests without waiting (pipelining), fifty in a record of TLS',
    version: 'HTTP/1.1',
    refused: false,
    pieces: () =>
      repeated(Buffer.alloc(0), 20, () => Buffer.concat(Array.from({ length: batch }, () => smallest))),
  },
  {
    name: 'requests on one connection',
    version: 'HTTP/1.1',
    refused: false,
    pieces: () => repeated(Buffer.alloc(0), 1_000, () => smallest),
  },
  {
    name: 'a connection for each request',
    version: 'HTTP/1.1',
    refused: false,
    pieces: () => repeated(Buffer.alloc(0), 1, () => Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')), // prettier-ignore
  },
];

export const floods: readonly Flood[] = [
  {
    name: 'requests, fifty at once',
    version: 'HTTP/2',
    refused: false,
    answers: batch,
    pieces: () =>
      repeated(
        begin,
        20,
        (round) =>
        Buffer.concat(Array.from({ length: batch }, (_, index) => (round + index === 0 ? first : next(odd(round * batch + index))))), // prettier-ignore
      ),
  },
  {
    name: 'requests without waiting',
    version: 'HTTP/2',
    refused: false,
    pieces: () => repeated(begin, 1_000, (index) => (index === 0 ? first : next(odd(index)))),
  },
  flood('streams that are reset at once (CVE-2023-44487)', limits.http2ResetsPerMinuteMax, (index) =>
    Buffer.concat([index === 0 ? first : next(odd(index)), frame('RST_STREAM', 0, odd(index), uint32(8))]),
  ),
  batches('malformed requests, which the proxy resets (CVE-2025-8671)', (stream) =>
    headers(stream, [...get('/'), ['connection', 'close']]),
  ),
  flood(
    'CONTINUATION (CVE-2024-27316)',
    limits.http2ContinuationsMax,
    () => frame('CONTINUATION', 0, 1, literal('x', 'y')),
    Buffer.concat([begin, frame('HEADERS', endStream, 1, block(get('/')))]),
  ),
  flood('SETTINGS', limits.http2SettingsPerMinuteMax, (index) =>
    frame('SETTINGS', 0, 0, setting(4, 65_535 - (index % 2))),
  ),
  flood('PING', limits.http2PingsPerMinuteMax, () => frame('PING', 0, 0, Buffer.alloc(8))),
  flood('WINDOW_UPDATE', limits.http2WindowUpdatesPerMinuteMax, () =>
    frame('WINDOW_UPDATE', 0, 0, uint32(1)),
  ),
  flood('PRIORITY', limits.http2IdleFramesPerMinuteMax, (index) =>
    frame('PRIORITY', 0, odd(index), Buffer.from([0, 0, 0, 0, 16])),
  ),
  flood(
    'empty DATA',
    limits.http2IdleFramesPerMinuteMax,
    () => frame('DATA', 0, 1),
    Buffer.concat([begin, headers(1, slowPost, endHeaders)]),
  ),
  batches('bombs for HPACK', bomb),
  {
    name: 'bodies in DATA of one byte',
    version: 'HTTP/2',
    refused: false,
    answers: 1,
    pieces: () =>
      repeated(begin, 4, (index) =>
        Buffer.concat([
          headers(odd(index), slowPost, endHeaders),
          ...Array.from({ length: 4_000 }, (_, at) => frame('DATA', at === 3_999 ? endStream : 0, odd(index), Buffer.from(' '))), // prettier-ignore
        ]),
      ),
  },
];

/** What a connection sends and then leaves as it is. */
export interface Standing {
  readonly name: string;
  readonly version: HttpVersion;
  readonly bytes: Buffer;
}

export const standingBaselines: readonly Standing[] = [
  {
    name: 'a request whose body does not come',
    version: 'HTTP/1.1',
    bytes: Buffer.from(
      'POST /enlistments HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n' +
        'Idempotency-Key: 8e03978e-40d5-43dd-bc93-6894a57f9324\r\nContent-Length: 9\r\n\r\n',
    ),
  },
  { name: 'half a request', version: 'HTTP/1.1', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n') },
];

export const standings: readonly Standing[] = [
  { name: 'no request', version: 'HTTP/2', bytes: begin },
  {
    name: 'a header block without an end',
    version: 'HTTP/2',
    bytes: Buffer.concat([begin, frame('HEADERS', endStream, 1, block(get('/')))]),
  },
  {
    name: 'a full table of HPACK',
    version: 'HTTP/2',
    bytes: Buffer.concat([begin, headers(1, [...get('/'), ['x', 'y'.repeat(3_900)]])]),
  },
  {
    name: 'a hundred requests whose bodies do not come',
    version: 'HTTP/2',
    bytes: Buffer.concat([begin, ...Array.from({ length: 100 }, (_, index) => headers(odd(index), slowPost, endHeaders))]), // prettier-ignore
  },
  {
    name: 'a hundred answers that may not be sent (a window of 0)',
    version: 'HTTP/2',
    bytes: Buffer.concat([
      preface,
      frame('SETTINGS', 0, 0, setting(4, 0)),
      ...Array.from({ length: 100 }, (_, index) => headers(odd(index), get('/'))),
    ]),
  },
];
