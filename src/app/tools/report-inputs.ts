/** Reads a configuration with the documents that it names, for reports. Opens no port. */
import type { CapabilityProfile } from '../../capabilities/profile.ts';
import { loadConfig, type LoadedConfig } from '../../config/load.ts';
import { profileFiles } from '../../config/profile-files.ts';
import type { Config } from '../../config/schema.ts';
import { capabilitySections } from '../../config/scopes.ts';
import type { Catalogue } from '../../policy/catalogue.ts';
import type { Policy } from '../../policy/policy.ts';
import { CapabilitiesRefused, readCapabilityPolicy } from '../files/capabilities.ts';
import { claimSources } from '../files/claim-conditions.ts';
import { digestOf } from '../files/digest.ts';
import { openCatalogue, openPolicyFiles, readText } from '../files/policies.ts';

export interface ReportInputs extends LoadedConfig {
  readonly catalogue: Catalogue;
  /** Returns a policy by its name or file.
   *  @throws FileMissing, PolicyRefused */
  policy(file: string): { readonly policy: Policy; readonly digest: string };
  /** Returns the profiles of a gatekeeper's clients with their files. */
  profiles(gatekeeper: string): readonly { readonly profile: CapabilityProfile; readonly file: string }[];
}

/** Reads them. Certificates and keys may be missing.
 *  @throws ConfigError, CapabilitiesRefused, FileMissing, PolicyRefused */
export async function readReportInputs(file: string): Promise<ReportInputs> {
  const loaded = await loadConfig({
    file,
    environment: process.env,
    folder: process.cwd(),
    filesMayBeMissing: true,
  });
  const { config } = loaded;
  const profiles = await readProfiles(config);
  return {
    ...loaded,
    catalogue: openCatalogue(config.policy.catalogue),
    policy: openPolicyDocument,
    profiles: (gatekeeper) => profiles.get(gatekeeper) ?? [],
  };
}

/** Opens a policy with the digest of its files.
 *  @throws FileMissing, PolicyRefused */
export function openPolicyDocument(nameOrFile: string): { readonly policy: Policy; readonly digest: string } {
  const { policy, files } = openPolicyFiles(nameOrFile);
  return { policy, digest: digestOf(files.map(({ text }) => text)) };
}

type Profiles = ReturnType<ReportInputs['profiles']>;

async function readProfiles(config: Config): Promise<ReadonlyMap<string, Profiles>> {
  const sections = await Promise.all(
    capabilitySections(config).map(async ({ section, gatekeepers }) => {
      const table = readText(section.contentKinds);
      const sources = (await profileFiles(section.profiles)).map(readText);
      const reading = readCapabilityPolicy(table, sources, claimSources(config, gatekeepers));
      if (reading.kind === 'invalid')
        throw new CapabilitiesRefused({ role: reading.role, path: reading.file }, reading.problems);
      const profiles = reading.profiles.map((profile, index) => ({ profile, file: sources[index]!.file }));
      return gatekeepers.map((gatekeeper) => [gatekeeper, profiles] as const);
    }),
  );
  return new Map(sections.flat());
}
