/** One YAML 1.2 document as plain data, and where each of its values stands. Wraps the `yaml` package.
 *
 *  The text is the operator's, yet a proxy should not be taken down by its own configuration: size and aliases
 *  are bounded, duplicate keys refused. */
import type { Place } from '../documents/diagnostic.ts';
import { type Document, LineCounter, type Node, isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import { type ConfigErrorCode, type ConfigPath, type ConfigProblem, configErrors } from './problem.ts';

/** Size of a configuration file in bytes. ERR_CONFIG_TOO_LARGE */
export const fileBytesMax = 262_144;

/** Nodes that aliases may add by expansion. ERR_CONFIG_ALIAS */
const aliasesMax = 100;

/** Where values and keys stand. Paths that do not exist lead to their nearest existing ancestor. */
export interface Places {
  readonly value: (path: ConfigPath) => Place;
  /** The place of the last step's key rather than of its value. */
  readonly key: (path: ConfigPath) => Place;
}

export type Parsed =
  | { readonly kind: 'document'; readonly value: unknown; readonly places: Places }
  | { readonly kind: 'refused'; readonly problems: readonly ConfigProblem[] };

/** Reads the text of a configuration file. @param file its name in problems. */
export function parseConfigText(bytes: Uint8Array, file: string): Parsed {
  const start: Place = { file, line: 1, column: 1 };
  if (bytes.length > fileBytesMax)
    return refused('ERR_CONFIG_TOO_LARGE', start, `the file has more than ${fileBytesMax} bytes`);
  const text = decode(bytes);
  if (text === undefined) return refused('ERR_CONFIG_SYNTAX', start, 'the file is not UTF-8');
  return parseText(text, file);
}

function parseText(text: string, file: string): Parsed {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    version: '1.2',
    schema: 'core',
    uniqueKeys: true,
    stringKeys: true,
    prettyErrors: false,
  });
  // Warnings (unknown tags and directives) are errors here: what is not understood is not ignored.
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0)
    return { kind: 'refused', problems: faults.map((fault) => yamlProblem(fault, file, lines)) };
  const places = placesOf(document, file, lines);
  try {
    return { kind: 'document', value: document.toJS({ maxAliasCount: aliasesMax }), places };
  } catch (error) {
    // The package throws a ReferenceError for too many aliases and nothing else here.
    if (!(error instanceof ReferenceError)) throw error;
    return refused('ERR_CONFIG_ALIAS', places.value([]), `aliases expand to more than ${aliasesMax} nodes`);
  }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

interface YamlFault {
  readonly code: string;
  readonly message: string;
  readonly pos: readonly [number, number];
}

function yamlProblem(fault: YamlFault, file: string, lines: LineCounter): ConfigProblem {
  const code = fault.code === 'DUPLICATE_KEY' ? 'ERR_CONFIG_DUPLICATE_KEY' : 'ERR_CONFIG_SYNTAX';
  const message =
    code === 'ERR_CONFIG_DUPLICATE_KEY' ? 'this key appears twice in the same mapping' : fault.message;
  return problem(code, placeAt(fault.pos[0], file, lines), message.split('\n')[0] ?? message);
}

function refused(code: ConfigErrorCode, place: Place, message: string): Parsed {
  return { kind: 'refused', problems: [problem(code, place, message)] };
}

function problem(code: ConfigErrorCode, place: Place, message: string): ConfigProblem {
  return { severity: 'error', code, path: '', place, message, remedy: configErrors[code].remedy };
}

function placeAt(offset: number, file: string, lines: LineCounter): Place {
  const { line, col } = lines.linePos(offset);
  // An empty file has no line starts, for which the counter answers 0.
  return { file, line: Math.max(1, line), column: Math.max(1, col) };
}

function placesOf(document: Document.Parsed, file: string, lines: LineCounter): Places {
  const at = (offset: number): Place => placeAt(offset, file, lines);
  return {
    value: (path) => at(locate(document, path).valueStart),
    key: (path) => at(locate(document, path).keyStart),
  };
}

interface Located {
  readonly keyStart: number;
  readonly valueStart: number;
}

/** Walks down as far as the path exists. */
function locate(document: Document.Parsed, path: ConfigPath): Located {
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
    return item === undefined || start === undefined
      ? undefined
      : { keyStart: start, valueStart: start, node: item };
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
