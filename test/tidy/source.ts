/** What the tidy test reads of a TypeScript file: its prose, its head comment, its functions. */
import { parse, type ParseResult } from '@babel/parser';

/** A piece of text for people, and where it begins. */
export interface Prose {
  readonly line: number;
  readonly text: string;
}

/** A function and its length. */
export interface Function {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

interface Node {
  readonly type: string;
  readonly loc: { readonly start: { readonly line: number }; readonly end: { readonly line: number } };
}

export interface Source {
  /** Comments, without their markers. */
  readonly comments: readonly Prose[];
  /** String literals and the constant parts of templates: error texts, log events, labels. */
  readonly strings: readonly Prose[];
  /** Titles of tests. */
  readonly titles: readonly Prose[];
  /** Functions, methods and arrow functions with a body. */
  readonly functions: readonly Function[];
  /** Whether a comment stands before everything else, or between the imports and the rest. */
  readonly hasHead: boolean;
}

/** @throws SyntaxError when the text is no TypeScript */
export function readSource(text: string): Source {
  const file = parse(text, { sourceType: 'module', plugins: ['typescript', 'explicitResourceManagement'] });
  const strings: Prose[] = [];
  const titles: Prose[] = [];
  const functions: Function[] = [];
  visit(file.program, (node, parent) => {
    if (parent?.type !== 'ImportDeclaration') strings.push(...proseOf(node));
    if (node.type === 'CallExpression') titles.push(...titleOf(node as never));
    if (isFunction(node)) functions.push(functionOf(node, parent));
  });
  return { comments: commentsOf(file), strings, titles, functions, hasHead: headOf(file) };
}

function commentsOf({ comments }: ParseResult): Prose[] {
  return (comments ?? []).map(({ value, loc }) => ({
    line: loc!.start.line,
    text: value.replaceAll(/^\s*\* ?/gm, ' ').trim(),
  }));
}

/** A head comment stands at the top of the file, before or directly after the imports. */
function headOf({ comments, program: { body } }: ParseResult): boolean {
  const first = body[0]?.start ?? 0;
  const afterImports = body.find(({ type }) => type !== 'ImportDeclaration')?.start ?? first;
  const lastImport = body.findLast(({ type }) => type === 'ImportDeclaration')?.end ?? 0;
  return (comments ?? []).some(
    ({ value, start, end }) =>
      value.startsWith('*') && (end! <= first || (start! >= lastImport && end! <= afterImports)),
  );
}

function proseOf(node: Node): Prose[] {
  const { line } = node.loc.start;
  if (node.type === 'StringLiteral') return [{ line, text: (node as unknown as { value: string }).value }];
  if (node.type !== 'TemplateElement') return [];
  return [{ line, text: (node as unknown as { value: { raw: string } }).value.raw }];
}

const testers: ReadonlySet<string> = new Set(['it', 'test', 'describe', 'describeWithPeers']);

interface Call extends Node {
  readonly callee: Node & { readonly name?: string; readonly object?: Node; readonly callee?: Node };
  readonly arguments: readonly Node[];
}

/** The title of `it('…')`, `describe.each(…)('…')` and the like. */
function titleOf(call: Call): Prose[] {
  let root: Call['callee'] | undefined = call.callee;
  while (root !== undefined && root.name === undefined)
    root = (root.object ?? root.callee) as Call['callee'] | undefined;
  if (root?.name === undefined || !testers.has(root.name)) return [];
  return call.arguments.slice(0, 2).flatMap((argument) => {
    if (argument.type !== 'TemplateLiteral') return proseOf(argument);
    return (argument as unknown as { quasis: Node[] }).quasis.flatMap(proseOf);
  });
}

function isFunction({ type }: Node): boolean {
  return /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression|ClassMethod|ClassPrivateMethod|ObjectMethod)$/.test(type); // prettier-ignore
}

function functionOf(node: Node, parent: Node | undefined): Function {
  const named = node as { id?: { name: string }; key?: { name?: string; id?: { name: string } } };
  const owner = parent as { id?: { name?: string }; key?: { name?: string } } | undefined;
  const name =
    named.id?.name ?? named.key?.name ?? named.key?.id?.name ?? owner?.id?.name ?? owner?.key?.name;
  const { start, end } = node.loc;
  return { name: name ?? 'anonymous', line: start.line, lines: end.line - start.line + 1 };
}

/** Calls `look` for every node, parents first. */
function visit(node: unknown, look: (node: Node, parent: Node | undefined) => void, parent?: Node): void {
  const { type, loc } = node as Node;
  if (typeof type !== 'string' || loc === undefined) return;
  look(node as Node, parent);
  for (const [key, child] of Object.entries(node as object)) {
    if (key.endsWith('Comments') || key === 'loc' || child === null || typeof child !== 'object') continue;
    for (const each of Array.isArray(child) ? child : [child])
      if (each !== null && typeof each === 'object') visit(each, look, node as Node);
  }
}
