import type { LoadedConfig } from '../../config/load.ts';
import { configErrors } from '../../errors/config.ts';
import { type ConfigProblem } from '../../config/problem.ts';
import { KeyError, keyProblems, readSigningKeys, type SigningKeys } from '../../signals/keys.ts';
import { systemCode } from '../../transport/error.ts';

/** Returns the problems of the folder of signing keys, read as `serve` does.
 *  @param now milliseconds since 1970 */
export async function signalProblems(
  { config: { signals }, places }: LoadedConfig,
  now: number,
): Promise<readonly ConfigProblem[]> {
  if (signals === undefined) return [];
  const problem = (severity: ConfigProblem['severity'], message: string): ConfigProblem => ({
    severity,
    code: 'ERR_CONFIG_FILE',
    path: 'signals.keysFolder',
    place: places.place(['signals', 'keysFolder']),
    message: `\`signals.keysFolder\`: ${signals.keysFolder} ${message}`,
    remedy: configErrors.ERR_CONFIG_FILE.remedy,
  });
  try {
    const keys = await readSigningKeys(signals.keysFolder);
    return maySign(keys, now) ? [] : [problem('warning', 'has no key whose start has come')];
  } catch (error) {
    if (error instanceof KeyError) return [problem('error', keyProblems[error.code])];
    return [problem('error', `cannot be read (${systemCode(error)})`)];
  }
}

function maySign(keys: SigningKeys, now: number): boolean {
  return keys.starts().some(({ notBefore }) => notBefore * 1000 <= now);
}
