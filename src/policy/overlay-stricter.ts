import { compare } from './diff.ts';
import { treatmentOf, type Matrix, type Policy, type Rule } from './policy.ts';
import { audienceNames } from './schema.ts';

/** Returns the rules of `over` where an audience is shown less by them than by `policy`, and those of `policy` elsewhere. */
export function overlayStricter(policy: Pick<Policy, 'matrix' | 'unlisted'>, over: Matrix): Matrix {
  const entries = audienceNames.map((audience) => {
    const rules = new Map<string, Rule>(policy.matrix[audience]);
    for (const [field, rule] of over[audience]) {
      const usual = treatmentOf(policy, audience, field).treatment;
      if (compare(usual, rule.treatment) === 'less') rules.set(field, rule);
    }
    return [audience, rules] as const;
  });
  return Object.fromEntries(entries) as unknown as Matrix;
}
