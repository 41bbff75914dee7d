/** The policies in force as the HTTP plane asks them: field by field, beside any stanza. */
import type { HttpAudience, HttpPolicy } from '../http/http-policy.ts';
import type { Treatment } from '../minimisation/treatment.ts';
import { treatValue } from '../minimisation/value.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import type { PoliciesInForce, PolicyStageOptions } from '../session/policy-stage.ts';

/** @param clock milliseconds since 1970. */
export function httpPolicy(
  policies: () => PoliciesInForce,
  decided: PolicyStageOptions['decided'],
  clock: () => number,
): HttpPolicy {
  return {
    see(audience, field, value, gatekeeper) {
      const { enforced, shadow } = policies();
      if (shadow !== undefined) decided(audience, 'shadow', [shadow.decision(audience, field)]);
      const isEnforced = enforced.mode === 'enforce';
      decided(audience, isEnforced ? 'enforced' : 'shadow', [enforced.decision(audience, field)]);
      return isEnforced ? seen(enforced, audience, field, value, { gatekeeper, now: clock() }) : value;
    },
  };
}

function seen(
  policy: CompiledPolicy,
  audience: HttpAudience,
  field: string,
  value: string,
  { gatekeeper, now }: { readonly gatekeeper: string; readonly now: number },
): string | undefined {
  const treatment = policy.treatment(audience, field);
  return treatValue(value, treatment, (plain) => hidden(policy, field, plain, treatment, gatekeeper, now));
}

/** There is no session and no account here, so what is no scope of a gatekeeper has no pseudonym. */
function hidden(
  { pseudonyms }: CompiledPolicy,
  field: string,
  value: string,
  treatment: Treatment,
  gatekeeper: string,
  now: number,
): string | undefined {
  if (treatment.kind !== 'pseudonymise' || treatment.scope !== 'gatekeeper') return undefined;
  const period = treatment.rotateMs === undefined ? 0 : Math.floor(now / treatment.rotateMs);
  return pseudonyms?.hide(value, { field, scope: treatment.scope, scopeValue: gatekeeper, period });
}
