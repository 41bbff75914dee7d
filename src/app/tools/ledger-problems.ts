/** Verifies the key and the folder of the ledger for `narthex check`. */
import { accessSync, constants, statSync } from 'node:fs';
import type { LoadedConfig } from '../../config/load.ts';
import type { ConfigPath, ConfigProblem } from '../../config/problem.ts';
import { configErrors } from '../../errors/config.ts';
import { SetupError } from '../../transport/error.ts';
import { readLedgerKey } from '../parts/ledger.ts';

/** Returns the problems of the files of the ledger, read as `serve` does. */
export function ledgerProblems({ config: { ledger }, places }: LoadedConfig): readonly ConfigProblem[] {
  if (ledger === undefined) return [];
  const problem = (key: 'keyFile' | 'recordsFolder', message: string): ConfigProblem => {
    const path: ConfigPath = ['ledger', key];
    return {
      severity: 'error',
      code: 'ERR_CONFIG_FILE',
      path: path.join('.'),
      place: places.place(path),
      message: `\`ledger.${key}\`: ${message}`,
      remedy: configErrors.ERR_CONFIG_FILE.remedy,
    };
  };
  const problems: ConfigProblem[] = [];
  try {
    readLedgerKey(ledger.keyFile);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    problems.push(problem('keyFile', error.diagnostics[0]!.reason));
  }
  if (!isWritableFolder(ledger.recordsFolder))
    problems.push(problem('recordsFolder', `${ledger.recordsFolder} is no folder that can be written to`));
  return problems;
}

function isWritableFolder(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
