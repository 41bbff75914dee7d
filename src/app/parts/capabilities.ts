/** The capability stages: profiles and content kinds from files, and the stages that apply them. */
import { randomBytes } from 'node:crypto';
import { receivesReadReceipts } from '../../capabilities/chat-content.ts';
import { CapabilityCache } from '../../capabilities/capability-cache.ts';
import { defaultAdvertisementLimits } from '../../capabilities/advertisements.ts';
import { contentVocabulary } from '../../capabilities/content-kinds.ts';
import { profileFiles } from '../../config/profile-files.ts';
import { formatPath } from '../../config/problem.ts';
import type { Config } from '../../config/schema.ts';
import { capabilitySections } from '../../config/scopes.ts';
import { capabilitiesStage } from '../../session/capabilities/capabilities-stage.ts';
import { CapabilitySessions } from '../../session/capabilities/capability-sessions.ts';
import { chatProfile, contentFilterStage } from '../../session/capabilities/content-filter-stage.ts';
import type { Stage, StageFactory } from '../../session/stage.ts';
import type { Names } from '../../stanza/names.ts';
import { forward } from '../../stanza/verdict.ts';
import { SetupError } from '../../transport/error.ts';
import { Reloading, type SourceFile } from '../../transport/reloading.ts';
import type { CapabilityPolicy } from '../../capabilities/advertisements.ts';
import { digestOf } from '../files/digest.ts';
import { buildCapabilityPolicy } from '../files/capabilities.ts';
import { claimSources, type ClaimSources } from '../files/claim-conditions.ts';
import type { CapabilitiesObserver } from '../observer.ts';
import { assemble, type Part } from '../part.ts';

/** Capabilities before the first session: their files say which names the scanner must have. */
export interface Capabilities extends Part {
  readonly vocabulary: { readonly namespaces: readonly string[]; readonly locals: readonly string[] };
  /** Returns the digest of content kinds and profiles in force (`files/digest.ts`); of several sections, that of their
   *  digests. */
  digest(): string;
  /** Returns whether the profile of a client on the chat channel receives read receipts; undefined where the gatekeeper
   *  has no profiles. */
  receivesReadReceipts(gatekeeper: string, client: ChatClient): boolean | undefined;
  /** Makes the stages. Called once, before the first session. */
  stages(names: Names): readonly StageFactory[];
}

type ChatClient = Parameters<typeof chatProfile>[1];

interface CapabilityDocuments {
  readonly policy: CapabilityPolicy;
  readonly digest: string;
}

/** Random bytes in the id of the proxy's own questions. */
const idBytes = 12;

/** Opens the sections `capabilities`, each for its gatekeepers; undefined without any.
 *  @throws SetupError ERR_CAPABILITIES_… */
export async function openCapabilities(
  config: Config,
  observer: CapabilitiesObserver,
): Promise<Capabilities | undefined> {
  const sections = capabilitySections(config);
  if (sections.length === 0) return undefined;
  return assemble(async (parts) => {
    const opened: { readonly gatekeepers: readonly string[]; readonly capabilities: Capabilities }[] = [];
    for (const { path, section, gatekeepers } of sections) {
      const claims = claimSources(config, gatekeepers);
      const capabilities = await openSection(section, {
        name: formatPath(path),
        claims,
        gatekeepers,
        observer,
      });
      opened.push({ gatekeepers, capabilities: parts.track(capabilities) });
    }
    const vocabularies = opened.map(({ capabilities }) => capabilities.vocabulary);
    return {
      digest() {
        const [first, ...others] = opened.map(({ capabilities }) => capabilities.digest());
        return others.length === 0 ? first! : digestOf([first!, ...others]);
      },
      vocabulary: {
        namespaces: vocabularies.flatMap(({ namespaces }) => namespaces),
        locals: vocabularies.flatMap(({ locals }) => locals),
      },
      receivesReadReceipts: (gatekeeper: string, client: ChatClient) =>
        opened
          .find(({ gatekeepers }) => gatekeepers.includes(gatekeeper))
          ?.capabilities.receivesReadReceipts(gatekeeper, client),
      stages: (names: Names) =>
        stagesByGatekeeper(
          opened.map(({ gatekeepers, capabilities }) => ({
            gatekeepers,
            stages: capabilities.stages(names),
          })),
        ),
    };
  });
}

/** Makes one stage of those that do the same at different gatekeepers. At others it passes everything on. */
function stagesByGatekeeper(
  scopes: readonly { readonly gatekeepers: readonly string[]; readonly stages: readonly StageFactory[] }[],
): readonly StageFactory[] {
  const names = scopes[0]?.stages.map(({ name }) => name) ?? [];
  return names.map((name, index) => {
    const factories = new Map(
      scopes.flatMap(({ gatekeepers, stages }) =>
        gatekeepers.map((gatekeeper) => [gatekeeper, stages[index]!] as const),
      ),
    );
    return { name, begin: (port) => factories.get(port.context.gatekeeper)?.begin(port) ?? passing };
  });
}

const passing: Stage = { judge: () => forward };

interface SectionOptions {
  /** The operator's name for the section, in reports. */
  readonly name: string;
  readonly claims: ClaimSources;
  /** Those that it is for. */
  readonly gatekeepers: readonly string[];
  readonly observer: CapabilitiesObserver;
}

/** Reads the files of a section and watches them.
 *  @throws SetupError ERR_CAPABILITIES_… */
async function openSection(
  section: NonNullable<Config['capabilities']>,
  { name, claims, gatekeepers, observer }: SectionOptions,
): Promise<Capabilities> {
  const profiles = await profileFiles(section.profiles);
  const files: SourceFile[] = [
    { role: 'content kinds', path: section.contentKinds },
    ...profiles.map((path) => ({ role: 'profile' as const, path })),
  ];
  let sessions: CapabilitySessions | undefined;
  const documents: Reloading<CapabilityDocuments> = await Reloading.open({
    name,
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
    digest: () => documents.current.digest,
    receivesReadReceipts(_, client) {
      const { policy } = documents.current;
      return receivesReadReceipts(policy.table, chatProfile(policy, client));
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
      const shared = sessions;
      observer.profileSessions(() =>
        gatekeepers.flatMap((gatekeeper) =>
          [...shared.countsAt(gatekeeper)].map(([profile, open]) => ({
            gatekeeper,
            profile,
            sessions: open,
          })),
        ),
      );
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
