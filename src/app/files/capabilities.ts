/** Reads the provider's capability documents: profiles and the table of content kinds. */
import type { CapabilityPolicy } from '../../capabilities/advertisements.ts';
import { unfilteredKinds } from '../../capabilities/content-filter.ts';
import { readContentKinds } from '../../capabilities/content-kinds.ts';
import { createProfileSet } from '../../capabilities/profile-set.ts';
import { readProfile, type CapabilityProfile } from '../../capabilities/profile.ts';
import { placeText, type Diagnostic, type PlacedDiagnostic } from '../../documents/diagnostic.ts';
import type { Source } from '../../capabilities/document.ts';
import { SetupError, type FileRole } from '../../transport/error.ts';
import type { SourceFile } from '../../transport/reloading.ts';
import { claimProblems, domainsWithoutClaims, type ClaimSources } from './claim-conditions.ts';

export type CapabilityPolicyReading =
  | {
      readonly kind: 'policy';
      readonly policy: CapabilityPolicy;
      readonly profiles: readonly CapabilityProfile[];
      /** Promises of profiles that cannot be kept. */
      readonly notes: readonly Note[];
    }
  | {
      readonly kind: 'invalid';
      readonly role: FileRole;
      readonly file: string;
      /** At least one. */
      readonly problems: readonly PlacedDiagnostic[];
    };

/** A promise of a profile that cannot be kept: its file, and one sentence. */
export interface Note {
  readonly file: string;
  readonly message: string;
}

/** Reads the documents; returns every problem of the first wrong kind of file. */
export function readCapabilityPolicy(
  table: Source,
  profiles: readonly Source[],
  claims: ClaimSources,
): CapabilityPolicyReading {
  const kinds = readContentKinds(table);
  if (kinds.kind === 'invalid') return invalid('content kinds', table, kinds.problems);
  const readings = profiles.map((source) => readProfile(source, kinds.table));
  const problems = readings.map((reading) =>
    reading.kind === 'invalid' ? reading.problems : claimProblems(reading.profile, reading.at, claims),
  );
  const wrong = problems.findIndex(({ length }) => length > 0);
  if (wrong !== -1) return invalid('profile', profiles[wrong]!, problems.flat());
  const read = readings.flatMap((reading) => (reading.kind === 'profile' ? [reading.profile] : []));
  const set = createProfileSet(read);
  if (set.kind === 'invalid') {
    const { code, names } = set;
    const sentence =
      code === 'ERR_PROFILE_NAME'
        ? `two profiles are called ${names.join(', ')}`
        : `exactly one profile must have no \`match\`; these have none: ${names.join(', ') || 'no profile'}`;
    const { file } = profiles[0] ?? table;
    const remedy =
      code === 'ERR_PROFILE_NAME' ? 'Rename one of them' : 'Leave `match` out of one profile only';
    return invalid('profile', { file }, [
      { severity: 'error', file, line: 1, column: 1, code, reason: sentence, remedy },
    ]);
  }
  const policy = { profiles: set.profiles, table: kinds.table };
  return {
    kind: 'policy',
    policy,
    profiles: read,
    notes: read.flatMap((profile, index) => notesOn(profile, profiles[index]!, policy, claims)),
  };
}

/** Builds the policy from the texts of watched files.
 *  @throws CapabilitiesRefused */
export function buildCapabilityPolicy(
  files: readonly SourceFile[],
  texts: readonly string[],
  claims: ClaimSources,
): CapabilityPolicy {
  const [table, ...profiles] = files.map(({ path }, index) => ({ file: path, text: texts[index] ?? '' }));
  const reading = readCapabilityPolicy(table!, profiles, claims);
  if (reading.kind === 'policy') return reading.policy;
  const { role, file: path, problems } = reading;
  throw new CapabilitiesRefused({ role, path }, problems);
}

/** The documents cannot be used. */
export class CapabilitiesRefused extends SetupError {
  readonly #problems: readonly Diagnostic[];

  /** @param problems at least one; the message names the first */
  constructor(
    file: { readonly role: FileRole; readonly path: string },
    problems: readonly PlacedDiagnostic[],
  ) {
    const remedy = '`narthex check` names every line that is wrong';
    const { code, reason } = problems[0]!;
    super('ERR_CAPABILITIES_INVALID', `${placeText(problems[0]!)}: ${code} ${reason}`, remedy, file);
    this.#problems = problems;
  }

  override get diagnostics(): readonly Diagnostic[] {
    return this.#problems;
  }
}

function notesOn(
  profile: CapabilityProfile,
  { file }: Source,
  { table }: CapabilityPolicy,
  claims: ClaimSources,
): Note[] {
  const notes: string[] = [];
  const without = domainsWithoutClaims(profile, claims);
  if (without.length > 0)
    notes.push(
      `profile \`${profile.name}\` asks for a claim, and no session of ${without.join(', ')} has any: there it is ` +
        'never chosen',
    );
  const kinds = unfilteredKinds(profile, table).map(({ kind }) => kind);
  if (kinds.length > 0)
    notes.push(
      `profile \`${profile.name}\` does not receive ${kinds.join(', ')}, but encrypted messages need not show ` +
        'them: there they cannot be kept out',
    );
  return notes.map((message) => ({ file, message }));
}

function invalid(
  role: FileRole,
  { file }: Pick<Source, 'file'>,
  problems: readonly PlacedDiagnostic[],
): CapabilityPolicyReading {
  return { kind: 'invalid', role, file, problems };
}
