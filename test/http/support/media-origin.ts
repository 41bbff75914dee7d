/** A media server: one generated file of any size with Range, conditions and identifying headers, which never
 *  holds more than one chunk of it. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { listen } from './party.ts';

export interface MediaOrigin {
  readonly url: URL;
  readonly requests: { readonly method: string; readonly headers: IncomingHttpHeaders }[];
  /** Bytes handed to the socket so far. */
  readonly sent: { bytes: number };
  /** Answers something else than the file, if set. */
  override: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  readonly close: () => Promise<void>;
}

export const originEtag = '"inode-4711-5f3e2a1b"';
const lastModified = 'Mon, 02 Nov 2026 08:00:00 GMT';

/** The byte at an offset: any part of the file can be checked without the file. */
function byteAt(offset: number): number {
  return (offset * 31 + (offset >>> 8)) & 255;
}

export function bytesAt(start: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at += 1) bytes[at] = byteAt(start + at);
  return bytes;
}

const chunkBytes = 65_536;

export async function startMediaOrigin(
  fileBytes: number,
  { plain = false, host = '127.0.0.1' }: { readonly plain?: boolean; readonly host?: string } = {},
): Promise<MediaOrigin> {
  const requests: MediaOrigin['requests'][number][] = [];
  const sent = { bytes: 0 };
  // A plain file repeats one chunk: nothing but the relay is to cost time where speed is measured.
  const chunk = bytesAt(0, chunkBytes);
  const body = (start: number, end: number): Readable => {
    let at = start;
    return new Readable({
      highWaterMark: chunkBytes,
      read() {
        if (at >= end) {
          this.push(null);
          return;
        }
        const length = Math.min(chunkBytes, end - at);
        const part = plain ? chunk.subarray(0, length) : bytesAt(at, length);
        at += length;
        sent.bytes += length;
        this.push(part);
      },
    });
  };
  const { url, close } = await listen((request, response) => {
    const { method = '', headers } = request;
    requests.push({ method, headers });
    if (origin.override !== undefined) {
      origin.override(request, response);
      return;
    }
    const identifying = {
      server: 'Store/7 (rack 12)',
      'set-cookie': 'uid=juliet',
      'x-request-id': 'a1b2',
      via: '1.1 cache-3',
    };
    const common = {
      ...identifying,
      etag: originEtag,
      'last-modified': lastModified,
      'accept-ranges': 'bytes',
      'content-type': 'image/jpeg',
    };
    if (headers['if-none-match']?.includes(originEtag)) {
      response.writeHead(304, common).end();
      return;
    }
    if (headers['if-match'] !== undefined && !headers['if-match'].includes(originEtag)) {
      response.writeHead(412, common).end('precondition of juliet');
      return;
    }
    const resumable = headers['if-range'] === undefined || headers['if-range'] === originEtag;
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec((resumable && headers.range) || '') ?? [];
    const start = Number(first ?? 0);
    const end = last === undefined || last === '' ? fileBytes : Math.min(fileBytes, Number(last) + 1);
    if (first !== undefined && start >= fileBytes) {
      response.writeHead(416, { ...common, 'content-range': `bytes */${fileBytes}` }).end();
      return;
    }
    const range = first === undefined ? {} : { 'content-range': `bytes ${start}-${end - 1}/${fileBytes}` };
    response.writeHead(first === undefined ? 200 : 206, {
      ...common,
      ...range,
      'content-length': end - start,
    });
    if (method === 'HEAD') {
      response.end();
      return;
    }
    const source = body(start, end);
    response.on('close', () => source.destroy());
    source.pipe(response);
  }, host);
  const origin: MediaOrigin = { url, requests, sent, override: undefined, close };
  return origin;
}
