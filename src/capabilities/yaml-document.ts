/** Reads one YAML document against a schema, with every problem at its line and column and, where a name is nearly
 *  right, the name that was meant. YAML 1.2; duplicate keys are refused, and aliases are bounded. */
import { isMap, isNode, isPair, LineCounter, parseDocument, type Document, type Node } from 'yaml';
import type { z } from 'zod';

/** A file's name, as the reader knows it, and its text. */
export interface Source {
  readonly file: string;
  readonly text: string;
}

/** Something wrong in a document. `line` and `column` count from 1. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly code: string;
  /** What is wrong and what would be right, for the author of the document. */
  readonly message: string;
}

export type DocumentReading<T> =
  | { readonly kind: 'document'; readonly value: T; readonly at: Locate }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] };

/** Makes a problem at a path of the document, for rules that a schema cannot express. With `key`, it points at the
 *  key instead of the value. */
export type Locate = (path: Path, problem: { code: string; message: string }, key?: boolean) => Problem;

type Path = readonly PropertyKey[];

/** One problem per line, as compilers print them: `file:line:column: CODE message`. */
export function formatProblem({ file, line, column, code, message }: Problem): string {
  return `${file}:${line}:${column}: ${code} ${message}`;
}

/** Reads `source` as `schema`. `code` is the error code of whatever the schema refuses. */
export function readDocument<T>(source: Source, schema: z.ZodType<T>, code: string): DocumentReading<T> {
  const lines = new LineCounter();
  const document = parseDocument(source.text, {
    lineCounter: lines,
    uniqueKeys: true,
    stringKeys: true,
    strict: true,
    logLevel: 'error',
  });
  const positioned = (offset: number, problem: { code: string; message: string }): Problem => {
    const { line, col } = lines.linePos(offset);
    return { file: source.file, line, column: col, ...problem };
  };
  const at: Locate = (path, problem, key = false) => positioned(offsetOf(document, path, key), problem);

  if (document.errors.length > 0) {
    const problems = document.errors.map((error) =>
      positioned(error.pos[0], { code: 'ERR_YAML', message: firstLine(error.message) }),
    );
    return { kind: 'invalid', problems };
  }
  const json = toJson(document);
  if (json.kind === 'aliases')
    return { kind: 'invalid', problems: [at([], { code: 'ERR_YAML', message: 'too many aliases' })] };
  const parsed = schema.safeParse(json.value, { reportInput: true });
  if (parsed.success) return { kind: 'document', value: parsed.data, at };
  const { issues } = parsed.error;
  const otherKind = issues.find(
    ({ path, code: why }) => path.join('.') === 'kind' && why === 'invalid_value',
  );
  // What belongs in other files would be wrong here in each of its keys; that it is another document says it.
  const judged = otherKind !== undefined && isOtherDocument(otherKind) ? [otherKind] : issues;
  return { kind: 'invalid', problems: judged.flatMap((issue) => describe(issue, schema, at, code)) };
}

/** Of a kind that is no misspelling of the one wanted. */
function isOtherDocument(issue: z.core.$ZodIssue): boolean {
  return (
    issue.code === 'invalid_value' &&
    typeof issue.input === 'string' &&
    didYouMean(issue.input, issue.values.map(String)) === ''
  );
}

const aliasesMax = 16;

function toJson(document: Document): { kind: 'json'; value: unknown } | { kind: 'aliases' } {
  try {
    return { kind: 'json', value: document.toJS({ maxAliasCount: aliasesMax }) as unknown };
  } catch {
    return { kind: 'aliases' };
  }
}

function describe(issue: z.core.$ZodIssue, schema: z.ZodType, at: Locate, code: string): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, issue.path);
    return issue.keys.map((key) =>
      at([...issue.path, key], { code, message: `unknown key '${key}'${didYouMean(key, known)}` }, true),
    );
  }
  if (issue.code === 'invalid_value') {
    const allowed = issue.values.map(String);
    const given = typeof issue.input === 'string' ? didYouMean(issue.input, allowed) : '';
    return [
      at(issue.path, { code, message: `${labelled(issue.path)}must be ${allowed.join(' or ')}${given}` }),
    ];
  }
  const missing = issue.code === 'invalid_type' && issue.input === undefined;
  if (issue.path.length === 0 && issue.input === null)
    return [at([], { code, message: 'the document is empty' })];
  const message = missing ? 'is missing' : firstLine(issue.message);
  return [at(issue.path, { code, message: `${labelled(issue.path)}${message}` })];
}

function labelled(path: Path): string {
  return path.length === 0 ? '' : `${path.map(String).join('.')}: `;
}

function firstLine(message: string): string {
  return message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '');
}

/** Keys that the schema allows at a path. Empty where it is no object of fixed keys. */
function keysAt(schema: z.ZodType, path: Path): string[] {
  let at: unknown = unwrap(schema);
  for (const step of path) {
    const shape = shapeOf(at);
    at = shape === undefined ? valueTypeOf(at) : unwrap(shape[String(step)]);
  }
  return Object.keys(shapeOf(at) ?? {});
}

interface Definition {
  readonly innerType?: unknown;
  readonly in?: unknown;
  readonly shape?: Record<string, unknown>;
  readonly valueType?: unknown;
  readonly element?: unknown;
  readonly options?: readonly unknown[];
}

function definitionOf(schema: unknown): Definition {
  return (schema as { def?: Definition } | undefined)?.def ?? {};
}

function unwrap(schema: unknown): unknown {
  const { innerType, in: input } = definitionOf(schema);
  const inner = innerType ?? input;
  return inner === undefined ? schema : unwrap(inner);
}

function shapeOf(schema: unknown): Record<string, unknown> | undefined {
  const { shape, options } = definitionOf(schema);
  return shape ?? options?.map((option) => shapeOf(unwrap(option))).find((found) => found !== undefined);
}

function valueTypeOf(schema: unknown): unknown {
  const { valueType, element } = definitionOf(schema);
  return unwrap(valueType ?? element);
}

/** ` - did you mean 'x'?` for the nearest of the allowed names, or nothing when none is near. */
export function didYouMean(given: string, allowed: readonly string[]): string {
  const near = allowed
    .map((name) => ({ name, distance: editDistance(given, name) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(name.length / 3)))
    .toSorted((a, b) => a.distance - b.distance);
  return near.length === 0 ? '' : ` - did you mean '${near[0]!.name}'?`;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(previous[j]! + 1, current[j - 1]! + 1, substituted));
    }
    previous = current;
  }
  return previous[b.length]!;
}

/** Where a path stands in the text: the nearest part of it that exists. */
function offsetOf(document: Document, path: Path, key: boolean): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const head = path.slice(0, length);
    const node = key && length === path.length ? keyNode(document, head) : nodeAt(document, head);
    if (node?.range) return node.range[0];
  }
  return 0;
}

function nodeAt(document: Document, path: Path): Node | undefined {
  const node = path.length === 0 ? document.contents : document.getIn(path, true);
  return isNode(node) ? node : undefined;
}

function keyNode(document: Document, path: Path): Node | undefined {
  const parent = nodeAt(document, path.slice(0, -1));
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find(
    (item) => isPair(item) && isNode(item.key) && String(item.key) === String(path.at(-1)),
  );
  return isNode(pair?.key) ? pair.key : undefined;
}
