/** GET and HEAD /media/:token: streams encrypted media from the provider's media server. Neither side sees a
 *  header of the other but those below; a byte that arrived is on its way out before the next is read. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { bodyOf, type BodySource } from './body-source.ts';
import type { HttpContext } from './env.ts';
import type { Report } from './events.ts';
import { Gate } from './gate.ts';
import { constantHeaders } from './headers.ts';
import { mediaAnswerHeaders, mediaRequestHeaders } from './media-headers.ts';
import type { MediaTokens } from './media-token.ts';
import { HttpProblem } from './problem.ts';
import { pump } from './pump.ts';
import { TappedAgent, TappedTlsAgent } from './tapped-agent.ts';
import type { SsrfGuard } from './ssrf.ts';

export interface MediaOptions {
  readonly tokens: MediaTokens;
  readonly guard: SsrfGuard;
  /** Who is asking: a gatekeeper by its certificate or by the name it called us by; undefined for nobody known. */
  readonly audienceOf: (context: HttpContext) => string | undefined;
  readonly tls?: Pick<SecureContextOptions, 'ca' | 'minVersion'>;
  readonly report: Report;
  readonly limits: {
    readonly mediaBytesMax: number;
    readonly mediaConcurrentMax: number;
    readonly mediaFirstByteTimeoutMs: number;
    readonly mediaStallTimeoutMs: number;
  };
}

export interface MediaRelay {
  /** @throws HttpProblem with an ERR_MEDIA_ code. */
  readonly handle: (context: HttpContext) => Promise<Response>;
  readonly close: () => void;
}

interface Download {
  readonly method: 'GET' | 'HEAD';
  readonly url: URL;
  readonly request: IncomingMessage;
  readonly outgoing: ServerResponse;
}

export function createMediaRelay(options: MediaOptions): MediaRelay {
  const { tokens, guard, audienceOf, limits } = options;
  const gate = new Gate(limits.mediaConcurrentMax, 0, busy);
  const agents = createAgents(options);
  return {
    handle: async (context) => {
      const url = guard.checkUrl(openToken(tokens, context.req.param('token') ?? '', audienceOf(context)));
      const { incoming: request, outgoing } = context.env;
      const method = context.req.method === 'HEAD' ? 'HEAD' : 'GET';
      await gate.run(() => relay({ method, url, request, outgoing }, options, agents));
      return RESPONSE_ALREADY_SENT;
    },
    close: () => {
      agents['http:'].destroy();
      agents['https:'].destroy();
    },
  };
}

function busy(): HttpProblem {
  return new HttpProblem('ERR_MEDIA_BUSY', { retryAfterS: 5 });
}

interface Agents {
  readonly 'http:': TappedAgent;
  readonly 'https:': TappedTlsAgent;
}

function createAgents({ guard, tls = {}, limits }: MediaOptions): Agents {
  const { lookup } = guard;
  const keep = { keepAlive: true, maxSockets: limits.mediaConcurrentMax, maxFreeSockets: 32, lookup };
  return {
    'http:': new TappedAgent(keep),
    'https:': new TappedTlsAgent({ ...keep, minVersion: 'TLSv1.2', ...tls }),
  };
}

function openToken(tokens: MediaTokens, token: string, audience: string | undefined): string {
  if (audience === undefined) throw new HttpProblem('ERR_MEDIA_TOKEN_AUDIENCE');
  const opened = tokens.open(token, audience);
  if (opened.kind === 'open') return opened.url;
  if (opened.kind === 'expired') throw new HttpProblem('ERR_MEDIA_TOKEN_EXPIRED');
  throw new HttpProblem(opened.kind === 'not-ours' ? 'ERR_MEDIA_TOKEN' : 'ERR_MEDIA_TOKEN_AUDIENCE');
}

/** Settles when the download is over on both sides. Rejects only while nothing has been answered yet. */
async function relay(download: Download, options: MediaOptions, agents: Agents): Promise<void> {
  const { outgoing, method, url } = download;
  const { tokens, limits } = options;
  const { upstream, body } = await ask(download, options, agents);
  const refusal = judge(upstream, limits.mediaBytesMax);
  if (refusal !== undefined) {
    upstream.destroy();
    throw refusal;
  }
  const headers = mediaAnswerHeaders(upstream, tokens, url.href);
  outgoing.writeHead(upstream.statusCode!, { ...constantHeaders, ...headers });
  if (method === 'HEAD' || (upstream.statusCode !== 200 && upstream.statusCode !== 206)) {
    // What there is of a body (an error page, RFC 9110 §15.5.17) is the media server's own words.
    if (method === 'HEAD' || upstream.statusCode === 304) upstream.resume();
    else upstream.destroy();
    outgoing.end();
    return;
  }
  // The headers leave now, not with the first byte of the body.
  outgoing.flushHeaders();
  const end = await pump(body, outgoing, {
    bytesMax: limits.mediaBytesMax,
    stallMs: limits.mediaStallTimeoutMs,
  });
  options.report({ event: 'media-ended', end });
}

interface Asked {
  readonly upstream: IncomingMessage;
  readonly body: BodySource;
}

/** The media server's answer, its body unread. */
function ask(download: Download, options: MediaOptions, agents: Agents): Promise<Asked> {
  const { method, url, request, outgoing } = download;
  const { promise, resolve, reject } = Promise.withResolvers<Asked>();
  const secure = url.protocol === 'https:';
  const agent = agents[secure ? 'https:' : 'http:'];
  const asking = (secure ? https : http).request(url, {
    method,
    headers: mediaRequestHeaders(request.headers, options.tokens, url.href),
    agent,
  });
  const giveUp = (): void => {
    asking.destroy();
  };
  const timer = setTimeout(() => {
    reject(new HttpProblem('ERR_MEDIA_TIMEOUT'));
    asking.destroy();
  }, options.limits.mediaFirstByteTimeoutMs);
  // The caller went away before there was anything to send.
  outgoing.once('close', giveUp);
  asking.once('response', (upstream) => {
    const tap = method === 'GET' ? agent.taps.get(upstream.socket) : undefined;
    resolve({ upstream, body: bodyOf(upstream, tap) });
  });
  asking.on('error', (error) => {
    reject(error instanceof HttpProblem ? error : new HttpProblem('ERR_MEDIA_UNREACHABLE'));
  });
  asking.end();
  return promise.finally(() => {
    clearTimeout(timer);
    outgoing.off('close', giveUp);
  });
}

/** Why this answer cannot be passed on, or undefined. */
function judge(upstream: IncomingMessage, mediaBytesMax: number): HttpProblem | undefined {
  const { statusCode = 0, headers } = upstream;
  // 304 is an answer to a condition, the other 3xx point elsewhere.
  if (statusCode >= 300 && statusCode < 400 && statusCode !== 304)
    return new HttpProblem('ERR_MEDIA_REDIRECT');
  if (statusCode === 404 || statusCode === 410) return new HttpProblem('ERR_MEDIA_NOT_FOUND');
  if (![200, 206, 304, 412, 416].includes(statusCode)) return new HttpProblem('ERR_MEDIA_ANSWER');
  // Identity was asked for; a body that unpacks to more than it counts is not wanted.
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') return new HttpProblem('ERR_MEDIA_ANSWER');
  const bytes = Number(headers['content-length'] ?? 0);
  return bytes > mediaBytesMax ? new HttpProblem('ERR_MEDIA_TOO_LARGE', { mediaBytesMax }) : undefined;
}
