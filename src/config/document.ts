/** Reads narthex.yaml as plain data with the place of each value, or as the problems of its YAML. */
import type { Place } from '../documents/diagnostic.ts';
import { decodeUtf8, saveAsUtf8 } from '../documents/text.ts';
import { readYaml, type Places, type YamlFault } from '../documents/yaml.ts';
import { type ConfigErrorCode, configErrors } from '../errors/config.ts';
import { type ConfigProblem } from './problem.ts';

/** Largest configuration file in bytes (ERR_CONFIG_TOO_LARGE). */
export const fileBytesMax = 262_144;

export type Parsed =
  | { readonly kind: 'document'; readonly value: unknown; readonly places: Places }
  | { readonly kind: 'refused'; readonly problems: readonly ConfigProblem[] };

/** Parses the bytes of a configuration file.
 *  @param file its name in problems */
export function parseConfigText(bytes: Uint8Array, file: string): Parsed {
  if (bytes.length > fileBytesMax) {
    const place: Place = { file, line: 1, column: 1 };
    return refused('ERR_CONFIG_TOO_LARGE', place, `the file has more than ${fileBytesMax} bytes`);
  }
  const decoded = decodeUtf8(bytes);
  if (decoded.kind === 'not-utf8') {
    const { line, column } = decoded;
    return refused('ERR_CONFIG_SYNTAX', { file, line, column }, 'this byte is not UTF-8', saveAsUtf8);
  }
  const reading = readYaml(file, decoded.text);
  if (reading.kind === 'refused') return { kind: 'refused', problems: reading.faults.map(problemOf) };
  return { kind: 'document', value: reading.value, places: reading };
}

const codes: Readonly<Record<YamlFault['what'], ConfigErrorCode>> = {
  'too-large': 'ERR_CONFIG_TOO_LARGE',
  syntax: 'ERR_CONFIG_SYNTAX',
  'duplicate-key': 'ERR_CONFIG_DUPLICATE_KEY',
  'too-deep': 'ERR_CONFIG_SYNTAX',
  aliases: 'ERR_CONFIG_ALIAS',
};

function problemOf({ what, place, reason, remedy }: YamlFault): ConfigProblem {
  return { severity: 'error', code: codes[what], path: '', place, message: reason, remedy };
}

function refused(
  code: ConfigErrorCode,
  place: Place,
  message: string,
  remedy: string = configErrors[code].remedy,
): Parsed {
  return { kind: 'refused', problems: [{ severity: 'error', code, path: '', place, message, remedy }] };
}
