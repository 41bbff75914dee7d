/** The capability stages as the configuration wants them. */
import { randomBytes } from 'node:crypto';
import { CapabilityCache } from '../../capabilities/capability-cache.ts';
import { defaultAdvertisementLimits } from '../../capabilities/advertisements.ts';
import { contentVocabulary } from '../../capabilities/content-kinds.ts';
import { profileFiles } from '../../config/profile-files.ts';
import type { Config } from '../../config/schema.ts';
import { capabilitiesStage } from '../../session/capabilities/capabilities-stage.ts';
import { CapabilitySessions } from '../../session/capabilities/capability-sessions.ts';
import { contentFilterStage } from '../../session/capabilities/content-filter-stage.ts';
import type { CapabilityObserver } from '../../session/observer.ts';
import type { StageFactory } from '../../session/stage.ts';
import type { Names } from '../../stanza/names.ts';
import { SetupError } from '../../transport/error.ts';
import { Reloading, type ReloadReport, type SourceFile } from '../../transport/reloading.ts';
import { buildCapabilityPolicy } from '../files/capabilities.ts';
import { claimSources } from '../files/claim-conditions.ts';

export interface CapabilitiesObserver extends CapabilityObserver {
  /** Changed files were taken over, or not. */
  reloaded(report: ReloadReport): void;
}

/** Capabilities between reading the files, which says which names the scanner must know, and the first session. */
export interface CapabilitySetup {
  readonly vocabulary: { readonly namespaces: readonly string[]; readonly locals: readonly string[] };
  stages(names: Names): readonly StageFactory[];
  /** Reads the files again, now. */
  refresh(): Promise<void>;
  close(): void;
}

/** Bytes of randomness in the id of a question of our own. */
const idBytes = 12;

/** Reads the files of the section and watches them; nothing where there is no section.
 *  @throws SetupError ERR_CAPABILITIES_… */
export async function openCapabilities(
  config: Config,
  observer: CapabilitiesObserver,
): Promise<CapabilitySetup | undefined> {
  const { capabilities: section } = config;
  if (section === undefined) return undefined;
  const profiles = await profileFiles(section.profiles);
  const files: SourceFile[] = [
    { role: 'content kinds', path: section.contentKinds },
    ...profiles.map((path) => ({ role: 'profile' as const, path })),
  ];
  const claims = claimSources(config);
  let sessions: CapabilitySessions | undefined;
  const documents = await Reloading.open({
    name: 'capabilities',
    files,
    report: (report) => observer.reloaded(report),
    build(texts) {
      const policy = buildCapabilityPolicy(files, texts, claims);
      try {
        sessions?.replace(policy);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        throw unknownName(section.contentKinds);
      }
      return policy;
    },
  });
  return {
    vocabulary: contentVocabulary(documents.current.table),
    stages(names) {
      sessions = new CapabilitySessions({
        policy: documents.current,
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

/** The table asks for a name that the scanner was not built with. */
function unknownName(path: string): SetupError {
  return new SetupError(
    'ERR_CAPABILITIES_INVALID',
    `${path} recognises a content kind by a name that is known only after a restart`,
    'Restart the proxy, or undo the change',
    { role: 'content kinds', path, line: 1, column: 1 },
  );
}
