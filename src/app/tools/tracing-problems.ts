/** Verifies the files of `tracing` for `narthex check`. */
import type { LoadedConfig } from '../../config/load.ts';
import type { ConfigPath, ConfigProblem } from '../../config/problem.ts';
import { configErrors } from '../../errors/config.ts';
import { SetupError } from '../../transport/error.ts';
import { readCollectorFiles } from '../telemetry/collector-files.ts';

/** Returns the problems of the files, read as `serve` does. */
export function tracingProblems({ config: { tracing }, places }: LoadedConfig): readonly ConfigProblem[] {
  return (['headersFile', 'caFile'] as const).flatMap((key) => {
    try {
      readCollectorFiles({ ...tracing, headersFile: undefined, caFile: undefined, [key]: tracing[key] });
      return [];
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      const path: ConfigPath = ['tracing', key];
      const { reason, line } = error.diagnostics[0]!;
      return [
        {
          severity: 'error',
          code: 'ERR_CONFIG_FILE',
          path: path.join('.'),
          place: places.place(path),
          message: `\`tracing.${key}\`: ${reason} (line ${line})`,
          remedy: configErrors.ERR_CONFIG_FILE.remedy,
        },
      ];
    }
  });
}
