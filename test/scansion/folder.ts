/** Reads folders of scripts. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface NamedScript {
  /** The file's name without its ending. */
  readonly name: string;
  readonly text: string;
}

const ending = '.scs';
const configuration = 'prosody.cfg.lua';

/** Reads every `*.scs` of a folder, by name. */
export function readFolder(folder: string): NamedScript[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(ending))
    .toSorted()
    .map((file) => ({ name: file.slice(0, -ending.length), text: readFileSync(join(folder, file), 'utf8') }));
}

/** Returns the server's configuration on which the scripts of a folder count; undefined when there is none. */
export function configurationOf(folder: string): string | undefined {
  const file = join(folder, configuration);
  return existsSync(file) ? file : undefined;
}
