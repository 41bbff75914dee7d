/** The gatekeeper's media proxy. A client passes it the address or the path from a message; it downloads the ciphertext and
 *  serves it to the client. It requests the size first, then one part after the other, and sends the headers that
 *  such programs send. */
import { answer, header, type HeaderList, type HttpAnswer, type HttpExchange } from '../http/message.ts';
import { send, type Caller } from '../http/request.ts';
import type { IncomingRequest } from '../http/server.ts';
import { readDownloadPath } from './download-path.ts';

export interface MediaProxyOptions {
  readonly caller: Caller;
  /** Prefixes of addresses that may be requested. */
  readonly origins: readonly string[];
  /** Returns the base address of files of an integrator, without a slash at its end; undefined for an unknown one. */
  readonly baseOf?: (integrator: number) => string | undefined;
  /** Bytes per request. Default: 65,536. */
  readonly partBytes?: number;
  /** Bytes of the largest file. Default: 32 MiB. */
  readonly bytesMax?: number;
  readonly onExchange?: (exchange: HttpExchange) => void;
}

/** Answers GET /media-proxy?url=… and ?path=…, which names a file by its reference. */
export function createMediaProxy(options: MediaProxyOptions) {
  return async (request: IncomingRequest): Promise<HttpAnswer | undefined> => {
    const { pathname, searchParams } = new URL(request.target, 'https://gatekeeper.invalid');
    if (request.method !== 'GET' || pathname !== '/media-proxy') return undefined;
    const path = searchParams.get('path');
    const url =
      path === null ? listedUrl(searchParams.get('url') ?? '', options) : referredUrl(path, options);
    return url === undefined ? answer(403) : download(url, ownHeaders(request), options);
  };
}

function listedUrl(url: string, { origins }: MediaProxyOptions): string | undefined {
  return origins.some((origin) => url.startsWith(`${origin}/`)) ? url : undefined;
}

function referredUrl(path: string, { baseOf }: MediaProxyOptions): string | undefined {
  const named = readDownloadPath(path);
  const base = named && baseOf?.(named.integrator);
  return base === undefined ? undefined : `${base}/${named!.reference}`;
}

/** Headers that would reveal the gatekeeper's client, if they passed. */
function ownHeaders(request: IncomingRequest): HeaderList {
  return [
    ['User-Agent', 'GatekeeperMediaProxy/2.1 (+https://gatekeeper.example/bot)'],
    ['Via', '1.1 media-edge-fra-17'],
    ['X-Forwarded-For', '203.0.113.77'],
    ['X-Recipient-Device', header(request, 'user-agent') ?? 'unknown'],
    ['Cookie', 'gk_trace=77aa01'],
  ];
}

async function download(url: string, own: HeaderList, options: MediaProxyOptions): Promise<HttpAnswer> {
  const { partBytes = 65_536, bytesMax = 32 * 1024 * 1024 } = options;
  const ask = async (method: 'HEAD' | 'GET', more: HeaderList): Promise<HttpAnswer> => {
    const exchange = await send({ method, url, headers: [...own, ...more] }, options.caller);
    options.onExchange?.(exchange);
    return exchange.answer;
  };
  const head = await ask('HEAD', []);
  const bytes = Number(header(head, 'content-length'));
  if (head.status !== 200 || !Number.isSafeInteger(bytes) || bytes > bytesMax) return answer(502);
  const version = header(head, 'etag');
  const parts: Buffer[] = [];
  for (let start = 0; start < bytes; start += partBytes) {
    const end = Math.min(start + partBytes, bytes) - 1;
    const condition: HeaderList = version === undefined ? [] : [['If-Range', version]];
    const part = await ask('GET', [['Range', `bytes=${start}-${end}`], ...condition]);
    const isAsked = header(part, 'content-range') === `bytes ${start}-${end}/${bytes}`;
    if (part.status !== 206 || !isAsked || part.body.length !== end - start + 1) return answer(502);
    parts.push(part.body);
  }
  const headers: HeaderList = [['Content-Type', 'application/octet-stream']];
  return { status: 200, headers, body: Buffer.concat(parts) };
}
