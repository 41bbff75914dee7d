/** Applies the policies in force to values of HTTP: field by field, without a stanza. */
import type { HttpAudience, HttpPolicy } from '../../http/http-policy.ts';
import type { Treatment } from '../../minimisation/treatment.ts';
import { treatValue } from '../../minimisation/value.ts';
import type { CompiledPolicy } from '../../policy/compile.ts';
import type { Enforcement } from '../../policy/enforcement.ts';
import type { Decision } from '../../stanza/verdict.ts';

export interface HttpPolicyOptions {
  readonly enforcement: Enforcement;
  /** Returns milliseconds since 1970. */
  readonly clock: () => number;
}

export function httpPolicy({ enforcement, clock }: HttpPolicyOptions): HttpPolicy {
  return {
    apply(audience, field, value, gatekeeper) {
      const context = { gatekeeper, now: clock() };
      return enforcement.apply<FieldAnswer>(
        context,
        audience,
        (policy) => ({
          value: seen(policy, audience, field, value, context),
          decisions: [policy.decision(audience, field)],
        }),
        ({ decisions }) => ({ value, decisions }),
      ).value;
    },
    unmask(field, value, gatekeeper) {
      for (const policy of enforcement.enforcedFor({ gatekeeper })) {
        const plain = unmasked(policy, field, value, gatekeeper, clock());
        if (plain !== value) return plain;
      }
      return value;
    },
  };
}

/** An audience's view of a value; undefined withholds it. */
interface FieldAnswer {
  readonly value: string | undefined;
  readonly decisions: readonly Decision[];
}

/** Rotation periods for which a pseudonym is mapped back: a registration outlives a rotation. */
const periodsMax = 32;

function unmasked(
  policy: CompiledPolicy,
  field: string,
  value: string,
  gatekeeper: string,
  now: number,
): string {
  const treatment = policy.treatment('gatekeeper', field);
  if (treatment.kind !== 'pseudonymise' || treatment.scope !== 'gatekeeper') return value;
  const { rotateMs } = treatment;
  const newest = rotateMs === undefined ? 0 : Math.floor(now / rotateMs);
  for (let period = newest; period >= 0 && period > newest - periodsMax; period -= 1) {
    const binding = { field, scope: treatment.scope, scopeValue: gatekeeper, period };
    const plain = policy.pseudonyms?.of(binding).unmask(value);
    if (plain !== undefined) return plain;
  }
  return value;
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

/** Returns the pseudonym of a value; undefined for a scope other than the gatekeeper, since HTTP has no session. */
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
  return pseudonyms
    ?.of({ field, scope: treatment.scope, scopeValue: gatekeeper, period })
    .pseudonymise(value);
}
