/** Reads a heap snapshot: which strings hold a canary, and by which objects each is kept alive. */
import type { Hit, Search } from './search.ts';

interface SnapshotDocument {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[];
      readonly node_types: readonly [readonly string[], ...unknown[]];
      readonly edge_fields: readonly string[];
      readonly edge_types: readonly [readonly string[], ...unknown[]];
    };
  };
  readonly nodes: readonly number[];
  readonly edges: readonly number[];
  readonly strings: readonly string[];
}

/** A canary in a living string. */
export interface HeapHit extends Hit {
  /** Names of the objects and properties that keep the string alive, the string first; no value. */
  readonly keptBy: readonly string[];
}

/** Names of a path that are shown. */
const pathMax = 14;

/** A heap snapshot in the form of `v8.writeHeapSnapshot`. */
export class HeapSnapshot {
  readonly #document: SnapshotDocument;
  #graph: Graph | undefined;

  constructor(json: string) {
    this.#document = JSON.parse(json) as SnapshotDocument;
  }

  /** Finds canaries in its strings. */
  search(search: Search): readonly HeapHit[] {
    const found = new Map<number, Hit[]>();
    this.#document.strings.forEach((text, index) => {
      search.each(Buffer.from(text), (hit) => found.set(index, [...(found.get(index) ?? []), hit]));
    });
    if (found.size === 0) return [];
    return [...this.#objects.nodesNamed(new Set(found.keys()))].flatMap(([name, node]) =>
      found.get(name)!.map((hit) => Object.assign({ keptBy: this.#objects.pathToRoot(node) }, hit)),
    );
  }

  /** Returns what keeps an object alive, by its number; nothing for one that the snapshot has not. */
  keptBy(snapshotId: number): readonly string[] {
    const node = this.#objects.nodeOf(snapshotId);
    return node === undefined ? [] : this.#objects.pathToRoot(node);
  }

  get #objects(): Graph {
    return (this.#graph ??= new Graph(this.#document));
  }
}

/** The objects of a snapshot, and who refers to whom. */
class Graph {
  readonly #document: SnapshotDocument;
  readonly #nodeSize: number;
  readonly #edgeSize: number;
  readonly #name: number;
  readonly #type: number;
  readonly #edgeCount: number;
  readonly #id: number;
  /** Per node: index of its first edge in `edges`. */
  readonly #firstEdge: Uint32Array;
  /** Retainers of node `n`: `#retainers[#firstRetainer[n]…#firstRetainer[n + 1]]`, as numbers of edges. */
  readonly #firstRetainer: Uint32Array;
  readonly #retainers: Uint32Array;
  readonly #ownerOfEdge: Uint32Array;

  constructor(document: SnapshotDocument) {
    this.#document = document;
    const { node_fields: nodeFields, edge_fields: edgeFields } = document.snapshot.meta;
    this.#nodeSize = nodeFields.length;
    this.#edgeSize = edgeFields.length;
    this.#name = nodeFields.indexOf('name');
    this.#type = nodeFields.indexOf('type');
    this.#edgeCount = nodeFields.indexOf('edge_count');
    this.#id = nodeFields.indexOf('id');
    const nodes = document.nodes.length / this.#nodeSize;
    const edges = document.edges.length / this.#edgeSize;
    this.#firstEdge = new Uint32Array(nodes + 1);
    this.#ownerOfEdge = new Uint32Array(edges);
    for (let node = 0, edge = 0; node < nodes; node += 1) {
      this.#firstEdge[node] = edge;
      const count = document.nodes[node * this.#nodeSize + this.#edgeCount]!;
      this.#ownerOfEdge.fill(node, edge, edge + count);
      edge += count;
      this.#firstEdge[node + 1] = edge;
    }
    this.#firstRetainer = new Uint32Array(nodes + 2);
    for (let edge = 0; edge < edges; edge += 1) this.#firstRetainer[this.#target(edge) + 2]! += 1;
    for (let node = 2; node < nodes + 2; node += 1)
      this.#firstRetainer[node]! += this.#firstRetainer[node - 1]!;
    this.#retainers = new Uint32Array(edges);
    for (let edge = 0; edge < edges; edge += 1)
      this.#retainers[this.#firstRetainer[this.#target(edge) + 1]!++] = edge;
  }

  /** Yields each node whose name has one of these indexes: the name of a string is its text, and a compiled regular
   *  expression or a symbol has a text as its name too. */
  *nodesNamed(names: ReadonlySet<number>): Iterable<readonly [name: number, node: number]> {
    for (let node = 0; node < this.#firstEdge.length - 1; node += 1) {
      const name = this.#document.nodes[node * this.#nodeSize + this.#name]!;
      if (names.has(name)) yield [name, node];
    }
  }

  /** Returns the node of an object; undefined without one. */
  nodeOf(snapshotId: number): number | undefined {
    const { nodes } = this.#document;
    for (let at = this.#id; at < nodes.length; at += this.#nodeSize)
      if (nodes[at] === snapshotId) return (at - this.#id) / this.#nodeSize;
    return undefined;
  }

  /** Returns the shortest way from a node to the root, over references that keep alive. */
  pathToRoot(from: number): string[] {
    const via = new Map<number, number>([[from, -1]]);
    const queue = [from];
    for (const node of queue) {
      if (node === 0) return this.#describe(node, via);
      const [first, end] = [this.#firstRetainer[node]!, this.#firstRetainer[node + 1]!];
      for (const edge of this.#retainers.subarray(first, end)) {
        const owner = this.#ownerOfEdge[edge]!;
        if (via.has(owner) || this.#edgeType(edge) === 'weak') continue;
        via.set(owner, edge);
        queue.push(owner);
      }
    }
    return ['(nothing)'];
  }

  /** @param via the edge by which each node of the search was reached, from its owner */
  #describe(root: number, via: ReadonlyMap<number, number>): string[] {
    const names: string[] = [];
    for (let node = root, edge = via.get(root)!; edge !== -1; edge = via.get(node)!) {
      names.push(`${this.#nodeName(node)}.${this.#edgeName(edge)}`);
      node = this.#target(edge);
    }
    return names.reverse().slice(0, pathMax);
  }

  #target(edge: number): number {
    return this.#document.edges[edge * this.#edgeSize + 2]! / this.#nodeSize;
  }

  #edgeType(edge: number): string {
    return this.#document.snapshot.meta.edge_types[0][this.#document.edges[edge * this.#edgeSize]!]!;
  }

  #edgeName(edge: number): string {
    const type = this.#edgeType(edge);
    const value = this.#document.edges[edge * this.#edgeSize + 1]!;
    return type === 'element' || type === 'hidden'
      ? String(value)
      : this.#document.strings[value]!.slice(0, 40);
  }

  #nodeName(node: number): string {
    const at = node * this.#nodeSize;
    const type = this.#document.snapshot.meta.node_types[0][this.#document.nodes[at + this.#type]!]!;
    const name = this.#document.strings[this.#document.nodes[at + this.#name]!]!;
    return type.includes('string') ? type : name.slice(0, 40);
  }
}
