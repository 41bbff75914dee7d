/** The gatekeeper's media proxy: its clients give it the address they found in a message, it downloads the ciphertext
 *  from wherever that is, and serves it to them. It asks for the size first and then for one part after the other, and
 *  says about itself and its client what such programs say. */
import { answer, header, type HeaderList, type HttpAnswer, type HttpExchange } from '../http/message.ts';
import { send, type Caller } from '../http/request.ts';
import type { IncomingRequest } from '../http/server.ts';

export interface MediaProxyOptions {
  readonly caller: Caller;
  /** Start of the addresses that media may have. No other address is requested. */
  readonly origins: readonly string[];
  /** Bytes asked for at a time. Default: 65,536. */
  readonly partBytes?: number;
  /** Largest file, in bytes. Default: 32 MiB. */
  readonly bytesMax?: number;
  readonly onExchange?: (exchange: HttpExchange) => void;
}

/** Answers GET /media-proxy?url=… */
export function createMediaProxy(options: MediaProxyOptions) {
  return async (request: IncomingRequest): Promise<HttpAnswer | undefined> => {
    const { pathname, searchParams } = new URL(request.target, 'https://gatekeeper.invalid');
    if (request.method !== 'GET' || pathname !== '/media-proxy') return undefined;
    const url = searchParams.get('url') ?? '';
    if (!options.origins.some((origin) => url.startsWith(`${origin}/`))) return answer(403);
    return download(url, ownHeaders(request), options);
  };
}

/** What the other side could learn, if it got it. */
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
