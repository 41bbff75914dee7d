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
  /** Whether its own body throws a new error that its docstring does not name by `@throws`. False without a docstring. */
  readonly throwsUnsaid: boolean;
}

interface Node {
  readonly type: string;
  readonly leadingComments?: readonly { readonly value: string }[];
  readonly loc: { readonly start: { readonly line: number }; readonly end: { readonly line: number } };
}

export interface Source {
  /** Comments, without their markers. */
  readonly comments: readonly Prose[];
  /** String literals and the constant parts of templates: error texts, log events, labels. */
  readonly strings: readonly Prose[];
  /** Titles of tests, and names of cases in their tables. */
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
    titles.push(...caseNameOf(node, parent));
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

/** Returns the name of a case: the first text of a row (`['an empty name', …]`), or a quoted key. One word, or a stanza,
 *  is no name. */
function caseNameOf(node: Node, parent: Node | undefined): Prose[] {
  if (node.type !== 'StringLiteral') return [];
  const { elements, key } = parent as unknown as { elements?: readonly Node[]; key?: Node };
  if (elements?.[0] !== node && key !== node) return [];
  return proseOf(node).filter(({ text }) => text.includes(' ') && !text.startsWith('<'));
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
  const doc = [
    ...(node.leadingComments ?? []),
    ...(parent?.type.startsWith('Export') === true ? (parent?.leadingComments ?? []) : []),
  ]
    .map(({ value }) => value)
    .findLast((value) => value.startsWith('*'));
  const throwsUnsaid = doc !== undefined && !doc.includes('@throws') && throwsNew(node, node);
  return { name: name ?? 'anonymous', line: start.line, lines: end.line - start.line + 1, throwsUnsaid };
}

/** Returns whether a function throws an error that it makes itself: outside of inner functions, and of blocks whose
 *  errors it catches. */
function throwsNew(node: Node, root: Node): boolean {
  if (node !== root && isFunction(node)) return false;
  const { argument, handler, finalizer } = node as Node &
    Record<'argument' | 'handler' | 'finalizer', Node | null>;
  if (node.type === 'ThrowStatement') return /^(New|Call)Expression$/.test(argument?.type ?? '');
  const inside = node.type === 'TryStatement' && handler !== null ? [handler, finalizer] : childrenOf(node);
  return inside.some((child) => child !== null && throwsNew(child, root));
}

/** Calls `look` for every node, parents first. */
function visit(node: unknown, look: (node: Node, parent: Node | undefined) => void, parent?: Node): void {
  const { type, loc } = node as Node;
  if (typeof type !== 'string' || loc === undefined) return;
  look(node as Node, parent);
  for (const child of childrenOf(node as Node)) visit(child, look, node as Node);
}

function childrenOf(node: Node): Node[] {
  return Object.entries(node)
    .filter(([key]) => !key.endsWith('Comments') && key !== 'loc')
    .flatMap(([, child]) => (Array.isArray(child) ? (child as unknown[]) : [child]))
    .filter((child): child is Node => typeof (child as Node | null)?.type === 'string');
}
