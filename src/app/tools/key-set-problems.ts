/** Verifies the key sets of gatekeepers that push, for `narthex check`. */
import { readFileSync } from 'node:fs';
import type { LoadedConfig } from '../../config/load.ts';
import { type ConfigPath, type ConfigProblem, formatPath } from '../../config/problem.ts';
import { SetupError } from '../../transport/error.ts';
import { readKeys } from '../files/key-set.ts';
import { httpLimits } from '../parts/http-plane.ts';

/** Returns the problems of the files, read as `serve` does. Whether each can be read was verified before. */
export function keySetProblems({ config, places }: LoadedConfig): readonly ConfigProblem[] {
  const limits = httpLimits(config.http);
  return config.gatekeepers.flatMap(({ push }, index): ConfigProblem[] => {
    if (push?.jwksFile === undefined) return [];
    const path: ConfigPath = ['gatekeepers', index, 'push', 'jwksFile'];
    try {
      readKeys(readFileSync(push.jwksFile, 'utf8'), { role: 'key set', path: push.jwksFile }, limits);
      return [];
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      return [
        {
          severity: 'error',
          code: 'ERR_CONFIG_FILE',
          path: formatPath(path),
          place: places.place(path),
          message: `\`${formatPath(path)}\`: ${error.diagnostics[0]!.reason}`,
          remedy: error.remedy,
        },
      ];
    }
  });
}
