/** POST /push/:gatekeeper: a notification from a gatekeeper with `protocol: xmpp` to the provider, reduced to what the policy
 *  lets the provider see. 202 means that the provider has accepted it. Until then it exists only in this request, and
 *  every other answer asks the gatekeeper to send it again. */
import type { HttpContext } from '../env.ts';
import { applyToScalar, type HttpPolicy } from '../http-policy.ts';
import { HttpProblem } from '../problem.ts';
import { authenticateCaller, checkCallerRules, type CallerRules, type PeerCertificate } from './caller.ts';
import { digest, type Delivery } from './delivery.ts';
import { readJsonBody, type BodyLimits } from '../request-body.ts';
import { isScalar, type JsonObject, type JsonScalar } from '../strict-json.ts';

export interface PushOptions<Rules extends CallerRules = CallerRules> {
  readonly gatekeepers: ReadonlyMap<string, Rules>;
  readonly peerCertificate: PeerCertificate;
  readonly policy: HttpPolicy;
  readonly limits: BodyLimits;
  readonly delivery: Delivery;
}

/** Makes the handler.
 *  @throws TypeError when a gatekeeper has no way to authenticate */
export function createPush(options: PushOptions): (context: HttpContext) => Promise<Response> {
  const { gatekeepers, peerCertificate, delivery, limits, policy } = options;
  for (const rules of gatekeepers.values()) checkCallerRules(rules);
  return async (context) => {
    const name = context.req.param('gatekeeper') ?? '';
    const rules = gatekeepers.get(name);
    if (rules === undefined) throw new HttpProblem('ERR_GATEKEEPER_UNKNOWN');
    await authenticateCaller(context, rules, peerCertificate);
    await delivery.admit(name, async () => {
      const { id, payload } = minimise(await readJsonBody(context.req.raw, limits), name, policy);
      await delivery.deliver(digest(`${name}\n${id}`), payload);
    });
    return new Response(null, { status: 202, headers: { 'cache-control': 'no-store' } });
  };
}

const memberForm = /^[a-z][a-z0-9_-]{0,63}$/;

/** Reduces a notification to the allowed members. They are sorted, so that equal notifications are equal texts and
 *  the gatekeeper's order does not pass.
 *  @throws HttpProblem ERR_HTTP_MEMBER, ERR_PUSH_NOTHING_LEFT */
function minimise(
  notification: JsonObject,
  gatekeeper: string,
  policy: HttpPolicy,
): { readonly id: string; readonly payload: string } {
  const { id } = notification;
  if (typeof id !== 'string' || id === '') throw new HttpProblem('ERR_HTTP_MEMBER');
  const members = Object.entries(notification).sort(([a], [b]) => (a < b ? -1 : 1));
  const kept = members.flatMap(([member, value]): [string, JsonScalar][] => {
    if (!memberForm.test(member) || !isScalar(value)) throw new HttpProblem('ERR_HTTP_MEMBER');
    // The gatekeeper may have a pseudonym in place of the node that the client registered.
    const known =
      member === 'recipient' && typeof value === 'string'
        ? policy.unmask('push.node', value, gatekeeper)
        : value;
    const left = applyToScalar(policy, 'provider', `push.${member}`, known, gatekeeper);
    return left === undefined ? [] : [[member, left]];
  });
  if (kept.length === 0) throw new HttpProblem('ERR_PUSH_NOTHING_LEFT');
  return { id, payload: JSON.stringify(Object.fromEntries(kept)) };
}
