/** What `narthex check` says of media: a policy that seals their addresses, for gatekeepers that could not fetch them. */
import { configErrors, type ConfigProblem } from '../config/problem.ts';
import type { Config } from '../config/schema.ts';
import { treatmentOf, type Policy } from '../policy/policy.ts';

/** @param policy the metadata policy to be enforced; undefined when it cannot be read */
export function mediaProblems(
  { provider, http, gatekeepers }: Config,
  policy: Policy | undefined,
): readonly ConfigProblem[] {
  if (provider?.media === undefined || http === undefined || policy === undefined) return [];
  const { treatment } = treatmentOf(policy, 'gatekeeper', 'content.media-url');
  if (treatment.kind !== 'pseudonymise') return [];
  return gatekeepers.flatMap(({ name, media }, index) => {
    if (media !== undefined) return [];
    return {
      severity: 'warning',
      code: 'ERR_CONFIG_MISSING',
      path: `gatekeepers[${index}]`,
      message: `\`${name}\` is shown sealed addresses of media (content.media-url) and can fetch none of them without \`media\``,
      wayOut: configErrors.ERR_CONFIG_MISSING.wayOut,
    };
  });
}
