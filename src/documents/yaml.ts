/** The only reader and writer of YAML: version 1.2, one document, no duplicate keys, bounded size, nesting and aliases, and a
 *  place for every value. Wraps the `yaml` package, which no other file imports. */
import {
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  stringify,
  type Document,
  type Node,
  type YAMLError,
} from 'yaml';
import type { Place } from './diagnostic.ts';

/** UTF-16 units of the largest document, which takes a fraction of a second to read. */
export const yamlCharactersMax = 262_144;

/** Most levels of nesting. */
const depthMax = 64;

/** Most nodes that the expansion of aliases may add. */
const aliasesMax = 100;

/** Keys and indices from the root of a document to a value. */
export type Path = readonly (string | number)[];

/** Places of values and keys. A path that does not exist has the place of its nearest existing ancestor. */
export interface Places {
  readonly place: (path: Path) => Place;
  /** Returns the place of the last step's key, not of its value. */
  readonly keyPlace: (path: Path) => Place;
}

export interface YamlDocument extends Places {
  readonly kind: 'document';
  /** Plain data. */
  readonly value: unknown;
}

/** Why a text is no document: at least one fault, in the order of the text. */
export interface YamlRefusal {
  readonly kind: 'refused';
  readonly faults: readonly YamlFault[];
}

export interface YamlFault {
  readonly what: 'too-large' | 'syntax' | 'duplicate-key' | 'too-deep' | 'aliases';
  readonly place: Place;
  readonly reason: string;
  readonly remedy: string;
}

/** Parses a text.
 *  @param file its name in places */
export function readYaml(file: string, text: string): YamlDocument | YamlRefusal {
  if (text.length > yamlCharactersMax)
    return refused('too-large', { file, line: 1, column: 1 }, [
      `the document has more than ${yamlCharactersMax} characters`,
      'Check that it is the right file, or split it',
    ]);
  const lines = new LineCounter();
  const at = (offset: number): Place => placeAt(offset, file, lines);
  const document = parseDocument(text, {
    lineCounter: lines,
    version: '1.2',
    schema: 'core',
    uniqueKeys: true,
    stringKeys: true,
    prettyErrors: false,
    // The package prints its warnings to standard error and quotes the text; here they are faults.
    logLevel: 'error',
  });
  const faults = [...document.errors, ...document.warnings].map((fault) => explain(fault, text, at));
  if (faults.length > 0) return { kind: 'refused', faults: withoutConsequences(faults) };
  const deep = tooDeep(document.contents);
  if (deep !== undefined) return refused('too-deep', at(startOf(deep) ?? 0), explanations['TOO_DEEP']!);
  try {
    const value: unknown = document.toJS({ maxAliasCount: aliasesMax });
    return { kind: 'document', value, ...placesOf(document, at) };
  } catch (error) {
    // The package throws a ReferenceError for too many aliases, and for one without an anchor.
    if (!(error instanceof ReferenceError)) throw error;
    const lost = unresolvedAlias(document);
    if (lost !== undefined) return refused('syntax', at(startOf(lost) ?? 0), explanations['LOST_ALIAS']!);
    const reason = `aliases expand to more than ${aliasesMax} nodes`;
    return refused('aliases', at(startOf(document.contents) ?? 0), [reason, 'Write the values out']);
  }
}

/** Returns plain data as a document that `readYaml` reads back as the same. Keys without a value are left out. */
export function writeYaml(value: unknown): string {
  return stringify(value, { version: '1.2', schema: 'core', aliasDuplicateObjects: false, lineWidth: 110 });
}

/** Removes faults that follow from the first one. A duplicate key does not. */
function withoutConsequences(faults: readonly YamlFault[]): readonly YamlFault[] {
  const first = faults.findIndex(({ what }) => what !== 'duplicate-key');
  return faults.filter(({ what }, index) => index === first || what === 'duplicate-key');
}

type Explanation = readonly [reason: string, remedy: string];

function refused(what: YamlFault['what'], place: Place, [reason, remedy]: Explanation): YamlRefusal {
  return { kind: 'refused', faults: [{ what, place, reason, remedy }] };
}

function placeAt(offset: number, file: string, lines: LineCounter): Place {
  const { line, col } = lines.linePos(offset);
  // An empty file has no line starts; the counter then returns 0.
  return { file, line: Math.max(1, line), column: Math.max(1, col) };
}

const explanations: Readonly<Record<string, Explanation>> = {
  TAB_AS_INDENT: ['a tab is used for indentation', 'Indent with spaces'],
  DUPLICATE_KEY: ['this key stands here twice', 'Keep one of the two'],
  BAD_INDENT: ['the indentation does not fit the lines around it', 'Align it with its siblings'],
  BLOCK_AS_IMPLICIT_KEY: ['the key above has both a value and indented lines', 'Remove one of the two'],
  MULTILINE_IMPLICIT_KEY: ['this line is no "key: value"', 'Is a colon or a quote missing?'],
  MISSING_CHAR: ['a closing quote, bracket or brace is missing', 'Close it'],
  IMPOSSIBLE: ['this is not YAML', 'Correct the YAML here'],
  BAD_ALIAS: ['* begins an alias', 'Put the asterisk in quotes: "*"'],
  LOST_ALIAS: ['this alias names no anchor before it', 'Write the value out'],
  MULTIPLE_DOCS: ['a second document begins here', 'One document per file'],
  TAG_RESOLVE_FAILED: ['this tag is unknown', 'Remove the tag that begins with !'],
  UNEXPECTED_TOKEN: ['this does not belong here', 'Is a quote or a comma missing?'],
  NON_STRING_KEY: ['a key is a text', 'Write the key as a word, or in quotes'],
  TOO_DEEP: [`values are nested in more than ${depthMax} levels`, 'Write them on fewer levels'],
};

function explain(fault: YAMLError, text: string, at: (offset: number) => Place): YamlFault {
  const place = at(fault.pos[0]);
  const cause = causeOf(text.split('\n')[place.line - 1] ?? '', text.slice(fault.pos[0]), fault);
  const [reason, remedy] = explanations[cause] ?? [firstSentence(fault.message), 'Correct the YAML here'];
  const what = { DUPLICATE_KEY: 'duplicate-key', TOO_DEEP: 'too-deep' } as const;
  return { what: what[cause as keyof typeof what] ?? 'syntax', place, reason, remedy };
}

/** Returns the cause of a fault in the author's terms: the package names the token, the line shows the mistake. */
function causeOf(line: string, rest: string, fault: YAMLError): string {
  if (fault.message.startsWith('Maximum call stack')) return 'TOO_DEEP';
  if (/^ *\t/.test(line)) return 'TAB_AS_INDENT';
  if (/^ *\*\s*:/.test(line)) return 'BAD_ALIAS';
  const unfinished = rest.trim() === '' && fault.code === 'BAD_INDENT';
  return unfinished ? 'MISSING_CHAR' : fault.code;
}

function firstSentence(message: string): string {
  return message
    .split('\n')[0]!
    .replace(/ at line \d+, column \d+:?$/, '')
    .replace(/[.:]$/, '');
}

/** Returns the first alias whose anchor is not set before it. */
function unresolvedAlias(document: Document.Parsed): Node | undefined {
  let level: readonly Node[] = document.contents === null ? [] : [document.contents];
  while (level.length > 0) {
    const lost = level.find((node) => isAlias(node) && node.resolve(document) === undefined);
    if (lost !== undefined) return lost;
    level = level.flatMap(childrenOf);
  }
  return undefined;
}

/** Returns the first node below `depthMax` levels. */
function tooDeep(contents: Node | null): Node | undefined {
  let level: readonly Node[] = contents === null ? [] : [contents];
  for (let depth = 0; depth < depthMax; depth += 1) level = level.flatMap(childrenOf);
  return level[0];
}

function childrenOf(node: Node): Node[] {
  if (!isCollection(node)) return [];
  return node.items.flatMap((item) => {
    const nodes = isPair(item) ? [item.key, item.value] : [item];
    return nodes.filter((child) => child !== null && child !== undefined) as Node[];
  });
}

function placesOf(document: Document.Parsed, at: (offset: number) => Place): Places {
  return {
    place: (path) => at(locate(document, path).valueStart),
    keyPlace: (path) => at(locate(document, path).keyStart),
  };
}

interface Located {
  readonly keyStart: number;
  readonly valueStart: number;
}

/** Follows a path as far as it exists. */
function locate(document: Document.Parsed, path: Path): Located {
  let node: Node | null = document.contents;
  const top = startOf(node) ?? 0;
  let found: Located = { keyStart: top, valueStart: top };
  for (const step of path) {
    const child = childOf(document, node, step);
    if (child === undefined) return found;
    found = child;
    node = child.node;
  }
  return found;
}

function childOf(
  document: Document.Parsed,
  parent: Node | null,
  step: string | number,
): (Located & { readonly node: Node | null }) | undefined {
  const node = isAlias(parent) ? (parent.resolve(document) ?? null) : parent;
  if (isSeq(node) && typeof step === 'number') {
    const item = node.items[step] as Node | undefined;
    const start = startOf(item);
    if (item === undefined || start === undefined) return undefined;
    return { keyStart: start, valueStart: start, node: item };
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
  if (pair === undefined) return undefined;
  const keyStart = startOf(pair.key as Node) ?? 0;
  const value = pair.value as Node | null;
  return { keyStart, valueStart: startOf(value) ?? keyStart, node: value };
}

function startOf(node: Node | null | undefined): number | undefined {
  return node?.range?.[0];
}
