/** POST /push: a notification in the published shape, `{"to": …}`, from a gatekeeper with the chat channel, which is known by
 *  its token. The provider receives the same shape. 200 means that the provider has accepted it. */
import type { HttpContext } from '../env.ts';
import { HttpProblem } from '../problem.ts';
import { readJsonBody } from '../request-body.ts';
import type { JsonObject } from '../strict-json.ts';
import {
  bearerToken,
  claimedIssuer,
  type SignedTokenRules,
  type TokenClaims,
} from '../tokens/signed-token.ts';
import type { StateStore } from '../../state/store.ts';
import { authenticateCaller, type CallerRules } from './caller.ts';
import { digest } from './delivery.ts';
import type { PushOptions } from './relay.ts';

/** The rules of a caller that shows a token in any case. */
export interface PublishedCallerRules extends CallerRules {
  readonly token: SignedTokenRules;
  /** Whether a token with a `jti` (RFC 7519 §4.1.7) is for one notification only. */
  readonly singleUse: boolean;
}

export interface PublishedPushOptions extends PushOptions<PublishedCallerRules> {
  /** The notifications that tokens were used for, of all replicas together. */
  readonly state: StateStore;
  /** Returns milliseconds since 1970. */
  readonly now: () => number;
}

/** UTF-16 code units of the longest identifier. */
const identifierLengthMax = 1_024;

/** Makes the handler.
 *  @throws TypeError when two gatekeepers have the same issuer: a token would not say whose it is */
export function createPublishedPush(
  options: PublishedPushOptions,
): (context: HttpContext) => Promise<Response> {
  const { peerCertificate, policy, limits, delivery } = options;
  const callers = byIssuer(options);
  return async (context) => {
    const { name, rules } = callerOf(context, callers);
    const claims = await authenticateCaller(context, rules, peerCertificate);
    await delivery.admit(name, async () => {
      const to = recipient(await readJsonBody(context.req.raw, limits));
      const id = rules.singleUse ? await useToken(name, claims, to, options) : undefined;
      const seen = policy.apply('provider', 'push.recipient', to, name);
      if (seen === undefined) throw new HttpProblem('ERR_PUSH_NOTHING_LEFT');
      await delivery.deliver(id, JSON.stringify({ to: seen }));
    });
    return new Response(null, { status: 200, headers: { 'cache-control': 'no-store' } });
  };
}

interface Caller {
  readonly name: string;
  readonly rules: PublishedCallerRules;
}

function byIssuer({ gatekeepers }: PublishedPushOptions): ReadonlyMap<string, Caller> {
  const callers = new Map<string, Caller>();
  for (const [name, rules] of gatekeepers) callers.set(rules.token.issuer, { name, rules });
  if (callers.size !== gatekeepers.size) throw new TypeError('two gatekeepers push with the same issuer');
  return callers;
}

/** Returns the caller that the token names; its rules are applied to the token next.
 *  @throws HttpProblem ERR_TOKEN_MISSING, ERR_TOKEN_ISSUER, and those of `claimedIssuer` */
function callerOf({ req }: HttpContext, callers: ReadonlyMap<string, Caller>): Caller {
  const [first] = callers.values();
  const issuer = claimedIssuer(bearerToken(req.raw.headers), first!.rules.token.limits);
  const caller = issuer === undefined ? undefined : callers.get(issuer);
  if (caller === undefined) throw new HttpProblem('ERR_TOKEN_ISSUER');
  return caller;
}

/** @throws HttpProblem ERR_HTTP_MEMBER */
function recipient({ to, ...rest }: JsonObject): string {
  if (typeof to !== 'string' || to === '' || to.length > identifierLengthMax || !to.isWellFormed())
    throw new HttpProblem('ERR_HTTP_MEMBER');
  if (Object.keys(rest).length > 0) throw new HttpProblem('ERR_HTTP_MEMBER');
  return to;
}

/** Takes a token with a `jti` for one notification. The same notification sent again is no replay.
 *  @returns the id of the notification; undefined where the token has no `jti`
 *  @throws HttpProblem ERR_TOKEN_REPLAYED; StateUnavailable */
async function useToken(
  gatekeeper: string,
  claims: TokenClaims | undefined,
  to: string,
  { state, now }: PublishedPushOptions,
): Promise<string | undefined> {
  const jti = claims?.all['jti'];
  if (claims === undefined || jti === undefined) return undefined;
  const token = `${gatekeeper}\n${JSON.stringify(jti)}`;
  const use = Buffer.from(digest(`use\n${token}\n${to}`));
  const earlier = await state.claim('push', digest(`token\n${token}`), use, claims.acceptedUntil - now());
  if (earlier !== undefined && !use.equals(earlier)) throw new HttpProblem('ERR_TOKEN_REPLAYED');
  return digest(`notification\n${token}`);
}
