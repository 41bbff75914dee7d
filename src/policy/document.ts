/** One file wraps the YAML reader: YAML 1.2, one document, no duplicate keys, no alias bombs, places for everything. */
import {
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  parseDocument,
  type Document,
  type YAMLError,
} from 'yaml';
import type { Place } from '../documents/diagnostic.ts';
import { errorAt, type Diagnostic } from './diagnostic.ts';

export type Path = readonly (string | number)[];

export interface SourceDocument {
  readonly file: string;
  /** Plain data, undefined when the text could not be read. */
  readonly data: unknown;
  readonly diagnostics: readonly Diagnostic[];
  /** Where the value at this path begins; of its nearest enclosing value when it is not there. */
  place(path: Path): Place;
  /** Where the key at this path begins. */
  keyPlace(path: Path): Place;
}

/** Reads the text of a file. What is wrong with it is in `diagnostics`; one mistake is reported once. */
export function readDocument(file: string, text: string): SourceDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: true,
    stringKeys: true,
    prettyErrors: false,
    logLevel: 'error',
  });
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problem = document.errors[0] ?? document.warnings[0];
  const diagnostics = problem === undefined ? [] : [explainYaml(at(problem.pos[0]), problem, text)];
  let data: unknown;
  if (diagnostics.length === 0) {
    try {
      data = document.toJS({ maxAliasCount: 50 });
    } catch {
      diagnostics.push(
        errorAt(at(0), 'ERR_POLICY_YAML', 'aliases expand to too much', { remedy: 'Write the values out' }),
      );
    }
  }
  return {
    file,
    data,
    diagnostics,
    place: (path) => at(offsetOf(document, path)),
    keyPlace: (path) => at(keyOffsetOf(document, path)),
  };
}

const explanations: Readonly<Record<string, readonly [reason: string, remedy: string]>> = {
  TAB_AS_INDENT: ['a tab is used for indentation', 'Indent with spaces'],
  DUPLICATE_KEY: ['this key stands here twice', 'Keep one of the two'],
  BAD_INDENT: ['the indentation does not fit the lines around it', 'Align it with its siblings'],
  BLOCK_AS_IMPLICIT_KEY: ['the key above has both a value and indented lines', 'Remove one of the two'],
  MULTILINE_IMPLICIT_KEY: ['this line is no "key: value"', 'Is a colon or a quote missing?'],
  MISSING_CHAR: ['a closing quote, bracket or brace is missing', 'Close it'],
  IMPOSSIBLE: ['this is not YAML', 'Correct the YAML here'],
  TOO_DEEP: ['values are nested too deeply', 'Write them on fewer levels'],
  BAD_ALIAS: ['* begins an alias', 'Put the asterisk in quotes: "*"'],
  MULTIPLE_DOCS: ['a second document begins here', 'One document per file'],
  TAG_RESOLVE_FAILED: ['this tag is unknown', 'Remove the tag that begins with !'],
  UNEXPECTED_TOKEN: ['this does not belong here', 'Is a quote or a comma missing?'],
};

function explainYaml(place: Place, problem: YAMLError, text: string): Diagnostic {
  const code = causeOf(text.split('\n')[place.line - 1] ?? '', text.slice(problem.pos[0]), problem);
  const [reason, remedy] = explanations[code] ?? [firstSentence(problem.message), 'Correct the YAML here'];
  return errorAt(place, 'ERR_POLICY_YAML', reason, { remedy });
}

/** The reader names what it stumbled over; the line says what the author did. */
function causeOf(line: string, rest: string, problem: YAMLError): string {
  if (problem.message.startsWith('Maximum call stack')) return 'TOO_DEEP';
  if (/^ *\t/.test(line)) return 'TAB_AS_INDENT';
  if (/^ *\*\s*:/.test(line)) return 'BAD_ALIAS';
  const unfinished = rest.trim() === '' && problem.code === 'BAD_INDENT';
  return unfinished ? 'MISSING_CHAR' : problem.code;
}

function firstSentence(message: string): string {
  return message.split('\n')[0]!.replace(/[.:]$/, '');
}

function offsetOf(document: Document, path: Path): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

function keyOffsetOf(document: Document, path: Path): number {
  const parent = document.getIn(path.slice(0, -1), true);
  if (isMap(parent)) {
    for (const pair of parent.items) {
      if (!isPair(pair) || !isScalar(pair.key) || String(pair.key.value) !== String(path.at(-1))) continue;
      return pair.key.range?.[0] ?? offsetOf(document, path);
    }
  }
  return offsetOf(document, path);
}
