/** Reads a capability document against its schema. Every problem has line and column, and a suggestion where a name
 *  is nearly right. */
import type { z } from 'zod';
import type { PlacedDiagnostic } from '../documents/diagnostic.ts';
import { sortSlips } from '../documents/indentation.ts';
import { nearest } from '../documents/nearest.ts';
import { keysAt, takesAnyKey } from '../documents/schema-keys.ts';
import { readYaml, type Path } from '../documents/yaml.ts';

/** A file's name and text. */
export interface Source {
  readonly file: string;
  readonly text: string;
}

export type DocumentReading<T> =
  | { readonly kind: 'document'; readonly value: T; readonly at: Locate }
  | { readonly kind: 'invalid'; readonly problems: readonly PlacedDiagnostic[] };

/** A problem at a place of the document. */
export interface Complaint {
  readonly code: string;
  readonly reason: string;
  readonly remedy: string;
}

/** Makes a problem at a path of the document, for rules that a schema cannot express. With `key`, its place is the
 *  key and not the value. */
export type Locate = (path: Path, complaint: Complaint, key?: boolean) => PlacedDiagnostic;

/** Reads `source` by `schema`.
 *  @param code of the problems that the schema finds */
export function readDocument<T>(source: Source, schema: z.ZodType<T>, code: string): DocumentReading<T> {
  const reading = readYaml(source.file, source.text);
  if (reading.kind === 'refused') {
    const problems = reading.faults.map(({ place, reason, remedy }): PlacedDiagnostic => ({
      severity: 'error',
      code: 'ERR_YAML',
      ...place,
      reason,
      remedy,
    }));
    return { kind: 'invalid', problems };
  }
  const at: Locate = (path, complaint, key = false) => ({
    severity: 'error',
    ...(key ? reading.keyPlace(path) : reading.place(path)),
    ...complaint,
  });
  const parsed = schema.safeParse(reading.value, { reportInput: true });
  if (parsed.success) return { kind: 'document', value: parsed.data, at };
  const { issues } = parsed.error;
  const otherKind = issues.find(
    ({ path, code: why }) => path.join('.') === 'kind' && why === 'invalid_value',
  );
  // Keys of another kind of document would all be wrong here; one problem says that it is one.
  const judged = otherKind !== undefined && isOtherDocument(otherKind) ? [otherKind] : issues;
  const { slips, rest } = sortSlips(judged, reading.value, {
    keysAt: (path) => keysAt(schema, path),
    takesAny: (path) => takesAnyKey(schema, path),
  });
  const problems = [
    ...slips.map(({ path, reason, remedy }) => at(path, { code, reason, remedy }, true)),
    ...rest.flatMap((issue) => describe(issue, schema, at, code)),
  ];
  return { kind: 'invalid', problems };
}

/** Returns whether the document is of another kind, and not of a misspelled one. */
function isOtherDocument(issue: z.core.$ZodIssue): boolean {
  return (
    issue.code === 'invalid_value' &&
    typeof issue.input === 'string' &&
    nearest(issue.input, issue.values.map(String)) === undefined
  );
}

const correct = 'Correct it; docs/capabilities.md explains the format';

function describe(issue: z.core.$ZodIssue, schema: z.ZodType, at: Locate, code: string): PlacedDiagnostic[] {
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, pathOf(issue));
    return issue.keys.map((key) =>
      at(
        [...pathOf(issue), key],
        { code, reason: `unknown key '${key}'`, remedy: didYouMean(key, known) ?? 'Remove the key' },
        true,
      ),
    );
  }
  if (issue.code === 'invalid_value') {
    const allowed = issue.values.map(String);
    const meant = typeof issue.input === 'string' ? didYouMean(issue.input, allowed) : undefined;
    const reason = `${labelled(pathOf(issue))}must be ${allowed.join(' or ')}`;
    return [at(pathOf(issue), { code, reason, remedy: meant ?? correct })];
  }
  if (issue.path.length === 0 && issue.input === null)
    return [at([], { code, reason: 'the document is empty', remedy: correct })];
  const missing = issue.code === 'invalid_type' && issue.input === undefined;
  const reason = `${labelled(pathOf(issue))}${missing ? 'is missing' : firstLine(issue.message)}`;
  return [at(pathOf(issue), { code, reason, remedy: missing ? 'Add the key' : correct })];
}

/** Returns the path of an issue. Documents come from YAML, where keys are texts and indices numbers. */
function pathOf(issue: z.core.$ZodIssue): Path {
  return issue.path as Path;
}

function labelled(path: Path): string {
  return path.length === 0 ? '' : `${path.join('.')}: `;
}

function firstLine(message: string): string {
  return message.split('\n')[0]!;
}

/** Returns the remedy for a name that is nearly one of those allowed. */
export function didYouMean(given: string, allowed: readonly string[]): string | undefined {
  const meant = nearest(given, allowed);
  return meant === undefined ? undefined : `Did you mean '${meant}'?`;
}
