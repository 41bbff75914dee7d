/** POST /media/references: seals the address of a file that the provider has stored, for one gatekeeper. A client writes
 *  the reference inside its encrypted message, where no proxy can rewrite an address; the gatekeeper then asks the media
 *  relay for it. Nothing is stored: the same request within a period has the same answer. */
import type { HttpContext } from '../env.ts';
import type { ReferenceLimits } from '../limits.ts';
import { HttpProblem } from '../problem.ts';
import { RateLimiter } from '../rate-limiter.ts';
import { readJsonBody, type BodyLimits } from '../request-body.ts';
import type { JsonObject } from '../strict-json.ts';
import { authenticateProvider, checkProviderRules, type ProviderRules } from './provider-caller.ts';
import type { SsrfGuard } from './ssrf.ts';
import { referenceAudience, type MediaTokens } from './token.ts';

export interface ReferenceOptions {
  readonly tokens: () => MediaTokens;
  /** Addresses of the provider's media servers. */
  readonly guard: SsrfGuard;
  /** Names of the gatekeepers that may fetch media. */
  readonly gatekeepers: ReadonlySet<string>;
  readonly caller: ProviderRules;
  /** Absolute URL below which gatekeepers fetch by reference, with a slash at its end. */
  readonly base: string;
  /** Milliseconds for which a reference can be used, at least. */
  readonly lifetimeMs: number;
  readonly limits: BodyLimits & ReferenceLimits;
  /** Returns monotonic milliseconds. */
  readonly now: () => number;
}

/** References of one day expire together, so that a repeated request has the same answer. */
export const referencePeriodMs = 86_400_000;

/** Seconds in Retry-After: the bucket is full again after one. */
const retryAfterS = 1;

/** Makes the handler.
 *  @throws TypeError when the provider has no way to authenticate */
export function createReferences(options: ReferenceOptions): (context: HttpContext) => Promise<Response> {
  const { tokens, guard, gatekeepers, caller, base, lifetimeMs, limits, now } = options;
  checkProviderRules(caller);
  const rate = new RateLimiter(limits.mediaReferencesPerSecondMax, now);
  return async (context) => {
    authenticateProvider(context, caller);
    // Counted after authentication: strangers cannot use up the rate of the provider.
    if (!rate.take()) throw new HttpProblem('ERR_MEDIA_REFERENCE_RATE', { retryAfterS });
    const { gatekeeper, address } = requestOf(await readJsonBody(context.req.raw, limits));
    if (!gatekeepers.has(gatekeeper)) throw new HttpProblem('ERR_GATEKEEPER_UNKNOWN');
    const url = readAddress(address, guard, limits.mediaReferenceAddressCharsMax);
    const { token, expiresAtS } = tokens().issue(url.href, referenceAudience(gatekeeper), {
      context: 'reference',
      periodMs: referencePeriodMs,
      lifetimeMs,
    });
    const body = {
      reference: token,
      url: base + token,
      expiresAt: new Date(expiresAtS * 1000).toISOString(),
    };
    return Response.json(body, { headers: { 'cache-control': 'no-store' } });
  };
}

/** @throws HttpProblem ERR_HTTP_MEMBER */
function requestOf({ gatekeeper, address, ...rest }: JsonObject): {
  readonly gatekeeper: string;
  readonly address: string;
} {
  if (typeof gatekeeper !== 'string' || typeof address !== 'string' || Object.keys(rest).length > 0)
    throw new HttpProblem('ERR_HTTP_MEMBER');
  return { gatekeeper, address };
}

/** Returns the address in its canonical form.
 *  @throws HttpProblem ERR_MEDIA_REFERENCE_LENGTH; ERR_HTTP_MEMBER for another text than an absolute address, or one with
 *  a fragment; ERR_MEDIA_ORIGIN; ERR_MEDIA_ADDRESS */
function readAddress(address: string, guard: SsrfGuard, mediaReferenceAddressCharsMax: number): URL {
  const tooLong = (text: string): boolean => text.length > mediaReferenceAddressCharsMax;
  // Before parsing, and again after it: percent-encoding makes an address longer.
  if (tooLong(address))
    throw new HttpProblem('ERR_MEDIA_REFERENCE_LENGTH', { mediaReferenceAddressCharsMax });
  // A fragment is never sent to a server; with XEP-0454 it is the key of the file, which the proxy must not have.
  if (!URL.canParse(address) || address.includes('#')) throw new HttpProblem('ERR_HTTP_MEMBER');
  const url = guard.checkUrl(address);
  if (tooLong(url.href))
    throw new HttpProblem('ERR_MEDIA_REFERENCE_LENGTH', { mediaReferenceAddressCharsMax });
  return url;
}
