/** The files of a proxy that take effect at its next start only. */
import { resolve } from 'node:path';
import { profileFiles } from '../../config/profile-files.ts';
import { formatPath } from '../../config/problem.ts';
import type { Config } from '../../config/schema.ts';
import { capabilitySections } from '../../config/scopes.ts';
import { catalogueFiles, obligationFiles, openCatalogue, openObligations } from './policies.ts';
import { assemble, type Part } from '../part.ts';
import { watchForRestart, type RestartFiles, type RestartReport } from './restart-watch.ts';

/** The file that a configuration was loaded from. */
export interface ConfigSource {
  readonly file: string;
  /** Loads it again as a start would. @throws ConfigError */
  readonly check: () => Promise<unknown>;
}

type RestartConfig = Pick<Config, 'policy' | 'capabilities' | 'gatekeepers'>;

export interface RestartFilesOptions {
  readonly source: ConfigSource | undefined;
  readonly report: (report: RestartReport) => void;
}

/** Watches the files.
 *  @throws Unusable when one cannot be read */
export function watchRestartFiles(
  config: RestartConfig,
  { source, report }: RestartFilesOptions,
): Promise<Part> {
  return assemble(async (parts) => {
    for (const files of restartFiles(config, source))
      parts.track(await watchForRestart({ ...files, report }));
    return {};
  });
}

function restartFiles(
  config: RestartConfig,
  source: ConfigSource | undefined,
): readonly Omit<RestartFiles, 'report'>[] {
  const { policy } = config;
  return [
    {
      part: 'catalogue',
      name: 'catalogue',
      list: () => catalogueFiles(policy.catalogue),
      contents: true,
      check: () => openCatalogue(policy.catalogue),
    },
    {
      part: 'obligations',
      name: 'obligations',
      list: () => obligationFiles(policy.obligations),
      contents: true,
      check: () => openObligations(policy.obligations),
    },
    ...capabilitySections(config).map(({ path, section }) => ({
      part: 'capabilities' as const,
      name: formatPath([...path, 'profiles']),
      list: () => profileFiles(section.profiles),
      contents: false,
      check: () => undefined,
    })),
    ...(source === undefined
      ? []
      : [
          {
            part: 'configuration' as const,
            name: 'configuration',
            list: () => [resolve(source.file)],
            contents: true,
            check: source.check,
          },
        ]),
  ];
}
