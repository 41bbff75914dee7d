/** Turns zod's issues into problems with a place, the expected value, and a remedy. Pure. */
import type { Place } from '../documents/diagnostic.ts';
import type { z } from 'zod';
import type { Places } from '../documents/yaml.ts';
import { sortSlips, type Slip } from '../documents/indentation.ts';
import { nearest } from '../documents/nearest.ts';
import { type Outline, descriptionAt, keysAt, outlinesAt } from './outline.ts';
import { type ConfigErrorCode, configErrors } from '../errors/config.ts';
import { type ConfigPath, type ConfigProblem, formatPath } from './problem.ts';

type Issue = z.core.$ZodIssue;

/** The document that the issues are about. */
export interface Source {
  readonly value: unknown;
  readonly places: Places;
  readonly outline: Outline;
}

/** Returns all problems in the order of the document. A missing key that is there under a misspelt name is reported
 *  once, as the misspelling. */
export function problemsOf(issues: readonly Issue[], source: Source): ConfigProblem[] {
  const otherKind = issues.find(({ path }) => path.length === 1 && path[0] === 'kind');
  const judged = otherKind !== undefined && isOtherDocument(source.value) ? [otherKind] : issues;
  const { slips, rest } = sortSlips(judged, source.value, {
    keysAt: (path) => keysAt(source.outline, path),
    takesAny: () => false,
  });
  const found = rest.flatMap((issue) => translate(issue, [], source));
  const misspelt = new Set(found.map(({ meant }) => meant).filter((path) => path !== undefined));
  return found
    .filter(({ problem }) => !(problem.code === 'ERR_CONFIG_MISSING' && misspelt.has(problem.path)))
    .map(({ problem }) => problem)
    .concat(slips.map((slip) => misplaced(slip, source)))
    .sort(byPlace);
}

function misplaced({ path, reason, remedy }: Slip, { places }: Source): ConfigProblem {
  return problem('ERR_CONFIG_INDENTATION', path, places.keyPlace(path), reason, `${remedy}.`);
}

/** Returns whether the document is of another kind. Each of its keys would be a problem; one problem about the kind
 *  suffices. */
function isOtherDocument(value: unknown): boolean {
  return isMapping(value) && (value['kind'] === 'MetadataPolicy' || value['kind'] === 'CapabilityProfile');
}

/** Compares problems by line. */
export function byPlace(a: ConfigProblem, b: ConfigProblem): number {
  return (a.place?.line ?? 0) - (b.place?.line ?? 0) || (a.place?.column ?? 0) - (b.place?.column ?? 0);
}

interface Finding {
  readonly problem: ConfigProblem;
  /** The path that a misspelt key probably stands for. */
  readonly meant?: string;
}

function translate(issue: Issue, parent: ConfigPath, source: Source): Finding[] {
  const path = [...parent, ...(issue.path as (string | number)[])];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(path, key, source));
    case 'invalid_union':
      return translateUnion(issue, path, source);
    case 'invalid_key':
      return issue.issues.map((inner) => ({ problem: wrongName(inner, path, source) }));
    default:
      return [{ problem: wrongValue(issue, path, source) }];
  }
}

/** Reports about the one shape of a union that the present keys resemble most. */
function translateUnion(
  issue: Issue & { code: 'invalid_union' },
  path: ConfigPath,
  source: Source,
): Finding[] {
  const value = valueAt(source.value, path);
  const shapes = outlinesAt(source.outline, path).map(({ properties }) => Object.keys(properties ?? {}));
  const scores = shapes.map((keys) => likeness(value, keys));
  const best = Math.max(...scores);
  const chosen = best > 0 ? issue.errors[scores.indexOf(best)] : undefined;
  if (chosen !== undefined) return chosen.flatMap((inner) => translate(inner, path, source));
  const wanted = shapes.map((keys) => keys.map((key) => `\`${key}\``).join(' and ')).join(', or ');
  if (value === undefined) return [{ problem: missing(path, source) }];
  const message = `\`${formatPath(path)}\` must have ${wanted}; it ${described(value)}`;
  const code = isMapping(value) ? 'ERR_CONFIG_MISSING' : 'ERR_CONFIG_TYPE';
  return [{ problem: problem(code, path, source.places.place(path), message, remedyAt(path, code, source)) }];
}

function likeness(value: unknown, keys: readonly string[]): number {
  if (!isMapping(value)) return 0;
  let score = 0;
  for (const key of Object.keys(value)) {
    if (keys.includes(key)) score += 2;
    else if (nearest(key, keys) !== undefined) score += 1;
  }
  return score;
}

function unknownKey(path: ConfigPath, key: string, source: Source): Finding {
  const code = 'ERR_CONFIG_UNKNOWN_KEY';
  const full = [...path, key];
  const keys = keysAt(source.outline, path);
  const where = path.length === 0 ? '' : ` in \`${formatPath(path)}\``;
  const place = source.places.keyPlace(full);
  if (keys.includes(key)) {
    const message = `key \`${key}\`${where} does not go with the other keys`;
    return { problem: problem(code, full, place, message, remedyAt(path, code, source)) };
  }
  const present = valueAt(source.value, path);
  const free = keys.filter((candidate) => !(isMapping(present) && Object.hasOwn(present, candidate)));
  const meant = nearest(key, free);
  const hint = meant === undefined ? '' : `, did you mean \`${meant}\`?`;
  const remedy =
    meant === undefined ? `Keys allowed here: ${keys.join(', ')}.` : `Write \`${meant}\`, or remove the key.`;
  const found = problem(code, full, place, `unknown key \`${key}\`${where}${hint}`, remedy);
  return meant === undefined ? { problem: found } : { problem: found, meant: formatPath([...path, meant]) };
}

function wrongValue(issue: Issue, path: ConfigPath, source: Source): ConfigProblem {
  const value = valueAt(source.value, path);
  if (value === undefined) return missing(path, source);
  const code = codeOf(issue, path);
  const subject = path.length === 0 ? 'the document' : `\`${formatPath(path)}\``;
  const hint = issue.code === 'invalid_value' ? suggestion(value, issue.values) : '';
  const message = `${subject} must be ${expected(issue)}; it ${described(value)}${hint}`;
  return problem(code, path, source.places.place(path), message, remedyAt(path, code, source));
}

function wrongName(issue: Issue, path: ConfigPath, source: Source): ConfigProblem {
  const parent = path.slice(0, -1);
  const message = `a name in \`${formatPath(parent)}\` must be ${expected(issue)}; it ${described(path.at(-1))}`;
  const code = 'ERR_CONFIG_VALUE';
  return problem(code, path, source.places.keyPlace(path), message, remedyAt(parent, code, source));
}

function missing(path: ConfigPath, source: Source): ConfigProblem {
  const code = path.length === 1 && isVersionKey(path[0]) ? 'ERR_CONFIG_VERSION' : 'ERR_CONFIG_MISSING';
  const parent = path.slice(0, -1);
  const where = parent.length === 0 ? '' : ` in \`${formatPath(parent)}\``;
  const message = `\`${path.at(-1) ?? ''}\` is missing${where}`;
  return problem(code, path, source.places.place(parent), message, remedyAt(path, code, source));
}

function codeOf(issue: Issue, path: ConfigPath): ConfigErrorCode {
  if (path.length === 1 && isVersionKey(path[0])) return 'ERR_CONFIG_VERSION';
  return issue.code === 'invalid_type' ? 'ERR_CONFIG_TYPE' : 'ERR_CONFIG_VALUE';
}

function isVersionKey(key: string | number | undefined): boolean {
  return key === 'apiVersion' || key === 'kind';
}

const typeWords: Readonly<Record<string, string>> = {
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

function expected(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeWords[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return oneOf(issue.values.map((value) => `\`${String(value)}\``));
    case 'too_small':
      return sized(issue.inclusive === false ? 'more than' : 'at least', issue.origin, issue.minimum);
    case 'too_big':
      return sized(issue.inclusive === false ? 'less than' : 'at most', issue.origin, issue.maximum);
    default:
      return issue.message;
  }
}

function oneOf(values: readonly string[]): string {
  return values.length < 3 ? values.join(' or ') : `one of ${values.join(', ')}`;
}

function sized(bound: string, origin: string, size: number | bigint): string {
  if (origin === 'array') return `${bound} ${size} long`;
  return origin === 'string' ? `${bound} ${size} characters` : `${bound} ${size}`;
}

function suggestion(value: unknown, values: readonly unknown[]): string {
  const meant =
    typeof value === 'string' && values.length > 1 ? nearest(value, values.map(String)) : undefined;
  return meant === undefined ? '' : `, did you mean \`${meant}\`?`;
}

/** Describes a value, such as "is the text `x`", cut to a readable length. */
function described(value: unknown): string {
  if (value === null) return 'is empty';
  if (Array.isArray(value)) return value.length === 0 ? 'is an empty list' : `is a list of ${value.length}`;
  if (isMapping(value)) return 'is a mapping';
  const secret = typeof value === 'string' ? secretIn(value) : undefined;
  if (secret !== undefined) return secret;
  // JSON has no NaN and no undefined.
  const isPlain = typeof value === 'string' || typeof value === 'number' || value === undefined;
  const text = isPlain ? String(value) : JSON.stringify(value);
  return `is ${typeof value === 'string' ? 'the text ' : ''}\`${text.length > 80 ? `${text.slice(0, 80)}…` : text}\``;
}

/** Describes a text that must not reach a terminal or a log: a pasted key, a key file in place of the configuration, or
 *  an address with a password. Undefined for another text. */
function secretIn(text: string): string | undefined {
  if (text.includes('-----BEGIN ')) return 'is a certificate or key in PEM form';
  return /\/\/[^/\s]*@/.test(text) ? 'is an address with a user or password' : undefined;
}

function remedyAt(path: ConfigPath, code: ConfigErrorCode, source: Source): string {
  if (path.length === 0 && code === 'ERR_CONFIG_TYPE') return 'Start from deploy/examples/narthex.yaml.';
  if (code === 'ERR_CONFIG_VERSION') return configErrors[code].remedy;
  const description = descriptionAt(source.outline, path);
  return description === '' ? configErrors[code].remedy : description;
}

function problem(
  code: ConfigErrorCode,
  path: ConfigPath,
  place: Place,
  message: string,
  remedy: string,
): ConfigProblem {
  return { severity: 'error', code, path: formatPath(path), place, message, remedy };
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function valueAt(root: unknown, path: ConfigPath): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}
