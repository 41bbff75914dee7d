import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Diagnostic } from './diagnostic.ts';

/** Writes diagnostics as a SARIF 2.1.0 log, which code hosts show next to the line. */
export function toSarif(diagnostics: readonly Diagnostic[], version: string): object {
  const codes = [...new Set(diagnostics.map(({ code }) => code))].toSorted();
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'narthex policy check', version, rules: codes.map((id) => ({ id })) } },
        results: diagnostics.map(toResult),
      },
    ],
  };
}

function toResult({ code, severity, field, reason, remedy, file, line, column }: Diagnostic): object {
  const subject = field === undefined ? '' : `${field}: `;
  return {
    ruleId: code,
    level: severity === 'notice' ? 'note' : severity,
    message: { text: `${subject}${reason}${remedy === '' ? '' : `. ${remedy}`}` },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: isAbsolute(file) ? pathToFileURL(file).href : encodeURI(file) },
          region: { startLine: line, startColumn: column },
        },
      },
    ],
  };
}
