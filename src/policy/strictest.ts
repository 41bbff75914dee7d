/** The stricter of several policies, field by field: what holds while it is not known which of them is for an account. */
import type { Treatment } from '../minimisation/treatment.ts';
import type { Audience } from '../stanza/direction.ts';
import { describeTreatment } from './describe.ts';
import { compare } from './diff.ts';
import { treatmentOf, type Matrix, type Policy, type PolicyException, type Rule } from './policy.ts';
import { overlay } from './resolve.ts';
import { audienceNames } from './schema.ts';

type Ruled = Pick<Policy, 'matrix' | 'unlisted' | 'file' | 'name'>;

/** Returns a policy under which no audience sees more of a field than under any of `policies`. Where neither of two
 *  treatments shows less, that of the earlier policy is taken. A policy in shadow mode shows everything, so it counts only
 *  when all are.
 *  @param policies at least one */
export function strictestOf(policies: readonly Policy[]): Policy {
  const enforced = policies.filter(({ mode }) => mode === 'enforce');
  const counted = enforced.length === 0 ? policies : enforced;
  const [first] = counted;
  if (counted.length === 1) return first!;
  const unlisted = counted.find((policy) => policy.unlisted !== 'keep')?.unlisted ?? 'keep';
  const matrix = strictestMatrix(counted);
  return { ...first!, unlisted, matrix, exceptions: strictestExceptions(counted, matrix) };
}

function strictestMatrix(policies: readonly Ruled[]): Matrix {
  return matrixBy((audience) => {
    const fields = new Set(policies.flatMap(({ matrix }) => [...matrix[audience].keys()]));
    return new Map([...fields].map((field) => [field, strictestRule(policies, audience, field)]));
  });
}

function strictestRule(policies: readonly Ruled[], audience: Audience, field: string): Rule {
  const rules = policies.map((policy) => {
    const { treatment, rule } = treatmentOf(policy, audience, field);
    const place = { file: policy.file, line: 1, column: 1 };
    return { ...(rule ?? { why: '', policy: policy.name, place }), field, treatment };
  });
  return rules.reduce((strict, rule) =>
    compare(strict.treatment, rule.treatment) === 'less' ? rule : strict,
  );
}

/** Returns, for each condition and end date of any policy, the strictest of what the policies do in that case. An
 *  exception that only one of them has cannot loosen what another says. */
function strictestExceptions(policies: readonly Policy[], plain: Matrix): readonly PolicyException[] {
  const cases = new Map(
    policies.flatMap(({ exceptions }) => exceptions.map((exception) => [caseOf(exception), exception])),
  );
  return [...cases].flatMap(([key, exception]) => {
    const matrix = matrixInCase(policies, key, plain);
    return audienceNames.every((audience) => matrix[audience].size === 0) ? [] : [{ ...exception, matrix }];
  });
}

/** Returns the rules that are stricter, or by all policies looser, in this case than otherwise. */
function matrixInCase(policies: readonly Policy[], key: string, plain: Matrix): Matrix {
  const applied = policies.map((policy) => ({
    ...policy,
    matrix: policy.exceptions
      .filter((each) => caseOf(each) === key)
      .reduce((matrix, each) => overlay(matrix, each.matrix), policy.matrix),
  }));
  const strict = strictestMatrix(applied);
  return matrixBy((audience) => {
    const changed = [...strict[audience]].filter(
      ([field, { treatment }]) =>
        describeTreatment(treatment) !== describeTreatment(treatmentIn(plain, policies, audience, field)),
    );
    return new Map(changed);
  });
}

function treatmentIn(
  plain: Matrix,
  policies: readonly Policy[],
  audience: Audience,
  field: string,
): Treatment {
  return plain[audience].get(field)?.treatment ?? strictestRule(policies, audience, field).treatment;
}

function matrixBy(rules: (audience: Audience) => ReadonlyMap<string, Rule>): Matrix {
  return Object.fromEntries(audienceNames.map((name) => [name, rules(name)])) as unknown as Matrix;
}

function caseOf({ when, expiresAt }: PolicyException): string {
  return JSON.stringify([when, expiresAt]);
}
