/** Slips of indentation. One of them puts several keys into the wrong mapping: they are unknown there, and missing or
 *  empty where they belong. Pure. */
import type { z } from 'zod';
import { nearest } from './nearest.ts';
import type { Path } from './yaml.ts';

type Issue = z.core.$ZodIssue;

/** Keys that stand under the wrong mapping. */
export interface Slip {
  /** Of the first of them, for its place. */
  readonly path: Path;
  readonly reason: string;
  readonly remedy: string;
}

export interface Sorted {
  readonly slips: readonly Slip[];
  /** Issues that no slip explains. */
  readonly rest: readonly Issue[];
}

/** What the schema says of a path. */
export interface KnownKeys {
  readonly keysAt: (path: Path) => readonly string[];
  /** Whether a mapping there may have any key, as one of fields does. */
  readonly takesAny: (path: Path) => boolean;
}

/** Finds the slips that explain the issues of a document.
 *  @param data plain data of the document, keys in their order */
export function sortSlips(issues: readonly Issue[], data: unknown, { keysAt, takesAny }: KnownKeys): Sorted {
  const slips: Slip[] = [];
  let rest = issues;
  for (const at of emptied(rest, data)) {
    const known = keysAt(at);
    const run = brokenAfter(rest, data, at, (key) => known.includes(key) || takesAny(at));
    if (run.length === 0) continue;
    slips.push(outdented(at, run[0]!));
    rest = withoutKeys(
      rest.filter((issue) => dotted(pathOf(issue)) !== dotted(at)),
      at.slice(0, -1),
      run,
    );
  }
  for (const { at, key } of unknownKeys(rest)) {
    if (!isUnknown(rest, at, key)) continue;
    const home = homeOf(key, at, data, keysAt);
    if (home === undefined) continue;
    const unknown = unknownKeys(rest).filter((other) => dotted(other.at) === dotted(at));
    const moved = unknown.map((other) => other.key).filter((each) => belongs(each, home, data, keysAt));
    const left = moved.flatMap((each) => leftAfter(rest, data, [...at, each], keysAt([...home, each])));
    const missing = moved.filter((each) => isMissing(rest, data, [...home, each]));
    // It may be a misspelling of a key that is known where it stands.
    const isAlone = moved.length + left.length === 1 && missing.length === 0;
    if (isAlone && nearest(key, keysAt(at)) !== undefined) continue;
    slips.push(misplaced([...at, key], home));
    rest = withoutKeys(rest, at, [...moved, ...left]).filter(
      (issue) => !missing.some((each) => saysMissing(issue, [...home, each])),
    );
  }
  return { slips, rest };
}

function outdented(at: Path, first: string): Slip {
  const name = String(at.at(-1));
  return {
    path: at,
    reason: `\`${name}\` is empty, and \`${first}\` after it is indented as far as \`${name}\` itself`,
    remedy: `Indent the lines that belong to \`${name}\``,
  };
}

function misplaced(path: Path, home: Path): Slip {
  const key = String(path.at(-1));
  const where = home.length === 0 ? 'the top of the document' : `\`${dotted(home)}\``;
  return {
    path,
    reason: `by its indentation \`${key}\` is not part of ${where}`,
    remedy: home.length === 0 ? `Begin \`${key}\` in the first column` : 'Align it with the keys there',
  };
}

/** Paths of empty values that something else should stand at. */
function emptied(issues: readonly Issue[], data: unknown): readonly Path[] {
  return issues.map(pathOf).filter((path) => path.length > 0 && valueAt(data, path) === null);
}

/** The keys of a section whose head alone has moved: they follow it, and it is empty. */
function leftAfter(
  issues: readonly Issue[],
  data: unknown,
  head: Path,
  known: readonly string[],
): readonly string[] {
  if (valueAt(data, head) !== null) return [];
  return brokenAfter(issues, data, head, (key) => known.includes(key));
}

/** The keys right after `at` in its mapping that have something wrong with them and are known below it. */
function brokenAfter(
  issues: readonly Issue[],
  data: unknown,
  at: Path,
  isKnown: (key: string) => boolean,
): readonly string[] {
  const parent = at.slice(0, -1);
  const mapping = valueAt(data, parent);
  if (!isMapping(mapping)) return [];
  const keys = Object.keys(mapping);
  const after = keys.slice(keys.indexOf(String(at.at(-1))) + 1);
  const end = after.findIndex((key) => !isKnown(key) || !isBroken(issues, parent, key));
  return end === -1 ? after : after.slice(0, end);
}

function isBroken(issues: readonly Issue[], parent: Path, key: string): boolean {
  const path = [...parent, key];
  return isUnknown(issues, parent, key) || issues.some((issue) => startsWith(pathOf(issue), path));
}

function isUnknown(issues: readonly Issue[], parent: Path, key: string): boolean {
  return unknownKeys(issues).some((each) => each.key === key && dotted(each.at) === dotted(parent));
}

function unknownKeys(issues: readonly Issue[]): readonly { readonly at: Path; readonly key: string }[] {
  return issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys.map((key) => ({ at: pathOf(issue), key })) : [],
  );
}

function isMissing(issues: readonly Issue[], data: unknown, path: Path): boolean {
  return valueAt(data, path) === undefined && issues.some((issue) => saysMissing(issue, path));
}

/** Whether an issue is that a key is missing. An alternative is judged as a whole, at the path of its mapping. */
function saysMissing(issue: Issue, path: Path): boolean {
  const at = dotted(pathOf(issue));
  return at === dotted(path) || (issue.code === 'invalid_union' && at === dotted(path.slice(0, -1)));
}

/** Where a key belongs that is indented too little or too far: a mapping just before it, or one around it. */
function homeOf(
  key: string,
  at: Path,
  data: unknown,
  keysAt: (path: Path) => readonly string[],
): Path | undefined {
  const around = at.map((_, depth) => at.slice(0, depth)).toReversed();
  return [...before(key, at, data), ...around].find((home) => belongs(key, home, data, keysAt));
}

function belongs(key: string, home: Path, data: unknown, keysAt: (path: Path) => readonly string[]): boolean {
  const mapping = valueAt(data, home);
  return isMapping(mapping) && !Object.hasOwn(mapping, key) && keysAt(home).includes(key);
}

/** The mappings that end where the key begins, the outermost first. */
function before(key: string, at: Path, data: unknown): readonly Path[] {
  const mapping = valueAt(data, at);
  if (!isMapping(mapping)) return [];
  const keys = Object.keys(mapping);
  const found: Path[] = [];
  let last = keys[keys.indexOf(key) - 1];
  for (let path = at; last !== undefined;) {
    path = [...path, last];
    let value = valueAt(data, path);
    if (Array.isArray(value) && value.length > 0) {
      path = [...path, value.length - 1];
      value = valueAt(data, path);
    }
    if (!isMapping(value)) break;
    found.push(path);
    last = Object.keys(value).at(-1);
  }
  return found;
}

/** The issues without what is said of these keys of a mapping. */
function withoutKeys(issues: readonly Issue[], parent: Path, keys: readonly string[]): readonly Issue[] {
  return issues.flatMap((issue): readonly Issue[] => {
    const path = pathOf(issue);
    if (keys.some((key) => startsWith(path, [...parent, key]))) return [];
    if (issue.code !== 'unrecognized_keys' || dotted(path) !== dotted(parent)) return [issue];
    const left = issue.keys.filter((key) => !keys.includes(key));
    return left.length === 0 ? [] : [{ ...issue, keys: left }];
  });
}

/** Documents are read from YAML, where keys are texts and indices numbers. */
function pathOf(issue: Issue): Path {
  return issue.path as Path;
}

function startsWith(path: Path, start: Path): boolean {
  return start.every((step, index) => path[index] === step);
}

function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function dotted(path: Path): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${step}`))
    .join('');
}
