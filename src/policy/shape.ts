/** Compares a document with its schema. Each mismatch is a diagnostic of one line with its place. */
import type { z } from 'zod';
import { sortSlips } from '../documents/indentation.ts';
import { suggestion } from '../documents/nearest.ts';
import { keysAt, takesAnyKey } from '../documents/schema-keys.ts';
import type { Path } from '../documents/yaml.ts';
import type { PolicyCode } from '../errors/policy.ts';
import { errorAt, type Diagnostic } from './diagnostic.ts';
import type { SourceDocument } from './document.ts';
import { treatmentParameters } from './schema.ts';
import { treatmentNames } from '../minimisation/treatment.ts';

export type Shaped<T> =
  | { readonly kind: 'fits'; readonly value: T }
  | { readonly kind: 'differs'; readonly diagnostics: readonly Diagnostic[] };

type Issue = z.core.$ZodIssue;

export function shape<T>(
  document: SourceDocument,
  schema: z.ZodType<T>,
  code: PolicyCode = 'ERR_POLICY_SCHEMA',
): Shaped<T> {
  if (document.diagnostics.length > 0) return { kind: 'differs', diagnostics: document.diagnostics };
  const result = schema.safeParse(document.data);
  if (result.success) return { kind: 'fits', value: result.data };
  const otherKind = result.error.issues.find(({ path }) => path.length === 1 && path[0] === 'kind');
  // Keys of another kind of document would all be wrong here; one diagnostic says that it is one.
  const issues =
    otherKind !== undefined && isOtherDocument(document.data) ? [otherKind] : result.error.issues;
  const { slips, rest } = sortSlips(issues, document.data, {
    keysAt: (path) => keysAt(schema, path),
    takesAny: (path) => takesAnyKey(schema, path),
  });
  const diagnostics = [
    ...slips.map(({ path, reason, remedy }) => errorAt(document.keyPlace(path), code, reason, { remedy })),
    ...rest.filter(isCause).flatMap((issue) => explain(document, issue, schema, code)),
  ];
  return { kind: 'differs', diagnostics };
}

/** Returns whether an issue is a cause: a mapping with unknown keys also breaks the rules about the whole mapping. */
function isCause(issue: Issue, _: number, issues: readonly Issue[]): boolean {
  if (issue.code !== 'custom') return true;
  const path = issue.path.join('.');
  return !issues.some((other) => other.code === 'unrecognized_keys' && other.path.join('.') === path);
}

function isOtherDocument(data: unknown): boolean {
  const kind = valueAt(data, ['kind']);
  return typeof kind === 'string' && documentKinds.has(kind);
}

const documentKinds: ReadonlySet<string> = new Set([
  'CapabilityProfile',
  'ContentKindTable',
  'MetadataCatalogue',
  'MetadataPolicy',
  'Obligations',
  'Proxy',
]);

function explain(document: SourceDocument, issue: Issue, schema: z.ZodType, code: PolicyCode): Diagnostic[] {
  const path = issue.path as Path;
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, path);
    return issue.keys.map((key) =>
      errorAt(document.keyPlace([...path, key]), code, `${dotted([...path, key])} is not known here`, {
        remedy: suggestion(key, known) || 'Remove the key',
      }),
    );
  }
  if (issue.code === 'invalid_key') {
    const reason = `${String(path.at(-1))} is no field name: lower case words, joined by dots and hyphens`;
    const remedy = 'narthex policy fields lists them';
    return [errorAt(document.keyPlace(path), code, reason, { remedy })];
  }
  if (issue.code === 'invalid_union' && isTreatmentPath(path))
    return [explainTreatment(document, path, code)];
  const [reason, remedy] = explainValue(valueAt(document.data, path), path, issue);
  return [errorAt(document.place(path), code, reason, { remedy })];
}

function explainValue(value: unknown, path: Path, issue: Issue): readonly [string, string] {
  const what = path.length === 0 ? 'the document' : dotted(path);
  if (value === undefined) return [`${what} is missing`, expectation(issue)];
  if (issue.code === 'invalid_value')
    return [
      `${what} cannot be ${show(value)}`,
      typeof value === 'string' ? suggestion(value, issue.values.map(String)) : expectation(issue),
    ];
  if (issue.code === 'invalid_type') return [`${what} is ${describe(value)}`, expectation(issue)];
  if (issue.code === 'invalid_format')
    return [`${what} cannot be ${show(value)}`, formatHint(String(path.at(-1)))];
  return [`${what} cannot be ${show(value)}`, issue.message];
}

function expectation(issue: Issue): string {
  if (issue.code === 'invalid_type') return `Expected ${articled(issue.expected)}`;
  if (issue.code === 'invalid_value')
    return issue.values.length === 1
      ? `Expected ${String(issue.values[0])}`
      : `One of: ${issue.values.join(', ')}`;
  return 'Correct the value';
}

function formatHint(key: string): string {
  if (key === 'code') return 'A code of a warning: WARN_POLICY_BREAKS';
  if (key === 'expires') return 'A date: 2027-03-31';
  return 'Lower case letters, digits and hyphens';
}

const treatmentHints: Readonly<Record<keyof typeof treatmentParameters, string>> = {
  keep: 'keep has no parameters: {}',
  drop: 'drop has no parameters: {}',
  lower: 'lower has no parameters: {}',
  refuse: 'refuse: { condition: forbidden }',
  replace: 'replace: "text" (a number needs quotes), 256 characters at most',
  pseudonymise: 'pseudonymise: { scope: session | account | conversation | gatekeeper, rotate: 30d }',
  coarsen: 'coarsen: 1h (time), 64KiB (size), major (version), primary (language) or { ipv4: 24, ipv6: 48 }',
  pad: 'pad: [1KiB, 4KiB]',
  delay: 'delay: { up-to: 5s }',
  equalise: 'equalise: { after: 3s }',
  answer: 'answer: { name: "text" } (a number needs quotes)',
};

function isTreatmentPath(path: Path): boolean {
  return path.at(-3) === 'audiences';
}

/** Explains which part of a treatment is wrong. A union fails as a whole, which does not say it. */
function explainTreatment(document: SourceDocument, path: Path, code: PolicyCode): Diagnostic {
  const field = String(path.at(-1));
  const value = valueAt(document.data, path);
  const fail = (at: Path, reason: string, remedy: string): Diagnostic =>
    errorAt(document.place(at), code, reason, { field, remedy });
  if (value === null || value === undefined)
    return errorAt(document.keyPlace(path), code, 'has no treatment', {
      field,
      remedy: 'Write keep, drop, or another treatment after the colon',
    });
  if (typeof value === 'string') {
    if (!(treatmentNames as readonly string[]).includes(value))
      return fail(path, `${show(value)} is no treatment`, suggestion(value, treatmentNames));
    return fail(path, `${value} needs parameters`, hintFor(value));
  }
  if (typeof value !== 'object' || Array.isArray(value))
    return fail(path, `a treatment cannot be ${describe(value)}`, `One of: ${treatmentNames.join(', ')}`);
  const keys = Object.keys(value).filter((key) => key !== 'why');
  const unknown = keys.find((key) => !(treatmentNames as readonly string[]).includes(key));
  if (unknown !== undefined)
    return errorAt(document.keyPlace([...path, unknown]), code, `${unknown} is no treatment`, {
      field,
      remedy: suggestion(unknown, treatmentNames),
    });
  if (keys.length !== 1)
    return fail(path, `${keys.length} treatments for one field`, 'One audience and field has one treatment');
  const key = keys[0] as keyof typeof treatmentParameters;
  const issue = treatmentParameters[key].safeParse((value as Record<string, unknown>)[key]).error?.issues[0];
  if (issue === undefined) return fail([...path, 'why'], 'why is a text', 'Write the reason in words');
  const at = [...path, key, ...(issue.path as Path)];
  const inner = valueAt(document.data, at);
  const shown = inner === undefined ? `${String(at.at(-1))} is missing` : `cannot be ${show(inner)}`;
  const reason = issue.code === 'unrecognized_keys' ? `${issue.keys.join(', ')} is not known here` : shown;
  return fail(at, `${key}: ${reason}`, hintFor(key));
}

function hintFor(treatment: string): string {
  return `Write ${treatmentHints[treatment as keyof typeof treatmentHints]}`;
}

function valueAt(data: unknown, path: Path): unknown {
  let at = data;
  for (const step of path) at = (at as Record<string | number, unknown> | null | undefined)?.[step];
  return at;
}

function dotted(path: Path): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${step}`))
    .join('');
}

function show(value: unknown): string {
  return typeof value === 'object' && value !== null ? describe(value) : JSON.stringify(value);
}

function describe(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a mapping' : articled(typeof value);
}

function articled(type: string): string {
  const words: Readonly<Record<string, string>> = {
    object: 'a mapping',
    record: 'a mapping',
    array: 'a list',
    string: 'a text',
    boolean: 'true or false',
    number: 'a number',
  };
  return words[type] ?? `a ${type}`;
}
