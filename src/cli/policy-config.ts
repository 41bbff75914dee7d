/** The policies that a configuration names, for the commands that take one with `--config`. */
import { loadConfig } from '../config/load.ts';
import { policySections } from '../config/scopes.ts';
import { misused } from './input-error.ts';

export interface ConfiguredPolicies {
  /** Every policy, in the order of the configuration, each once. */
  readonly files: readonly string[];
  /** More entries of the catalogue. */
  readonly catalogue: readonly string[];
  readonly obligations: string | undefined;
  /** Returns the policy to be enforced for a gatekeeper, apart from shares of the accounts. @throws InputError for a gatekeeper that is not there */
  enforcedFor(gatekeeper: string): string | undefined;
}

/** Loads a configuration. @throws ConfigError */
export async function policiesOfConfig(file: string): Promise<ConfiguredPolicies> {
  const { config } = await loadConfig({ file, environment: process.env, folder: process.cwd() });
  const sections = policySections(config);
  const named = sections.flatMap(({ section: { file: usual, shadow, share = [] } }) => [
    usual,
    ...share.map((each) => each.file),
    ...(shadow === undefined ? [] : [shadow]),
  ]);
  return {
    files: [...new Set(named)],
    catalogue: config.policy.catalogue,
    obligations: config.policy.obligations,
    enforcedFor(gatekeeper) {
      const found = sections.find(({ gatekeepers }) => gatekeepers.includes(gatekeeper));
      if (found !== undefined) return found.section.file;
      const names = config.gatekeepers.map(({ name }) => name).join(', ');
      throw misused(`there is no gatekeeper ${gatekeeper} in ${file}, but ${names}`);
    },
  };
}
