/** Reads a YAML document of a policy folder into data, or into the diagnostic of its first fault. */
import { readYaml, type Places } from '../documents/yaml.ts';
import { errorAt, type Diagnostic } from './diagnostic.ts';

export interface SourceDocument extends Places {
  readonly file: string;
  /** Plain data; undefined when the text could not be parsed. */
  readonly data: unknown;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads the text of a file. Only the first fault of the YAML is reported: later ones follow from it. */
export function readDocument(file: string, text: string): SourceDocument {
  const reading = readYaml(file, text);
  if (reading.kind === 'document') {
    const { value: data, place, keyPlace } = reading;
    return { file, data, diagnostics: [], place, keyPlace };
  }
  const [{ place, reason, remedy }] = reading.faults as [(typeof reading.faults)[number]];
  return {
    file,
    data: undefined,
    diagnostics: [errorAt(place, 'ERR_POLICY_YAML', reason, { remedy })],
    place: () => place,
    keyPlace: () => place,
  };
}
