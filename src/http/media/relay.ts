/** GET and HEAD of a sealed address or of a reference: streams encrypted media from a media server. Only the listed
 *  headers pass in either direction. Each piece is forwarded before the next is read. */
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { SecureContext } from 'node:tls';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { mediaAnswer } from './answer.ts';
import { bodyOf, type BodySource } from './body-source.ts';
import type { HttpContext, HttpEnv } from '../env.ts';
import type { Report } from '../events.ts';
import { ConcurrencyLimiter } from '../concurrency-limiter.ts';
import { constantHeaders } from '../headers.ts';
import type { HttpPolicy } from '../http-policy.ts';
import type { MediaLimits } from '../limits.ts';
import { mediaAnswerHeaders, mediaRequestHeaders } from './headers.ts';
import { clientsAudience, referenceAudience, type MediaTokens } from './token.ts';
import { HttpProblem } from '../problem.ts';
import { pump } from './pump.ts';
import { TappedAgent, TappedTlsAgent } from './tapped-agent.ts';
import type { SsrfGuard } from './ssrf.ts';

/** Media servers of one party. */
export interface MediaSource {
  readonly guard: SsrfGuard;
  /** Returns the trusted authorities for each new connection. */
  readonly secureContext?: () => SecureContext;
}

export interface MediaOptions {
  readonly tokens: () => MediaTokens;
  /** Gatekeepers fetch from the provider's servers. Clients fetch from those of the gatekeeper whose origin it is. */
  readonly sources: { readonly provider: MediaSource; readonly gatekeepers: readonly MediaSource[] };
  /** Returns the names of the gatekeepers whose media proxy the caller may be, by its connection. */
  readonly gatekeepersOf: (context: HttpContext) => readonly string[];
  readonly policy: HttpPolicy;
  readonly report: Report;
  readonly limits: MediaLimits;
}

export interface MediaRelay {
  /** Streams what a sealed address in a message names: `:token` of the path.
   *  @throws HttpProblem with an ERR_MEDIA_ code */
  readonly handle: (context: HttpContext) => Promise<Response>;
  /** Streams what a reference of the provider names: `:reference` of the path.
   *  @throws HttpProblem with an ERR_MEDIA_ code */
  readonly handleReference: (context: HttpContext) => Promise<Response>;
  readonly close: () => void;
}

interface Download {
  readonly tokens: MediaTokens;
  readonly agents: Agents;
  readonly method: 'GET' | 'HEAD';
  readonly url: URL;
  readonly request: HttpEnv['Bindings']['incoming'];
  readonly outgoing: HttpEnv['Bindings']['outgoing'];
}

export function createMediaRelay(options: MediaOptions): MediaRelay {
  const { sources, gatekeepersOf, policy, limits } = options;
  const limiter = new ConcurrencyLimiter(limits.mediaConcurrentMax, 0, busy);
  const connected = (source: MediaSource): ConnectedSource => ({
    guard: source.guard,
    agents: createAgents(source, limits.mediaConcurrentMax),
  });
  const provider = connected(sources.provider);
  const gatekeepers = sources.gatekeepers.map(connected);
  const stream = async (
    context: HttpContext,
    sealed: string,
    readers: readonly Reader[],
  ): Promise<Response> => {
    const tokens = options.tokens();
    const { url: address, reader } = openToken(tokens, sealed, readers);
    const { party, gatekeeper } = reader;
    const source = party === 'gatekeeper' ? provider : gatekeepers.find(({ guard }) => guard.lists(address));
    if (source === undefined) throw new HttpProblem('ERR_MEDIA_ORIGIN');
    const url = source.guard.checkUrl(address);
    // A client's download is seen by the gatekeeper's servers, a gatekeeper's by the provider's.
    const seenBy = party === 'gatekeeper' ? 'provider' : 'gatekeeper';
    if (policy.apply(seenBy, 'media.fetch', '', gatekeeper) === undefined)
      throw new HttpProblem('ERR_MEDIA_POLICY');
    const { incoming: request, outgoing } = context.env;
    const method = context.req.method === 'HEAD' ? 'HEAD' : 'GET';
    const download = { tokens, agents: source.agents, method, url, request, outgoing } as const;
    await limiter.run(() => relay(download, options));
    return RESPONSE_ALREADY_SENT;
  };
  return {
    handle: (context) =>
      stream(context, context.req.param('token') ?? '', [
        ...gatekeepersOf(context).map((name) => gatekeeperReader(name, name)),
        clientReader,
      ]),
    handleReference: (context) =>
      stream(
        context,
        context.req.param('reference') ?? '',
        gatekeepersOf(context).map((name) => gatekeeperReader(name, referenceAudience(name))),
      ),
    close: () => {
      for (const { agents } of [provider, ...gatekeepers]) {
        agents['http:'].destroy();
        agents['https:'].destroy();
      }
    },
  };
}

/** A party that may download, and the audience that its tokens are sealed for. */
interface Reader {
  readonly party: 'gatekeeper' | 'client';
  readonly audience: string;
  /** Name of the gatekeeper whose policy holds. */
  readonly gatekeeper: string;
}

const clientReader: Reader = { party: 'client', audience: clientsAudience, gatekeeper: clientsAudience };

function gatekeeperReader(gatekeeper: string, audience: string): Reader {
  return { party: 'gatekeeper', audience, gatekeeper };
}

function busy(): HttpProblem {
  return new HttpProblem('ERR_MEDIA_BUSY', { retryAfterS: 5 });
}

interface Agents {
  readonly 'http:': TappedAgent;
  readonly 'https:': TappedTlsAgent;
}

/** A source with its connections. */
interface ConnectedSource {
  readonly guard: SsrfGuard;
  readonly agents: Agents;
}

function createAgents({ guard, secureContext }: MediaSource, socketsMax: number): Agents {
  const { lookup } = guard;
  const keep = { keepAlive: true, maxSockets: socketsMax, maxFreeSockets: 32, lookup };
  return {
    'http:': new TappedAgent(keep),
    'https:': new TappedTlsAgent({ ...keep, minVersion: 'TLSv1.2' }, secureContext),
  };
}

function openToken(
  tokens: MediaTokens,
  token: string,
  readers: readonly Reader[],
): { readonly url: string; readonly reader: Reader } {
  const opened = tokens.open(
    token,
    readers.map(({ audience }) => audience),
  );
  if (opened.kind === 'open')
    return { url: opened.url, reader: readers.find(({ audience }) => audience === opened.audience)! };
  if (opened.kind === 'expired') throw new HttpProblem('ERR_MEDIA_TOKEN_EXPIRED');
  throw new HttpProblem(opened.kind === 'not-ours' ? 'ERR_MEDIA_TOKEN' : 'ERR_MEDIA_TOKEN_AUDIENCE');
}

/** Relays one download. Resolves when both sides have ended; rejects only before an answer was started.
 *  @throws HttpProblem with an ERR_MEDIA_ code */
async function relay(download: Download, options: MediaOptions): Promise<void> {
  const { tokens, outgoing, method, url } = download;
  const { limits } = options;
  const { upstream, body } = await ask(download, options);
  const refusal = judge(upstream, limits.mediaBytesMax);
  if (refusal !== undefined) {
    upstream.destroy();
    throw refusal;
  }
  const headers = mediaAnswerHeaders(upstream, tokens, url.href);
  const answer = mediaAnswer(outgoing);
  answer.begin(upstream.statusCode!, { ...constantHeaders, ...headers });
  if (method === 'HEAD' || (upstream.statusCode !== 200 && upstream.statusCode !== 206)) {
    // The body of an error page has the media server's own words (RFC 9110 §15.5.17).
    if (method === 'HEAD' || upstream.statusCode === 304) upstream.resume();
    else upstream.destroy();
    answer.body.end();
    return;
  }
  answer.flush();
  const { end, bytes } = await pump(body, answer, {
    bytesMax: limits.mediaBytesMax,
    stallMs: limits.mediaStallTimeoutMs,
  });
  options.report({ event: 'media-ended', end, bytes });
}

interface Asked {
  readonly upstream: IncomingMessage;
  readonly body: BodySource;
}

/** Returns the media server's answer, its body unread. */
function ask(download: Download, options: MediaOptions): Promise<Asked> {
  const { tokens, agents, method, url, request, outgoing } = download;
  const { promise, resolve, reject } = Promise.withResolvers<Asked>();
  const secure = url.protocol === 'https:';
  const agent = agents[secure ? 'https:' : 'http:'];
  const asking = (secure ? https : http).request(url, {
    method,
    headers: mediaRequestHeaders(request.headers, tokens, url.href),
    agent,
  });
  const giveUp = (): void => {
    asking.destroy();
  };
  const timer = setTimeout(() => {
    reject(new HttpProblem('ERR_MEDIA_TIMEOUT'));
    asking.destroy();
  }, options.limits.mediaFirstByteTimeoutMs);
  // The caller has left before there was anything to send.
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

/** Returns why an answer cannot be passed on; undefined when it can. */
function judge(upstream: IncomingMessage, mediaBytesMax: number): HttpProblem | undefined {
  const { statusCode = 0, headers } = upstream;
  // 304 answers a condition; other 3xx are redirects.
  if (statusCode >= 300 && statusCode < 400 && statusCode !== 304)
    return new HttpProblem('ERR_MEDIA_REDIRECT');
  if (statusCode === 404 || statusCode === 410) return new HttpProblem('ERR_MEDIA_NOT_FOUND');
  if (![200, 206, 304, 412, 416].includes(statusCode)) return new HttpProblem('ERR_MEDIA_ANSWER');
  // The request allows identity only: an encoded body may unpack to more than its length.
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') return new HttpProblem('ERR_MEDIA_ANSWER');
  const bytes = Number(headers['content-length'] ?? 0);
  return bytes > mediaBytesMax ? new HttpProblem('ERR_MEDIA_TOO_LARGE', { mediaBytesMax }) : undefined;
}
