/** The capability stages: profiles and content kinds from files, and the stages that apply them. */
import { randomBytes } from 'node:crypto';
import { CapabilityCache } from '../../capabilities/capability-cache.ts';
import { defaultAdvertisementLimits } from '../../capabilities/advertisements.ts';
import { contentVocabulary } from '../../capabilities/content-kinds.ts';
import { profileFiles } from '../../config/profile-files.ts';
import type { Config } from '../../config/schema.ts';
import { capabilitiesStage } from '../../session/capabilities/capabilities-stage.ts';
import { CapabilitySessions } from '../../session/capabilities/capability-sessions.ts';
import { contentFilterStage } from '../../session/capabilities/content-filter-stage.ts';
import type { StageFactory } from '../../session/stage.ts';
import type { Names } from '../../stanza/names.ts';
import { SetupError } from '../../transport/error.ts';
import { Reloading, type SourceFile } from '../../transport/reloading.ts';
import type { CapabilityPolicy } from '../../capabilities/advertisements.ts';
import { digestOf } from '../files/digest.ts';
import { buildCapabilityPolicy } from '../files/capabilities.ts';
import type { ClaimSources } from '../files/claim-conditions.ts';
import type { CapabilitiesObserver } from '../observer.ts';
import type { Part } from '../part.ts';

/** Capabilities before the first session: their files say which names the scanner must have. */
export interface Capabilities extends Part {
  readonly vocabulary: { readonly namespaces: readonly string[]; readonly locals: readonly string[] };
  /** Digest of content kinds and profiles in force (`files/digest.ts`). */
  readonly digest: string;
  /** Makes the stages. Called once, before the first session. */
  stages(names: Names): readonly StageFactory[];
}

interface CapabilityDocuments {
  readonly policy: CapabilityPolicy;
  readonly digest: string;
}

/** Random bytes in the id of the proxy's own questions. */
const idBytes = 12;

/** Reads the files of the section and watches them.
 *  @throws SetupError ERR_CAPABILITIES_… */
export async function openCapabilities(
  section: NonNullable<Config['capabilities']>,
  claims: ClaimSources,
  observer: CapabilitiesObserver,
): Promise<Capabilities> {
  const profiles = await profileFiles(section.profiles);
  const files: SourceFile[] = [
    { role: 'content kinds', path: section.contentKinds },
    ...profiles.map((path) => ({ role: 'profile' as const, path })),
  ];
  let sessions: CapabilitySessions | undefined;
  const documents: Reloading<CapabilityDocuments> = await Reloading.open({
    name: 'capabilities',
    files,
    report: (report) => observer.reloaded(report, documents.current.digest),
    build(texts) {
      const policy = buildCapabilityPolicy(files, texts, claims);
      try {
        sessions?.replace(policy);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        throw unknownName(section.contentKinds);
      }
      return { policy, digest: digestOf(texts) };
    },
  });
  return {
    vocabulary: contentVocabulary(documents.current.policy.table),
    get digest() {
      return documents.current.digest;
    },
    stages(names) {
      sessions = new CapabilitySessions({
        policy: documents.current.policy,
        cache: new CapabilityCache(),
        names,
        limits: {
          ...defaultAdvertisementLimits,
          holdMs: section.holdMs,
          readvertiseJitterMs: section.readvertiseJitterMs,
        },
        random: Math.random,
        newId: () => randomBytes(idBytes).toString('base64url'),
        observer,
      });
      return [capabilitiesStage(sessions), contentFilterStage(sessions)];
    },
    refresh: () => documents.refresh(),
    close: () => documents.close(),
  };
}

/** Returns the error for a name in the table that the scanner was not built with. */
function unknownName(path: string): SetupError {
  return new SetupError(
    'ERR_CAPABILITIES_INVALID',
    `${path} recognises a content kind by a name that is known only after a restart`,
    'Restart the proxy, or undo the change',
    { role: 'content kinds', path, line: 1, column: 1 },
  );
}
