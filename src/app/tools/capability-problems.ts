/** Checks the capability documents for `narthex check`: their problems, promises of a profile that cannot be kept,
 *  and contradictions with the metadata policy. */
import { readFile } from 'node:fs/promises';
import { decidedByProfile } from '../../capabilities/decided-fields.ts';
import type { Source } from '../../capabilities/document.ts';
import { formatPath, type ConfigProblem } from '../../config/problem.ts';
import { profileFiles } from '../../config/profile-files.ts';
import type { Config } from '../../config/schema.ts';
import { capabilitySections, policySections } from '../../config/scopes.ts';
import { treatmentOf, type Policy } from '../../policy/policy.ts';
import { readCapabilityPolicy } from '../files/capabilities.ts';
import { claimSources } from '../files/claim-conditions.ts';

/** Reads the documents as `serve` does, and returns their problems.
 *  @param openPolicy reads a metadata policy to be enforced; undefined when one of them cannot be read */
export async function capabilityProblems(
  config: Config,
  openPolicy: ((file: string) => Policy) | undefined,
): Promise<readonly ConfigProblem[]> {
  const found = await Promise.all(
    capabilitySections(config).map(async (scope) => {
      const policies = openPolicy === undefined ? [] : policiesBeside(config, scope).map(openPolicy);
      const path = formatPath(scope.path);
      return (await sectionProblems(config, scope, policies)).map((each) => ({ ...each, path }));
    }),
  );
  return found.flat();
}

/** The files of the policies of the gatekeepers that a section is for, each once. */
function policiesBeside(config: Config, { gatekeepers }: CapabilityScope): readonly string[] {
  const concerned = policySections(config).filter((policy) =>
    policy.gatekeepers.some((name) => gatekeepers.includes(name)),
  );
  const files = concerned.flatMap(({ section: { file, share = [] } }) => [
    file,
    ...share.map((each) => each.file),
  ]);
  return [...new Set(files)];
}

type CapabilityScope = ReturnType<typeof capabilitySections>[number];

async function sectionProblems(
  config: Config,
  { section, gatekeepers }: CapabilityScope,
  policies: readonly Policy[],
): Promise<readonly ConfigProblem[]> {
  const table = await read(section.contentKinds);
  const profiles = await Promise.all((await profileFiles(section.profiles)).map(read));
  // Missing files are reported with the configuration that names them.
  if (table === undefined || profiles.includes(undefined)) return [];
  const reading = readCapabilityPolicy(
    table,
    profiles.filter((source) => source !== undefined),
    claimSources(config, gatekeepers),
  );
  if (reading.kind === 'invalid')
    return reading.problems.map(({ code, reason, remedy, file, line, column }) => ({
      ...problem('error', `${code} ${reason}`, remedy),
      place: { file, line, column },
    }));
  return [
    ...reading.notes.map(({ file, message }) => ({
      ...problem(
        'warning',
        message,
        'docs/capabilities.md says what can be kept; nothing is wrong with serving it.',
      ),
      place: { file, line: 1, column: 1 },
    })),
    ...policies.flatMap(contradictions),
  ];
}

/** Warns where the policy treats a field that profiles decide: the policy does not apply to the proxy's own
 *  advertisement. */
function contradictions(policy: Policy): ConfigProblem[] {
  return decidedByProfile.flatMap((field) => {
    const { treatment, rule } = treatmentOf(policy, 'gatekeeper', field);
    if (treatment.kind === 'keep' || rule?.field !== field) return [];
    const message = `\`${field}: ${treatment.kind}\` changes nothing for the gatekeeper: the capability profile decides what it sees`;
    return [
      {
        ...problem('warning', message, 'Say it in the profile, and leave the field out of the policy.'),
        place: rule.place,
      },
    ];
  });
}

function problem(severity: ConfigProblem['severity'], message: string, remedy: string): ConfigProblem {
  return { severity, code: 'ERR_CONFIG_CAPABILITIES', path: 'capabilities', message, remedy };
}

async function read(file: string): Promise<Source | undefined> {
  try {
    return { file, text: await readFile(file, 'utf8') };
  } catch {
    return undefined;
  }
}
