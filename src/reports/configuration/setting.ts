/** Statements about a configuration, each with the line that says so. */
import type { Places, Path } from '../../documents/yaml.ts';
import { placeText } from '../exposure.ts';

/** One statement. `source` is `file:line`, ``default of `key` ``, or a test or page of this project. */
export interface Setting {
  readonly about: string;
  /** The gatekeeper that it is about; absent where it holds for all. */
  readonly gatekeeper?: string;
  readonly says: string;
  readonly source: string;
}

/** Makes the source of a value. */
export type SettingSource = (path: Path) => string;

/** Returns a function that names the line of a value, or that the value is a default. */
export function settingSources(places: Places): SettingSource {
  return (path) => {
    const [own, parent] = [path, path.slice(0, -1)].map((each) => places.place(each));
    const stands = own!.line !== parent!.line || own!.column !== parent!.column;
    const key = path.filter((step) => typeof step === 'string').join('.');
    return stands ? placeText(own!) : `default of \`${key}\``;
  };
}
