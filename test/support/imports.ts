/** The imports of `src/`, read from the text of its files: type imports and dynamic imports count like all others. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Nodes and what each points to. */
export type Graph = ReadonlyMap<string, ReadonlySet<string>>;

const specifier = /(?:\bfrom|\bimport|\bimport\()\s*['"](\.[^'"]+)['"]/g;

/** Paths of the files that the code of `file` imports.
 *  @param file a path relative to `src/` */
export function importsOf(file: string, code: string): readonly string[] {
  return [...code.matchAll(specifier)].map(([, target]) => join(file, '..', target!));
}

/** Every source file with what it imports. @param src the folder; paths are relative to it */
export function fileGraph(src: string): Graph {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.(ts|js)$/.test(file),
  );
  return new Map(
    files.map((file) => [file, new Set(importsOf(file, readFileSync(join(src, file), 'utf8')))]),
  );
}

/** The first folder of a path. */
export function folderOf(file: string): string {
  return file.slice(0, file.indexOf('/'));
}

/** Which folder imports which. */
export function folderGraph(files: Graph): Graph {
  const folders = new Map<string, Set<string>>();
  for (const [file, targets] of files) {
    const folder = folderOf(file);
    const others = folders.get(folder) ?? new Set();
    folders.set(folder, others);
    for (const target of targets) if (folderOf(target) !== folder) others.add(folderOf(target));
  }
  return folders;
}

/** A way from a node back to itself, or undefined. */
export function cycleIn(graph: Graph): readonly string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (node: string): readonly string[] | undefined => {
    if (done.has(node)) return undefined;
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    path.push(node);
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next);
      if (cycle !== undefined) return cycle;
    }
    path.pop();
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const cycle = visit(node);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** The graph without the arrows that follow from others: the fewest that still say who reaches whom.
 *  @param graph without cycles */
export function reduced(graph: Graph): Graph {
  const reachable = new Map<string, ReadonlySet<string>>();
  const reach = (node: string): ReadonlySet<string> => {
    const known = reachable.get(node);
    if (known !== undefined) return known;
    const found = new Set<string>();
    for (const next of graph.get(node) ?? []) for (const far of [next, ...reach(next)]) found.add(far);
    reachable.set(node, found);
    return found;
  };
  const direct = (targets: ReadonlySet<string>): Set<string> =>
    new Set([...targets].filter((target) => ![...targets].some((other) => reach(other).has(target))));
  return new Map([...graph].map(([node, targets]) => [node, direct(targets)]));
}
